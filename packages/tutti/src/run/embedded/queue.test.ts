import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../../journal/index.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, testEngine } from '../../testing/test-engine.ts'
import { flow, type QueueOptions, signal } from '../index.ts'

const Go = signal('go', z.null())
const scopeOf = (tenant: string) => ({ scope: { tenant } })

/** A flow whose runs are held up until the test lets each of them finish. */
function heldFlow(queue: QueueOptions) {
  const gates = new Map<string, ReturnType<typeof gate<void>>>()
  const begun: string[] = []
  const job = flow('job', { queue }, async (name: string, run) => {
    await run.step('work', name, () => {
      begun.push(name)
      const own = gate()
      gates.set(name, own)
      return own.promise
    })
    return name
  })
  const finish = async (name: string): Promise<void> => {
    gates.get(name)?.open()
    await settled()
  }
  return { job, begun, finish }
}

describe('a queue', () => {
  it('[R12] lets through what its concurrency allows, and a run that ends makes room at once', async () => {
    const { job, begun, finish } = heldFlow({ concurrency: 2 })
    const { start, store } = testEngine([job], { resume: true, clock: simulatedClock() })
    const handles = await Promise.all(['a', 'b', 'c', 'd'].map((name) => start(job, name)))
    await settled()
    expect(begun).toEqual(['a', 'b'])
    expect((await store.list({ status: ['queued'] })).length).toBe(2)
    await finish('b')
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const name of ['c', 'a', 'd']) await finish(name)
    expect(await Promise.all(handles.map(async (handle) => (await handle.result()).output))).toEqual(['a', 'b', 'c', 'd'])
  })

  it('[R12] a process that stood still for longer than its leases last gives none of its own places away', async () => {
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const clock = simulatedClock()
    const { start } = testEngine([job], { resume: true, clock })
    const first = await start(job, 'a')
    await settled()
    await clock.advance('1m')
    const second = await start(job, 'b')
    await settled()
    expect(begun).toEqual(['a'])
    await finish('a')
    await finish('b')
    expect([(await first.result()).output, (await second.result()).output]).toEqual(['a', 'b'])
  })

  it('[R12] a queued run says so, and where it stands; its result is waited for through the queue', async () => {
    const { job, finish } = heldFlow({ concurrency: 1 })
    const { start } = testEngine([job], { resume: true, clock: simulatedClock() })
    await start(job, 'a')
    const queued = await start(job, 'b')
    expect(await queued.outcome()).toMatchObject({ status: 'queued', position: 1, queued: 1 })
    const [types, result] = [[] as string[], queued.result()]
    const watching = (async () => {
      for await (const event of queued.events()) types.push(event.type)
    })()
    await settled()
    await finish('a')
    await finish('b')
    expect(await result).toMatchObject({ output: 'b' })
    await watching
    expect(types).toEqual(['run.queued', 'step.completed', 'run.completed'])
  })

  it('[R12] a run at rest holds no place: the next one begins while it waits', async () => {
    const log: string[] = []
    const ask = flow('ask', { queue: { concurrency: 1 } }, async (name: string, run) => {
      log.push(`${name} begins`)
      await run.wait(Go)
      log.push(`${name} goes on`)
    })
    const { start, store } = testEngine([ask], { resume: true, restMs: 0 })
    const first = await start(ask, 'a')
    while ((await store.head(first.id))?.owner !== undefined || (await first.outcome()).status !== 'waiting') await settled(1)
    const second = await start(ask, 'b')
    while ((await second.outcome()).status !== 'waiting') await settled(1)
    await Promise.all([first.send(Go, null), second.send(Go, null)])
    await Promise.all([first.result(), second.result()])
    expect(log.slice(0, 2)).toEqual(['a begins', 'b begins'])
    expect(log.filter((line) => line.endsWith('goes on')).toSorted()).toEqual(['a goes on', 'b goes on'])
  })

  it('[R12] a woken run waits for a place too, and takes the first that is free', async () => {
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const asks = flow('job', { version: '2', queue: { concurrency: 1 } }, async (_: null, run) => {
      await run.wait(Go)
      begun.push('woken')
    })
    const { start, store } = testEngine([job, asks], { resume: true, restMs: 0 })
    const waiting = await start(asks, null)
    while ((await store.head(waiting.id))?.status !== 'waiting') await settled(1)
    const rest = await Promise.all(['a', 'b'].map((name) => start(job, name)))
    while (begun.length === 0) await settled(1)
    await waiting.send(Go, null)
    await settled()
    expect(begun).toEqual(['a'])
    await finish('a')
    await waiting.result()
    while (begun.length < 3) await settled(1)
    expect(begun).toEqual(['a', 'woken', 'b'])
    await finish('b')
    await Promise.all(rest.map((handle) => handle.result()))
  })

  it('[R12] a queued run that is cancelled ends at once, and never begins', async () => {
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const { start, entries } = testEngine([job], { resume: true, clock: simulatedClock() })
    await start(job, 'a')
    const [b, c] = [await start(job, 'b'), await start(job, 'c')]
    await b.cancel('nobody wants it')
    expect(await b.outcome()).toMatchObject({ status: 'cancelled', error: { message: 'nobody wants it' } })
    expect((await entries(b.id)).map(({ type }) => type)).toEqual(['run.started', 'run.cancelling', 'run.cancelled'])
    expect(await c.outcome()).toMatchObject({ position: 1, queued: 1 })
    await finish('a')
    await finish('c')
    expect(begun).toEqual(['a', 'c'])
    await expect(b.cancel()).rejects.toMatchObject({ code: 'RUN_FINISHED' })
  })

  it('[R12] the rate is kept: runs begin when it allows them, without being asked for again', async () => {
    const clock = simulatedClock()
    const begun: number[] = []
    const job = flow('job', { queue: { rate: '2/s' } }, async (_: null, run) => run.step('work', () => void begun.push(clock.now())))
    const { start } = testEngine([job], { resume: true, clock })
    const from = clock.now()
    const handles = await Promise.all([1, 2, 3, 4, 5].map(() => start(job, null)))
    await clock.advance('400ms')
    expect(begun.length).toBe(2)
    await clock.advance('3s')
    for (const handle of handles) await handle.result()
    expect(begun.map((at) => at - from)).toEqual([0, 0, 1_000, 1_000, 2_000])
  })

  it('[R12] an app that takes nothing up drives the queued runs that it started, and no others', async () => {
    const store = memoryStore()
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const [mine, other] = [testEngine([job], { store }), testEngine([job], { store })]
    await mine.start(job, 'a')
    await mine.start(job, 'low')
    await mine.start(job, 'high', { priority: 3 })
    await other.start(job, 'z')
    await settled()
    await finish('a')
    expect(begun).toEqual(['a', 'high'])
    await mine.engine.close({ graceMs: 0 })
    while (begun.length < 3) await settled(1)
    expect(begun.slice(2)).toEqual(['z'])
    expect((await store.list({ status: ['queued'] })).length).toBe(1)
  })

  it('[R12] what was let through while an app closed, or was under way, is taken up by the next one', async () => {
    const store = memoryStore()
    const { job, begun, finish } = heldFlow({ concurrency: 3 })
    const first = testEngine([job], { store, resume: true })
    const handles = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => first.start(job, name)))
    await first.engine.close({ graceMs: 0 })
    begun.length = 0
    const second = testEngine([job], { store, resume: true })
    await second.engine.open()
    for (const names of [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]) {
      while (begun.length < names.length) await settled(1)
      expect(begun.splice(0).toSorted()).toEqual(names)
      for (const name of names) await finish(name)
    }
    for (const { id } of handles) expect((await second.handle(id).outcome()).status).toBe('completed')
  })

  it('[R12] a run that cannot be read leaves its place to others', async () => {
    const store = memoryStore()
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const idle = testEngine([heldFlow({ concurrency: 1 }).job], { store })
    const held = await store.create({
      ...{ run: 'broken' as never, flow: 'job', version: '1', scope: { tenant: 'default' }, createdAt: 1, startHash: 'h', labels: {} },
      ...{ entries: [{ seq: 1, time: 1, type: 'run.patched', id: 'no start' }], head: { status: 'queued' } },
    })
    expect(held.created).toBe(true)
    const { start, handle } = testEngine([job], { store, resume: true })
    const whole = await start(job, 'whole')
    while (begun.length === 0) await settled(1)
    await finish('whole')
    expect((await whole.result()).output).toBe('whole')
    expect(await handle('broken').outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_CORRUPT' } })
    await idle.engine.close()
  })

  it('[R12] a fork of a queued flow stands in the queue too; the same start twice is one run', async () => {
    const { job, begun, finish } = heldFlow({ concurrency: 1 })
    const { start, engine, handle } = testEngine([job], { resume: true, clock: simulatedClock() })
    const a = await start(job, 'a', { id: 'job-a' })
    await settled()
    expect((await start(job, 'a', { id: 'job-a' })).id).toBe(a.id)
    await finish('a')
    await start(job, 'b')
    const fork = handle(await engine.fork(a.id, job, { at: 'job/work' }))
    expect(await fork.outcome()).toMatchObject({ status: 'queued', position: 1 })
    await finish('b')
    await finish('a')
    expect(await fork.outcome()).toMatchObject({ status: 'completed', output: 'a' })
    expect(begun).toEqual(['a', 'b', 'a'])
  })

  it('[R12] over any arrivals and durations, two engines never drive more than the limits, and lose nothing', async () => {
    const arrival = fc.record({ after: fc.nat(300), ms: fc.nat(900), tenant: fc.constantFrom('x', 'y', 'z'), priority: fc.integer({ min: -1, max: 1 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(arrival, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (arrivals, concurrency, perTenant) => {
          const clock = simulatedClock()
          const [at, most] = [new Map<string, number>(), new Map<string, number>()]
          const count = (of: string, by: number): void => {
            at.set(of, (at.get(of) ?? 0) + by)
            most.set(of, Math.max(most.get(of) ?? 0, at.get(of) ?? 0))
          }
          const job = flow('job', { queue: { concurrency, perTenant, rate: '4/s' } }, async (ms: number, run) => {
            const of = ['all', run.scope.tenant]
            for (const each of of) count(each, 1)
            await run.step('work', ms, () => new Promise<void>((resolve) => clock.alarm(clock.now() + ms, resolve)))
            for (const each of of) count(each, -1)
            return ms
          })
          const store = memoryStore()
          const engines = [0, 1].map(() => testEngine([job], { store, clock, resume: true, leaseMs: 3_600_000 }))
          await Promise.all(engines.map(({ engine }) => engine.open()))
          const handles = []
          for (const [i, { after, ms, tenant, priority }] of arrivals.entries()) {
            await clock.advance(after)
            handles.push(await (engines[i % 2] as (typeof engines)[number]).start(job, ms, { ...scopeOf(tenant), priority }))
          }
          await clock.advance('60s')
          for (const { engine } of engines) await engine.close({ graceMs: 0 })
          expect((await store.list()).every(({ status }) => status === 'completed')).toBe(true)
          expect(most.get('all')).toBeLessThanOrEqual(concurrency)
          for (const tenant of ['x', 'y', 'z']) expect(most.get(tenant) ?? 0).toBeLessThanOrEqual(perTenant)
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('the declaration of a queue', () => {
  it.each([
    [{ concurrency: 0 }, 'concurrency'],
    [{ perTenant: 1.5 }, 'perTenant'],
    [{ rate: '10/day' }, 'rate'],
    [{ ratePerTenant: '0/s' }, 'ratePerTenant'],
  ])('[R12] a limit that is none is refused when the flow is declared, and named: %j', (queue, field) => {
    const declare = () => flow('job', { queue: queue as never }, async () => 1)
    expect(declare).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID', data: { flow: 'job', field }, message: expect.stringContaining(field) }))
  })

  it('[R12] a priority that is no whole number starts nothing', async () => {
    const { job } = heldFlow({})
    const { start, store } = testEngine([job])
    await expect(start(job, 'a', { priority: 1.5 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(await store.list()).toEqual([])
  })
})
