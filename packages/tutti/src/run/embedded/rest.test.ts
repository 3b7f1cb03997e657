import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../../journal/index.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { flow, signal } from '../index.ts'

const Go = signal('go', z.string())
const waits = flow('waits', async (_: null, run) => run.step('before', () => 1).then(() => run.wait(Go)))
const until = async (so: () => Promise<boolean>): Promise<void> => {
  while (!(await so())) await settled(1)
}

describe('a run at rest', () => {
  it('[R4] a run at rest is given up after a while, keeps nothing in memory, and a signal wakes it', async () => {
    const { engine, store, start, entries } = testEngine([waits], { restMs: 0, resume: true, leaseMs: 60 })
    const handle = await start(waits, null)
    await until(async () => (await store.head(handle.id))?.owner === undefined)
    expect(await store.head(handle.id)).toMatchObject({ status: 'waiting', waiting: [{ signal: 'go', key: 'waits/go' }], stalls: 0 })
    expect(engine.standing(handle.id)).toBeUndefined()
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'go', key: 'waits/go' }] })
    expect(await handle.send(Go, 'on')).toBe('delivered')
    expect((await handle.result()).output).toBe('on')
    expect((await entries(handle.id)).map(({ type }) => type)).toEqual([
      'run.started',
      'step.completed',
      'signal.awaited',
      'run.suspended',
      'run.resumed',
      'signal.received',
      'run.completed',
    ])
  })

  it('[R4] a run at rest is not taken for one that crashes, however often it is woken for nothing', async () => {
    const { engine, store, start } = testEngine([waits], { restMs: 0, resume: true, leaseMs: 60, maxStalls: 3 })
    const handle = await start(waits, null)
    for (let i = 0; i < 6; i++) {
      await until(async () => (await store.head(handle.id))?.owner === undefined)
      await engine.activate(handle.id)
    }
    await handle.send(Go, 'at last')
    expect((await handle.result()).output).toBe('at last')
  })

  it('[R3] a run at rest is woken by its timer, also when nobody in this process waits for it', async () => {
    const clock = simulatedClock()
    let woken = 0
    const sleeps = flow('sleeps', async (_: null, run) => {
      await run.sleep('long', '30d')
      await run.step('after', () => ++woken)
    })
    const { store, start } = testEngine([sleeps], { clock, restMs: 0, resume: true, leaseMs: 60 })
    const handle = await start(sleeps, null)
    await until(async () => (await store.head(handle.id))?.owner === undefined)
    expect(await store.head(handle.id)).toMatchObject({ status: 'waiting', wakeAt: clock.now() + 30 * 86_400_000 })
    await clock.advance('30d')
    await until(async () => (await store.head(handle.id))?.status === 'completed')
    expect(woken).toBe(1)
  })

  it('[R4] whoever waits here for a run at rest learns what another process made of it', async () => {
    const store = memoryStore()
    const first = testEngine([waits], { store, restMs: 0, leaseMs: 60 })
    const handle = await first.start(waits, null)
    await until(async () => (await store.head(handle.id))?.owner === undefined)
    const result = handle.result()
    const second = testEngine([waits], { store })
    await second.handle(handle.id).send(Go, 'from elsewhere')
    expect((await result).output).toBe('from elsewhere')
  })

  it('[R4] a signal that is on its way when the run is given up is not lost', async () => {
    for (let i = 0; i < 20; i++) {
      const { engine, start } = testEngine([waits], { restMs: 0, resume: true, leaseMs: 30 })
      const handle = await start(waits, null)
      await handle.outcome()
      await settled(i % 7)
      await handle.send(Go, `signal ${i}`)
      expect((await handle.result()).output).toBe(`signal ${i}`)
      await engine.close()
    }
  })

  it('[R4] a verdict on something that is not in doubt does not wake a run at rest again and again', async () => {
    const { engine, store, start, entries } = testEngine([waits], { restMs: 0, resume: true, leaseMs: 30 })
    const handle = await start(waits, null)
    await handle.outcome()
    await engine.post(handle.id, { id: 'stray', type: 'resolve', key: 'waits/nothing', verdict: 'done' })
    await until(async () => (await store.inbox(handle.id)).length === 0)
    await until(async () => (await store.head(handle.id))?.owner === undefined)
    const before = (await entries(handle.id)).length
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(await entries(handle.id)).toHaveLength(before)
    await handle.send(Go, 'on')
    expect((await handle.result()).output).toBe('on')
  })
})
