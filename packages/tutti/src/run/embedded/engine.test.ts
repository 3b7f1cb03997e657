import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type JournalStore, memoryStore } from '../../journal/index.ts'
import { type RunId, systemClock } from '../../primitives/index.ts'
import { bound, journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { settled } from '../../testing/simulated-clock.ts'
import { ended, gate, testEngine } from '../../testing/test-engine.ts'
import { EmbeddedEngine, flow, signal } from '../index.ts'

const double = flow('double', async (n: number, run) => run.step('x2', n, (x) => x * 2))
const until = async (so: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await so())) await settled(1)
}

describe('starting a run', () => {
  it('[R1] a run started twice under one id is one run, also at once and from two engines', async () => {
    let executed = 0
    const once = flow('once', async (n: number, run) => run.step('work', n, (x) => x + ++executed - 1))
    const store = memoryStore()
    const [a, b] = [testEngine([once], { store }), testEngine([once], { store })]
    const handles = await Promise.all([a.start(once, 5, { id: 'order-17' }), a.start(once, 5, { id: 'order-17' }), b.start(once, 5, { id: 'order-17' })])
    for (const handle of handles) expect(await handle.result()).toMatchObject({ output: 5 })
    expect(executed).toBe(1)
    expect((await (await a.start(once, 5, { id: 'order-17' })).result()).output).toBe(5)
    expect(executed).toBe(1)
  })

  it('[R1] a start under the id of another run is refused, and the other run is left as it was', async () => {
    const other = flow('other', async (n: number) => n)
    const { start, entries } = testEngine([double, other])
    await ended(start(double, 1, { id: 'taken' }))
    const before = await entries('taken')
    await expect(start(double, 2, { id: 'taken' })).rejects.toMatchObject({ code: 'RUN_ID_TAKEN', data: { run: 'taken', flow: 'double' } })
    await expect(start(other, 1, { id: 'taken' })).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' })
    await expect(start(double, 1, { id: 'taken', scope: { tenant: 'someone else' } })).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' })
    expect(await entries('taken')).toEqual(before)
  })

  it('[R5] an input that cannot be recorded starts nothing', async () => {
    const { start, store } = testEngine([double])
    await expect(start(double, (() => 1) as never)).rejects.toMatchObject({ code: 'RUN_NOT_RECORDABLE' })
    expect(await store.list()).toEqual([])
  })

  it('[R5] a flow that did not pass its input schema has run no step', async () => {
    const strict = flow('strict', { input: z.number() }, async (n, run) => run.step('x', n, (x) => x))
    const { start, lines } = testEngine([strict])
    const handle = await start(strict, 'three' as never)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_INPUT_INVALID' } })
    expect(await lines(handle.id)).toEqual([])
  })
})

