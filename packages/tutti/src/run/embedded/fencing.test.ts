import { describe, expect, it } from 'vitest'
import { TuttiError } from '../../errors/index.ts'
import { type Commit, type JournalStore, memoryStore } from '../../journal/index.ts'
import { bound, type Fate, failpointStore, journalOf } from '../../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, testEngine } from '../../testing/test-engine.ts'
import { flow, replayRun } from '../index.ts'

/** A flow whose first step is held up wherever it is executed. */
function held() {
  const gates: ReturnType<typeof gate<string>>[] = []
  const executed: string[] = []
  const desk = flow('desk', async (_: null, run) => {
    const first = await run.step('first', () => {
      executed.push('first')
      const own = gate<string>()
      gates.push(own)
      return own.promise
    })
    return run.step('second', first, (from) => {
      executed.push('second')
      return `${from}, then second`
    })
  })
  return { desk, gates, executed }
}

describe('one writer per run', () => {
  it('[R6] an engine whose lease ran out and was taken is refused, harms nothing, and follows the run to its end', async () => {
    const { desk, gates, executed } = held()
    const store = memoryStore()
    const paused = simulatedClock()
    const first = testEngine([desk], { store, clock: paused, leaseMs: 60_000 })
    const handle = await first.start(desk, null)
    await settled()
    const second = testEngine([desk], { store, clock: simulatedClock(paused.now() + 61_000) })
    await second.engine.activate(handle.id)
    await settled()
    gates[0]?.open('from the paused one')
    await settled()
    gates[1]?.open('from the one that took over')
    expect((await second.handle(handle.id).result()).output).toBe('from the one that took over, then second')
    expect(executed).toEqual(['first', 'first', 'second'])
    const { entries } = await journalOf(store, handle.id)
    expect(entries.filter(({ type }) => type === 'step.completed')).toHaveLength(2)
    expect((await handle.result()).output).toBe('from the one that took over, then second')
    expect((await replayRun(store, handle.id, desk)).output).toBe('from the one that took over, then second')
  })

  /** A store whose acknowledgement of an intent is heard only when the test says so, as by a process that is stopped meanwhile. */
  function slowToHear(store: JournalStore) {
    const heard = gate()
    const append = async (commit: Commit): Promise<string | undefined> => {
      const instead = await store.append(commit)
      if (commit.entries.some(({ type }) => type === 'step.started')) await heard.promise
      return instead
    }
    return { store: { ...bound(store), append }, heard }
  }
  const pays = (executed: string[], who: string) => flow('desk', (_: null, run) => run.step('pay', null, () => executed.push(who), { effect: 'idempotent' }))

  it('[R6] a process that stood still between its intent and the effect, while another took the run, begins no effect', async () => {
    const executed: string[] = []
    const store = memoryStore()
    const paused = simulatedClock()
    const slow = slowToHear(store)
    const first = testEngine([pays(executed, 'paused')], { ...slow, clock: paused, leaseMs: 60_000 })
    const { id } = await first.start(pays(executed, 'paused'), null)
    await settled()
    const second = testEngine([pays(executed, 'other')], { store, clock: simulatedClock(paused.now() + 61_000) })
    await second.engine.activate(id)
    expect((await second.handle(id).outcome()).status).toBe('completed')
    await paused.advance('61s')
    slow.heard.open()
    await settled()
    expect(executed).toEqual(['other'])
  })

  it('[R6] a process that stood still, and whose run nobody took, goes on under a lease that is its own again', async () => {
    const executed: string[] = []
    const store = memoryStore()
    const paused = simulatedClock()
    const slow = slowToHear(store)
    const first = testEngine([pays(executed, 'paused')], { ...slow, clock: paused, leaseMs: 60_000 })
    const handle = await first.start(pays(executed, 'paused'), null)
    await settled()
    await paused.advance('3h')
    slow.heard.open()
    expect((await handle.outcome()).status).toBe('completed')
    expect(executed).toEqual(['paused'])
    expect((await store.head(handle.id))?.epoch).toBe(1)
  })

  it('[R1] an activation that is over begins no effect whose intent was recorded before', async () => {
    const executed: string[] = []
    const slow = slowToHear(memoryStore())
    const first = testEngine([pays(executed, 'one')], { ...slow })
    const { id } = await first.start(pays(executed, 'one'), null)
    await settled()
    await first.engine.close({ graceMs: 0 })
    slow.heard.open()
    await settled()
    expect(executed).toEqual([])
    expect((await journalOf(slow.store, id)).entries.some(({ type }) => type === 'step.completed')).toBe(false)
  })

  it('[R6] a run that another engine drives is not driven a second time', async () => {
    const { desk, gates } = held()
    const store = memoryStore()
    const clock = simulatedClock()
    const first = testEngine([desk], { store, clock })
    const { id } = await first.start(desk, null)
    const second = testEngine([desk], { store, clock })
    await expect(second.engine.activate(id)).rejects.toMatchObject({ code: 'RUN_BUSY' })
    await settled()
    gates[0]?.open('one')
    expect((await second.handle(id).result()).output).toBe('one, then second')
    expect(gates).toHaveLength(1)
  })

  it('[R6] many engines that open one store together drive each run once', async () => {
    const executed: number[] = []
    const desk = flow('desk', async (n: number, run) => run.step('work', n, (x) => executed.push(x)))
    const store = memoryStore()
    const starter = testEngine([desk], { store })
    const ids = (await Promise.all(Array.from({ length: 20 }, (_, n) => starter.start(desk, n)))).map(({ id }) => id)
    await starter.engine.close({ graceMs: 0 })
    executed.length = 0
    const before = await Promise.all(ids.map(async (id) => (await journalOf(store, id)).entries.some(({ type }) => type === 'step.completed')))
    const engines = Array.from({ length: 4 }, () => testEngine([desk], { store, resume: true }))
    await Promise.all(engines.map(({ engine }) => engine.open()))
    for (const id of ids) await engines[0]?.handle(id).result()
    expect(executed).toHaveLength(before.filter((done) => !done).length)
  })
})

