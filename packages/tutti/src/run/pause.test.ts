import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isTerminal, type JournalStore, memoryStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { flowOf, randomWorld } from '../testing/random-flow.ts'
import { randomProgram } from '../testing/random-program.ts'
import { settled, simulatedClock } from '../testing/simulated-clock.ts'
import { ended, gate, testEngine } from '../testing/test-engine.ts'
import { flow, type Run, replayRun, signal } from './index.ts'

const Go = signal('go', z.string())
const typesOf = async (store: JournalStore, run: RunId): Promise<string[]> => (await journalOf(store, run)).entries.map(({ type }) => type)
const isPaused = { status: 'paused', reason: 'the bank is closed' }
const REASON = 'the bank is closed'

/** One step that the test holds up, then another. */
function heldDesk() {
  const held = gate()
  const executed: string[] = []
  const desk = flow('desk', async (_: null, run) => {
    const first = await run.step('first', async () => {
      executed.push('first')
      await held.promise
      return 1
    })
    const second = await run.step('second', () => executed.push('second'))
    return first + second
  })
  return { desk, executed, held }
}

describe('pausing a run', () => {
  it('[R7] what is under way finishes and is recorded, nothing new begins, and the run goes on from there', async () => {
    const { desk, executed, held } = heldDesk()
    const { start, store, engine } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause(REASON)
    expect(executed).toEqual(['first'])
    held.open()
    expect(await handle.outcome()).toMatchObject(isPaused)
    expect(executed).toEqual(['first'])
    expect(await store.head(handle.id)).toMatchObject({ status: 'suspended' })
    expect((await store.head(handle.id))?.owner).toBeUndefined()
    expect(await typesOf(store, handle.id)).toEqual(['run.started', 'step.completed', 'run.suspended'])
    await engine.activate(handle.id)
    expect(await handle.result()).toMatchObject({ output: 3 })
    expect(executed).toEqual(['first', 'second'])
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ status: 'completed', output: 3 })
    expect(executed).toEqual(['first', 'second'])
  })

  it('[R7] a run whose last step is under way comes to its end, for nothing of it is new', async () => {
    const held = gate()
    const desk = flow('desk', async (_: null, run) => run.step('only', () => held.promise))
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause()
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'completed' })
    await expect(handle.pause()).rejects.toMatchObject({ code: 'RUN_FINISHED' })
  })

  it('[R7] no restart, no timer and no signal moves a paused run; what came meanwhile is there when it goes on', async () => {
    const clock = simulatedClock()
    const store = memoryStore()
    const desk = flow('desk', async (_: null, run) => {
      const waited = run.wait(Go)
      await run.sleep('night', '8h')
      return `${await waited} at ${run.now().getUTCHours()}`
    })
    const first = testEngine([desk], { store, clock })
    const handle = await first.start(desk, null, { id: 'run_paused' })
    await settled()
    await handle.pause(REASON)
    expect(await handle.outcome()).toMatchObject(isPaused)
    await first.engine.close()

    const second = testEngine([desk], { store, clock, resume: true })
    const again = second.handle(handle.id)
    expect(await again.outcome()).toMatchObject(isPaused)
    await clock.advance('10h')
    expect(await again.send(Go, 'yes', { id: 'one' })).toBe('delivered')
    expect(await again.send(Go, 'yes', { id: 'one' })).toBe('duplicate')
    expect(await again.send(signal('other', z.null()), null)).toBe('early')
    expect(await second.engine.start(desk, null, { id: handle.id })).toBe(handle.id)
    await settled()
    expect((await typesOf(store, handle.id)).at(-1)).toBe('run.suspended')
    expect(await store.inbox(handle.id)).toHaveLength(2)

    await again.resume()
    await settled()
    expect(await again.result()).toMatchObject({ output: 'yes at 10' })
  })

  it('[R7] pausing a paused run changes nothing, and tells nobody otherwise', async () => {
    const desk = flow('desk', async (_: null, run) => run.wait(Go))
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause(REASON)
    expect(await handle.outcome()).toMatchObject(isPaused)
    const before = await store.head(handle.id)
    await handle.pause('another reason')
    expect(await store.head(handle.id)).toEqual(before)
    expect(await store.inbox(handle.id)).toEqual([])
  })

  it('[R7] a pause reaches a run that another engine drives, and one that nobody drives needs no flow to be paused', async () => {
    const store = memoryStore()
    const { desk, executed, held } = heldDesk()
    const driver = testEngine([desk], { store })
    const handle = await driver.start(desk, null)
    await settled()
    const stranger = testEngine([], { store })
    await stranger.handle(handle.id).pause(REASON)
    held.open()
    expect(await stranger.handle(handle.id).outcome()).toMatchObject(isPaused)
    expect(executed).toEqual(['first'])

    const waiting = flow('waiting', async (_: null, run) => run.wait(Go))
    const other = await driver.start(waiting, null)
    await other.outcome()
    await driver.engine.close()
    await stranger.handle(other.id).pause(REASON)
    expect(await stranger.handle(other.id).outcome()).toMatchObject(isPaused)
    expect(await store.head(other.id)).toMatchObject({ status: 'suspended', waiting: [{ signal: 'go' }] })
  })

  it('[R7] a crash between the request and the suspension still pauses it, before anything begins', async () => {
    const { desk, executed, held } = heldDesk()
    held.open()
    const before = testEngine([desk])
    const { id } = await ended(before.start(desk, null))
    executed.length = 0
    const store = await seedJournal(await journalOf(before.store, id), 2)
    await store.post(id, { id: 'p', type: 'pause', reason: REASON }, 0)
    const { engine, handle } = testEngine([desk], { store, resume: true })
    await engine.open()
    expect(await handle(id).outcome()).toMatchObject(isPaused)
    expect(executed).toEqual([])
    expect(await store.inbox(id)).toEqual([])
    await handle(id).resume()
    expect(await handle(id).result()).toMatchObject({ output: 2 })
    expect(executed).toEqual(['second'])
  })

  it('[R7] a drain during a pause leaves the run paused', async () => {
    const store = memoryStore()
    const { desk, executed } = heldDesk()
    const first = testEngine([desk], { store })
    const handle = await first.start(desk, null)
    await settled()
    await handle.pause(REASON)
    await first.engine.close({ graceMs: 0 })
    const second = testEngine([desk], { store, resume: true })
    expect(await second.handle(handle.id).outcome()).toMatchObject(isPaused)
    expect(executed).toEqual(['first'])
  })

  it('[R7] who goes on before it stands still has changed their mind: nothing was lost, and nothing suspends it', async () => {
    const { desk, executed, held } = heldDesk()
    const { start, store, engine } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause()
    await engine.activate(handle.id)
    held.open()
    expect(await handle.result()).toMatchObject({ output: 3 })
    expect(executed).toEqual(['first', 'second'])
    expect(await typesOf(store, handle.id)).not.toContain('run.suspended')
    expect(await store.inbox(handle.id)).toEqual([])
  })

  it('[R7] a paused run can be cancelled, and nothing of it begins before it ends', async () => {
    const store = memoryStore()
    const { desk, executed, held } = heldDesk()
    const first = testEngine([desk], { store })
    const handle = await first.start(desk, null)
    await settled()
    await handle.pause(REASON)
    held.open()
    expect(await handle.outcome()).toMatchObject(isPaused)
    await testEngine([], { store }).handle(handle.id).cancel('not any more')
    const second = testEngine([desk], { store, resume: true })
    await second.engine.open()
    expect(await second.handle(handle.id).outcome()).toMatchObject({ status: 'cancelled', error: { message: 'not any more' } })
    expect(executed).toEqual(['first'])
  })

  it('[R7] cancelling wins over a pause that has not come about', async () => {
    const { desk, executed, held } = heldDesk()
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause()
    await handle.cancel('not any more')
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'cancelled' })
    expect(executed).toEqual(['first'])
  })

  it('[R7] a pause does not wait for the next attempt of a step that failed; it is made at its time, or as soon as the run goes on', async () => {
    const clock = simulatedClock()
    let attempts = 0
    const work = (): string => {
      if (++attempts < 2) throw new Error('not yet')
      return 'done'
    }
    const desk = flow('desk', async (_: null, run) => run.step('work', null, work, { retry: { attempts: 3, backoff: '1h', max: '1h' } }))
    const { start } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await settled()
    await handle.pause(REASON)
    expect(await handle.outcome()).toMatchObject(isPaused)
    await clock.advance('2h')
    expect(attempts).toBe(1)
    await handle.resume()
    await settled()
    expect(await handle.result()).toMatchObject({ output: 'done' })
  })

  it('[B6] the deadline of a paused run keeps running: past it, the run that goes on fails', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => run.wait(Go))
    const { start } = testEngine([desk], { clock })
    const handle = await start(desk, null, { deadline: '1h' })
    await settled()
    await handle.pause(REASON)
    expect(await handle.outcome()).toMatchObject(isPaused)
    await clock.advance('2h')
    expect(await handle.outcome()).toMatchObject(isPaused)
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE_EXCEEDED' } })
  })

  it('[R7] paused at any moment and gone on with, again and again, a run gives what it gives undisturbed, does nothing twice, and replays', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), fc.array(fc.nat(12), { minLength: 1, maxLength: 5 }), async (shape, turns) => {
        const program = randomProgram(shape, { races: false })
        const o = { pure: true, ordered: false }
        const id = 'run_random'
        const undisturbed = await ended(testEngine().start(flowOf(program, randomWorld(shape, o), o), null, { id }))
        const world = randomWorld(shape, o)
        const desk = flowOf(program, world, o)
        const { start, store } = testEngine([desk])
        const handle = await start(desk, null, { id })
        for (const turn of turns) {
          await settled(turn)
          await handle.pause().catch(() => {})
          const outcome = await handle.outcome()
          expect(['paused', 'completed']).toContain(outcome.status)
          if (outcome.status === 'paused') await handle.resume()
        }
        const { output } = await handle.result()
        expect(output).toBe((await undisturbed.result()).output)
        const { entries } = await journalOf(store, handle.id)
        expect(entries.filter(isTerminal)).toHaveLength(1)
        const outcomes = entries.flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : []))
        expect(new Set(outcomes).size).toBe(outcomes.length)
        const failed = entries.filter((entry) => entry.type === 'step.failed').length
        expect(world.executed.length).toBe(outcomes.length + failed)
        const replayed = randomWorld(shape + 2, o)
        expect((await replayRun(store, handle.id, flowOf(program, replayed, o))).output).toBe(output)
        expect(replayed.executed).toEqual([])
      }),
      { numRuns: 60 },
    ))
})