describe('going on with a run', () => {
  it('[R1] what a killed process of this machine left is taken up at start, before its lease runs out', async () => {
    const held = gate()
    const patient = flow('patient', async (_: null, run) => run.step('a', () => held.promise))
    const { start, store } = testEngine([patient])
    const { id } = await start(patient, null)
    const now = systemClock.now()
    for (const [owner, status] of [[hostname(), 'completed'] as const, ['another-host', undefined] as const]) {
      const copy = await seedJournal(await journalOf(store, id))
      await copy.acquire(id, `${owner}:${2 ** 22 + 1}:gone`, now, now + 3_600_000)
      const free = flow('patient', async (_: null, run) => run.step('a', () => 1))
      const engine = new EmbeddedEngine({ store: copy, flows: [free] })
      await engine.open()
      for (let turn = 0; turn < 20; turn++) await settled(1)
      expect((await copy.head(id))?.status === 'completed' ? 'completed' : undefined).toBe(status)
      await engine.close()
    }
  })

  it('[R5] a run is pinned to the version it began with, and an unknown flow is named', async () => {
    const held = gate()
    const first = flow('desk', { version: '1' }, async (_: null, run) => run.step('a', () => held.promise))
    const { start, store } = testEngine([first])
    const { id } = await start(first, null)
    const copy = await seedJournal(await journalOf(store, id))
    held.open()
    const newer = testEngine([flow('desk', { version: '2' }, async (_: null) => 1)], { store: copy })
    await expect(newer.engine.activate(id)).rejects.toMatchObject({ code: 'RUN_VERSION_MISMATCH', data: { recorded: '1', registered: ['2'] } })
    await expect(testEngine([double], { store: copy }).engine.activate(id)).rejects.toMatchObject({ code: 'CONFIG_FLOW_UNKNOWN', data: { flow: 'desk' } })
    await expect(newer.engine.activate('run_none' as RunId)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    const both = testEngine([flow('desk', { version: '2' }, async (_: null) => 1), first], { store: copy })
    await both.engine.activate(id)
    expect((await both.handle(id).outcome()).status).toBe('completed')
  })

  it('[R5] two flows of one name and version are refused', () => {
    expect(() => testEngine([double, flow('double', async (n: number) => n)])).toThrowError(expect.objectContaining({ code: 'CONFIG_FLOW_DUPLICATE' }))
  })

  it('[R1] an engine that opens a store takes up every run that nobody drives', async () => {
    const held = gate()
    const desk = flow('desk', async (n: number, run) => {
      await run.step('a', () => held.promise)
      return run.step('b', n, (x) => x * 10)
    })
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const ids = (await Promise.all([1, 2, 3].map((n) => first.start(desk, n)))).map(({ id }) => id)
    held.open()
    await first.engine.close({ graceMs: 0 })
    const second = testEngine([desk], { store, resume: true })
    await second.engine.open()
    expect(await Promise.all(ids.map(async (id) => (await second.handle(id).result()).output))).toEqual([10, 20, 30])
  })

  it('[R1] a run whose journal is damaged holds up no other', async () => {
    const store = memoryStore()
    const first = testEngine([double], { store })
    const [{ id: broken }, { id: whole }] = [await ended(first.start(double, 1)), await ended(first.start(double, 2))]
    const copy = await seedJournal(await journalOf(store, broken), 1)
    await seedJournal(await journalOf(store, whole), 1, copy)
    const damaged: JournalStore = {
      ...bound(copy),
      read: (run, o) => {
        if (run === broken) throw Object.assign(new Error('entry 2 is not JSON'), { code: 'JOURNAL_CORRUPT' })
        return copy.read(run, o)
      },
    }
    const second = testEngine([double], { store: damaged, resume: true })
    await second.engine.open()
    expect((await second.handle(whole).result()).output).toBe(4)
  })

  it('[R1] a run that brings its process down again and again is suspended, told why, and can be gone on with', async () => {
    const held = gate()
    for (const effect of ['read', 'idempotent'] as const) {
      const deadly = flow('deadly', async (_: null, run) => run.step('boom', null, () => held.promise, { effect }))
      const { start, store } = testEngine([deadly])
      const { id } = await start(deadly, null)
      if (effect === 'idempotent') await until(async () => (await journalOf(store, id)).entries.length > 1)
      let journal = await journalOf(store, id)
      let stalls = 0
      for (let activation = 1; activation <= 5; activation++) {
        const copy = await seedJournal(journal)
        await copy.append({ run: id, epoch: (await copy.acquire(id, 'dead', 0, 1))?.epoch ?? 0, entries: [], head: { stalls }, release: true })
        const next = testEngine([deadly], { store: copy, maxStalls: 3 })
        await next.engine.activate(id)
        await settled()
        journal = await journalOf(copy, id)
        stalls = (await copy.head(id))?.stalls ?? 0
        if (activation < 3) continue
        expect(await next.handle(id).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_CRASH_LOOP' } })
        expect((await copy.head(id))?.status).toBe('suspended')
        expect(journal.entries.at(-1)).toMatchObject({ type: 'run.suspended', why: 'crash-loop' })
        break
      }
    }
    held.open()
  })
})

describe('closing an engine', () => {
  it('[R7] closing lets what is under way finish, and another engine goes on from there', async () => {
    const held = gate()
    const begun = gate()
    let executed = 0
    const desk = flow('desk', async (_: null, run) => {
      await run.step('first', () => {
        executed++
        begun.open()
        return held.promise
      })
      return run.step('second', () => ++executed)
    })
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const { id } = await first.start(desk, null)
    await begun.promise
    const closing = first.engine.close()
    held.open()
    await closing
    await expect(first.start(desk, null)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    const second = testEngine([desk], { store })
    await second.engine.activate(id)
    expect((await second.handle(id).result()).output).toBe(2)
    expect(executed).toBe(2)
  })

  it('[R7] closing gives up after its grace what does not finish: its signal aborts, its late result is not recorded, and it runs again elsewhere', async () => {
    const held = gate<string>()
    let aborted = false
    const desk = flow('desk', async (_: null, run) =>
      run.step('slow', ({ signal }) => {
        signal.addEventListener('abort', () => (aborted = true))
        return held.promise
      }),
    )
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const handle = await first.start(desk, null)
    await first.engine.close({ graceMs: 0 })
    expect(aborted).toBe(true)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'ENGINE_CLOSED' } })
    held.open('late')
    await settled()
    expect((await journalOf(store, handle.id)).entries.map(({ type }) => type)).toEqual(['run.started', 'run.suspended'])
    const second = testEngine([desk], { store })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).result()).output).toBe('late')
  })

  it('[R7] closing releases what was driven: nobody has to wait for a lease to run out', async () => {
    const Go = signal('go', z.null())
    const desk = flow('desk', async (_: null, run) => run.wait(Go))
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const { id } = await first.start(desk, null)
    await first.engine.close()
    expect(await store.head(id)).not.toHaveProperty('owner')
    expect(await store.head(id)).toMatchObject({ status: 'waiting', waiting: [{ signal: 'go', key: 'desk/go' }] })
  })
})