describe('a failing store', () => {
  const three = (executed: string[]) =>
    flow('desk', async (_: null, run) => {
      for (const name of ['a', 'b', 'c']) await run.step(name, null, () => executed.push(name), { effect: 'idempotent' })
      return executed.length
    })
  const at = (seq: number, fate: Fate) => (commit: Commit) => (commit.entries.some((entry) => entry.seq === seq) ? fate : 'write')

  it('[R1] stops the run at that step: nothing goes on unrecorded, and the run resumes from what is there', async () => {
    const executed: string[] = []
    const inner = memoryStore()
    const first = testEngine([three(executed)], { store: failpointStore(inner, at(4, 'refuse')) })
    const handle = await first.start(three(executed), null)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_UNWRITABLE' } })
    expect(executed).toEqual(['a'])
    expect((await journalOf(inner, handle.id)).entries.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      '1 run.started',
      '2 step.started',
      '3 step.completed',
    ])
    await first.engine.close()
    const later = simulatedClock(Date.now() + 60_000)
    const second = testEngine([three(executed)], { store: inner, clock: later })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).outcome()).status).toBe('completed')
    expect(executed).toEqual(['a', 'b', 'c'])
  })

  it('[R1] an outcome that is not durable is not seen: not by the flow, not by its caller, not by a watcher', async () => {
    const executed: string[] = []
    const store = failpointStore(memoryStore(), at(3, 'vanish'))
    const { start } = testEngine([three(executed)], { store })
    const handle = await start(three(executed), null)
    const seen: string[] = []
    const watching = (async () => {
      for await (const event of handle.events()) seen.push(event.type)
    })()
    await settled()
    expect(executed).toEqual(['a'])
    expect(seen).toEqual(['step.started'])
    await Promise.race([watching, settled()])
  })

  it('[R1] a store that fails while a run ends leaves it to be ended by whoever goes on', async () => {
    const executed: string[] = []
    const inner = memoryStore()
    const refuseEnd = (commit: Commit): Fate => (commit.entries.some(({ type }) => type === 'run.completed') ? 'refuse' : 'write')
    const { start } = testEngine([three(executed)], { store: failpointStore(inner, refuseEnd) })
    const handle = await start(three(executed), null)
    await expect(handle.result()).rejects.toSatisfy((error) => TuttiError.is(error, 'JOURNAL_UNWRITABLE'))
    const second = testEngine([three(executed)], { store: inner, clock: simulatedClock(Date.now() + 60_000) })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).result()).output).toBe(3)
    expect(executed).toHaveLength(3)
  })
})
