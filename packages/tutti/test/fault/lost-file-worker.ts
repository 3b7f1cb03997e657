/** The process of `lost-file.test.ts`: an app whose journal is removed, or replaced, while a run is under way. */
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { flow, TuttiError, tutti } from '../../src/index.ts'
import { sqliteStore } from '../../src/journal/index.ts'

export type Loss = 'removed' | 'folder removed' | 'replaced' | 'log removed' | 'put back'
export interface LossOrder {
  readonly path: string
  readonly loss: Loss
  readonly commit: 'main' | 'worker'
}
export interface LossReport {
  /** Steps of the run that were acknowledged before, and after. */
  readonly before: number
  readonly after: number
  readonly said: string
  /** What a run was answered that was to begin then. */
  readonly next: string
  /** How the run ended when the file was where it had been. */
  readonly resumed?: string | undefined
}

function lose(path: string, loss: Loss): void {
  if (loss === 'removed') rmSync(path)
  else if (loss === 'folder removed') rmSync(dirname(path), { recursive: true })
  else if (loss === 'log removed') rmSync(`${path}-wal`)
  else if (loss === 'put back') renameSync(path, `${path}.aside`)
  else {
    copyFileSync(path, `${path}.new`)
    renameSync(`${path}.new`, path)
  }
}

process.once('message', async ({ path, loss, commit }: LossOrder) => {
  let isLost = false
  let before = 0
  let after = 0
  const work = flow('work', async (_: number, run) => {
    for (const n of [1, 2, 3, 4, 5]) {
      await run.step('work', n, async () => {
        if (n === 3 && !isLost) lose(path, loss)
        isLost ||= n === 3
        // Longer than the moment between two looks.
        if (n === 3) await later(25)
        return n
      })
      if (isLost) after++
      else before++
    }
    return 'done'
  })
  const app = tutti({ flows: [work], store: sqliteStore(path, { commit }) })
  const said = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'completed',
      (error) => (TuttiError.is(error) ? `${error.code}: ${error.message}` : String(error)),
    )
  const report: LossReport = { said: await said(app.run(work, 1, { id: 'run_lost' })), next: await said(app.run(work, 2)), before, after }
  if (loss === 'put back') renameSync(`${path}.aside`, path)
  const resumed = loss === 'put back' ? await said(app.resume('run_lost').then((handle) => handle.result())) : undefined
  process.send?.({ ...report, resumed }, () => process.kill(process.pid, 'SIGKILL'))
})
