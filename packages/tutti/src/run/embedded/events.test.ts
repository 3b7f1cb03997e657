import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../../journal/index.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { ended, gate, testEngine } from '../../testing/test-engine.ts'
import { flow, type RunEvent, type RunHandle, signal } from '../index.ts'

const Go = signal('go', z.null())
const told = ({ type, seq, ...rest }: RunEvent): string => `${seq} ${type}${'key' in rest ? ` ${rest.key}` : ''}${'text' in rest ? ` ${rest.text}` : ''}`

async function all(handle: RunHandle<unknown>, after?: number): Promise<string[]> {
  const seen: string[] = []
  for await (const event of handle.events(after === undefined ? {} : { after })) seen.push(told(event))
  return seen
}

const desk = flow('desk', async (_: null, run) => {
  await run.step('a', null, () => settled(2), { effect: 'idempotent' })
  run.emit('half', 1)
  await run.wait(Go)
  await run.step('b', () => Promise.reject(new Error('no'))).catch(() => {})
  return 'out'
})
const everything = [
  '2 step.started desk/a',
  '3 step.completed desk/a',
  '4 custom desk/~emit:half',
  '5 signal.awaited desk/go',
  '7 step.failed desk/b',
  '8 run.completed',
]

describe('the events of a run', () => {
  it('[S1] the events of a run are the same for whoever watches from the beginning, from the middle, and when all is over', async () => {
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    const fromTheStart = all(handle)
    await handle.outcome()
    const fromTheMiddle = all(handle, 3)
    const many = Array.from({ length: 5 }, () => all(handle))
    await handle.send(Go, null)
    expect(await fromTheStart).toEqual(everything)
    expect(await fromTheMiddle).toEqual(everything.slice(2))
    for (const seen of many) expect(await seen).toEqual(everything)
    expect(await all(handle)).toEqual(everything)
    expect(await all(handle, 7)).toEqual(everything.slice(5))
    expect(await all(handle, 8)).toEqual([])
  })

  it('[S1] events go on without a gap and without doubles when the run moves from one engine to another and back', async () => {
    const store = memoryStore()
    const clock = simulatedClock()
    const first = testEngine([desk], { store, clock })
    const handle = await first.start(desk, null)
    const watched = all(handle)
    await handle.outcome()
    await settled()
    const second = testEngine([desk], { store, clock: simulatedClock(clock.now() + 60_000) })
    await second.engine.activate(handle.id)
    await settled()
    const third = testEngine([desk], { store, clock: simulatedClock(clock.now() + 120_000) })
    const beside = all(third.handle(handle.id))
    await third.engine.activate(handle.id)
    await third.handle(handle.id).send(Go, null)
    const here = (await watched).map((line) => line.replace(/^\d+ /, ''))
    expect(here).toEqual(everything.map((line) => line.replace(/^\d+ /, '')))
    expect(await beside).toEqual(await watched)
  })

  it('[S1] every event is numbered by the entry it stands for, so that a reader can go on from the last one it saw', async () => {
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    await handle.send(Go, null)
    const whole = await all(handle)
    for (let i = 0; i < whole.length; i++) expect(await all(handle, Number.parseInt(whole[i] as string, 10))).toEqual(whole.slice(i + 1))
  })

  it('[S1] the events of a run that does not exist are an error, not silence', async () => {
    await expect(all(testEngine([desk]).handle('run_none'))).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })

  it('[M7] provisional parts are shown where they came, marked as void when the attempt begins again', async () => {
    const writes = flow('writes', async (_: null, run) =>
      run['~core'].ask<string>({
        name: 'w',
        kind: 'model',
        effect: 'idempotent',
        fingerprint: 'f',
        retry: (_, attempt) => (attempt < 2 ? { afterMs: 0 } : undefined),
        plan: (attempt) => ({
          execute: async (ctx) => {
            ctx.stream({ type: 'text', text: `text ${attempt}` })
            await settled(1)
            if (attempt === 1) throw new Error('cut')
            return { value: 'done' }
          },
        }),
      }),
    )
    const { start } = testEngine([writes])
    const handle = await start(writes, null)
    expect((await all(handle)).map((line) => line.replace(/^\d+ /, ''))).toEqual([
      'step.started writes/w',
      'text.delta writes/w text 1',
      'step.failed writes/w',
      'step.started writes/w',
      'text.reset writes/w',
      'text.delta writes/w text 2',
      'step.completed writes/w',
      'run.completed',
    ])
  })

  it('[S1] a watcher who goes away costs the run nothing, and one that is slow misses nothing', async () => {
    const held = gate()
    const long = flow('long', async (_: null, run) => {
      for (let i = 0; i < 30; i++) await run.step('s', i, (n) => n)
      held.open()
    })
    const { start } = testEngine([long])
    const handle = await start(long, null)
    for await (const _ of handle.events()) break
    const seen: number[] = []
    for await (const { seq } of handle.events()) {
      seen.push(seq)
      await settled(1)
    }
    await held.promise
    expect(seen).toEqual(Array.from({ length: 31 }, (_, i) => i + 2))
    expect((await ended(Promise.resolve(handle))).id).toBe(handle.id)
  })
})