describe('a run that broke', () => {
  const step = (run: Run, name: string, executed: string[]): Promise<string> =>
    run.step(name, () => {
      executed.push(name)
      return name
    })
  const old = (executed: string[]) =>
    flow('desk', async (_: null, run) => `${await step(run, 'a', executed)}${await run.wait(Go)}${await step(run, 'b', executed)}`)
  const reordered = (executed: string[]) =>
    flow('desk', async (_: null, run) => `${await step(run, 'b', executed)}${await run.wait(Go)}${await step(run, 'a', executed)}`)

  async function broken(): Promise<{ store: JournalStore; run: RunId }> {
    const store = memoryStore()
    const first = testEngine([old([])], { store })
    const handle = await first.start(old([]), null)
    await handle.outcome()
    await first.engine.close()
    const second = testEngine([reordered([])], { store, patienceMs: 20 })
    await second.handle(handle.id).resume()
    expect(await second.handle(handle.id).outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED' } })
    await second.engine.close()
    return { store, run: handle.id }
  }

  it('[R5] neither a restart nor a signal moves a run that diverged; a person goes on with it, and what it was sent is there', async () => {
    const { store, run } = await broken()
    const executed: string[] = []
    const { handle, engine } = testEngine([old(executed)], { store, resume: true })
    await engine.open()
    expect(await handle(run).send(Go, '!')).toBe('delivered')
    await settled()
    expect((await store.head(run))?.status).toBe('suspended')
    await handle(run).resume()
    expect(await handle(run).result()).toMatchObject({ output: 'a!b' })
    expect(executed).toEqual(['b'])
  })

  it('[R7] a run that crashes again and again is left alone by restarts and signals, and cancel ends it without its flow', async () => {
    const executed: string[] = []
    const deadly = flow('deadly', async (_: null, run) => `${await step(run, 'boom', executed)}${await run.wait(Go)}`)
    const before = testEngine([deadly])
    const { id } = await before.start(deadly, null)
    const store = await seedJournal(await journalOf(before.store, id), 1)
    const looping = testEngine([deadly], { store, maxStalls: 1 })
    await looping.handle(id).resume()
    expect(await looping.handle(id).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_CRASH_LOOP' } })
    executed.length = 0
    const restarted = testEngine([deadly], { store, maxStalls: 1, resume: true })
    await restarted.engine.open()
    expect(await restarted.handle(id).send(Go, 'now')).toBe('early')
    await settled()
    expect((await store.head(id))?.status).toBe('suspended')
    await restarted.handle(id).cancel('given up')
    expect(await restarted.handle(id).outcome()).toMatchObject({ status: 'cancelled', error: { message: 'given up' } })
    expect(executed).toEqual([])
  })

  it('[R7] a run that diverged can be cancelled by the very code that it does not match', async () => {
    const { store, run } = await broken()
    const executed: string[] = []
    const { handle } = testEngine([reordered(executed)], { store, patienceMs: 20 })
    await handle(run).cancel('given up')
    expect(await handle(run).outcome()).toMatchObject({ status: 'cancelled', error: { message: 'given up' } })
    expect((await store.head(run))?.status).toBe('cancelled')
    expect(executed).toEqual([])
  })
})
