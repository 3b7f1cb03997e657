/** A flow of many steps, each of which says on a log that it was done; its result is that line, so a step that was done again is seen. */
import { appendFileSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { flow } from 'tutti'

export const STEPS = 60

let count = 0

/** @param log a file */
export const stepsFlow = (log: string) =>
  flow('steps', { version: '1' }, async (n: number, run) => {
    const work = async (i: number, { idempotencyKey }: { readonly idempotencyKey: string }): Promise<string> => {
      await later(i % 4)
      const line = `${idempotencyKey} ${process.pid}.${count++} ${Date.now()}`
      appendFileSync(log, `${line}\n`)
      return line
    }
    const lines: string[] = []
    // Two at once, then two one after the other.
    for (let i = 0; i < STEPS; i += 4) {
      lines.push(...(await run.all([run.step('left', i, work), run.step('right', i + 1, work)])))
      lines.push(await run.step('one', i + 2, work), await run.step('two', i + 3, work))
    }
    return { n, lines }
  })
