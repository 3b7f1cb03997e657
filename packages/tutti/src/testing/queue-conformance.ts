/** What every journal store must do for queues and schedules, line by line of `queue.port.ts` and `schedule.port.ts`. */
import { expect, it } from 'vitest'
import type { Admission, Admitted, JournalStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, started } from './sample-run.ts'

interface Queued {
  readonly tenant?: string
  readonly priority?: number
  readonly version?: string
}

const SECOND = 1_000

export function queueConformance(store: () => JournalStore): void {
  order(store)
  limits(store)
  rates(store)
  schedules(store)
}

/** What a test does with a queue, in few words. */
function queueOf(store: () => JournalStore) {
  const enqueue = async (run: string, { tenant = 'acme', priority, version = '1' }: Queued = {}): Promise<void> => {
    const entry = { ...started(run as RunId), ...(priority === undefined ? {} : { priority }) }
    await store().create(newRun(run, { scope: { tenant }, version, entries: [entry], lease: undefined, head: { status: 'queued' } }))
  }
  const admit = (over: Partial<Admission> = {}): Promise<Admitted> =>
    store().admit({
      flow: 'desk',
      versions: ['1'],
      limits: {},
      first: [],
      lines: true,
      owner: 'one',
      now: NOW,
      until: NOW + 10 * SECOND,
      most: 100,
      gone: [],
      ...over,
    })
  const admitted = async (over: Partial<Admission> = {}): Promise<string> => (await admit(over)).runs.map(({ lease }) => lease.run).join(' ')
  const release = (run: string, status?: 'waiting' | 'completed', epoch = 1): Promise<unknown> =>
    store().append({ run: run as RunId, epoch, entries: [], release: true, ...(status && { head: { status } }) })
  return { enqueue, admit, admitted, release }
}

function order(store: () => JournalStore): void {
  const { enqueue, admit, admitted, release } = queueOf(store)

  it('[R12] a queued run has no driver, stands for its flow among the runs that are due, and runs once it was let through', async () => {
    await enqueue('a')
    await enqueue('b')
    expect(await store().head('a' as RunId)).toMatchObject({ status: 'queued', epoch: 0 })
    expect(
      (
        await store().due(
          [
            { flow: 'desk', version: '1' },
            { flow: 'other', version: '1' },
          ],
          NOW,
          10,
        )
      ).map(({ status }) => status),
    ).toEqual(['queued'])
    const { runs } = await admit({ limits: { concurrency: 1 } })
    const head = await store().head('a' as RunId)
    expect(head).toMatchObject({ status: 'running', epoch: 1, owner: 'one', leaseUntil: NOW + 10 * SECOND })
    expect(runs).toEqual([{ lease: { run: 'a', epoch: 1, until: NOW + 10 * SECOND }, head, isNew: true }])
    expect((await store().list({ status: ['queued'] })).map(({ run }) => run)).toEqual(['b'])
  })

  it('[R12] higher priorities begin first; among equals the oldest', async () => {
    for (const [run, priority] of [
      ['a', 0],
      ['b', 5],
      ['c', -1],
      ['d', 5],
      ['e', 0],
    ] as const)
      await enqueue(run, { priority })
    expect(await admitted({ most: 3 })).toBe('b d a')
    expect(await admitted()).toBe('e c')
  })

  it('[R12] tenants take turns, so that the runs of one do not stand before all of another', async () => {
    for (let i = 1; i <= 5; i++) await enqueue(`many-${i}`, { tenant: 'many' })
    expect(await admitted({ most: 1 })).toBe('many-1')
    await enqueue('few-1', { tenant: 'few' })
    await enqueue('few-2', { tenant: 'few' })
    expect(await admitted({ most: 3 })).toBe('many-2 few-1 many-3')
    // Whoever comes with one run after the other waits a turn each time, and no longer.
    expect(await admitted()).toBe('few-2 many-4 many-5')
  })

  it('[R12] a run that goes on is let through before those that have not begun, and never twice', async () => {
    await enqueue('old')
    await enqueue('new')
    await admit({ most: 1 })
    await release('old', 'waiting')
    expect(await admitted({ first: ['old' as RunId, 'old' as RunId, 'none' as RunId], limits: { concurrency: 1 } })).toBe('old')
    expect(await admit({ first: ['old' as RunId, 'none' as RunId], owner: 'two', lines: false })).toMatchObject({ runs: [], elsewhere: ['old', 'none'] })
    await release('old', 'completed', 2)
    expect(await admitted({ first: ['old' as RunId] })).toBe('new')
  })

  it('[R12] a process is given runs of the versions it has, and the others keep their place', async () => {
    await enqueue('one', { version: '1' })
    await enqueue('two', { version: '2' })
    expect(await admitted({ versions: ['2', '3'] })).toBe('two')
    expect(await admitted()).toBe('one')
  })

  it('[R12] a queued run that was taken or has ended has left its queue', async () => {
    for (const run of ['a', 'b', 'c']) await enqueue(run)
    await store().acquire('a' as RunId, 'canceller', NOW, NOW + SECOND)
    expect(await store().head('a' as RunId)).toMatchObject({ status: 'running', owner: 'canceller' })
    await store().append({ run: 'a' as RunId, epoch: 1, entries: [], head: { status: 'cancelled' }, release: true })
    expect(await store().place('b' as RunId)).toEqual({ position: 1, queued: 2 })
    expect(await admitted()).toBe('b c')
    expect(await store().due([{ flow: 'desk', version: '1' }], NOW, 10)).toEqual([])
  })

  it('[R12] a queued run knows its place, with tenants taking turns', async () => {
    for (let i = 1; i <= 3; i++) await enqueue(`many-${i}`, { tenant: 'many' })
    await enqueue('few-1', { tenant: 'few' })
    await enqueue('urgent', { tenant: 'few', priority: 1 })
    const places = async (...runs: string[]) => Promise.all(runs.map(async (run) => (await store().place(run as RunId))?.position))
    expect(await places('urgent', 'many-1', 'few-1', 'many-2', 'many-3')).toEqual([1, 2, 3, 4, 5])
    expect(await admitted({ most: 2 })).toBe('urgent many-1')
    expect(await places('few-1', 'many-2', 'many-3', 'urgent', 'none')).toEqual([1, 2, 3, undefined, undefined])
    expect(await store().place('few-1' as RunId)).toEqual({ position: 1, queued: 3 })
  })
}

function limits(store: () => JournalStore): void {
  const { enqueue, admit, admitted, release } = queueOf(store)

  it('[R12] no more than the concurrency are driven at once; a place is free when its run rests, has ended, or its lease ran out', async () => {
    for (const run of ['a', 'b', 'c', 'd', 'e']) await enqueue(run)
    const limited = { limits: { concurrency: 2 } }
    expect(await Promise.all([admitted({ ...limited, owner: 'one' }), admitted({ ...limited, owner: 'two' })])).toEqual(['a b', ''])
    await release('a', 'waiting')
    expect(await admitted({ ...limited, owner: 'two' })).toBe('c')
    await release('b', 'completed')
    expect(await admitted(limited)).toBe('d')
    expect(await admitted({ ...limited, now: NOW + 10 * SECOND - 1 })).toBe('')
    expect(await admitted({ ...limited, now: NOW + 10 * SECOND })).toBe('e')
  })

  it('[R12] a lease that ran out is renewed, unless its place was given away meanwhile', async () => {
    for (const run of ['a', 'b']) await enqueue(run)
    const limited = { limits: { concurrency: 1 } }
    const until = NOW + 60 * SECOND
    const lease = { run: 'a' as RunId, epoch: 1, until }
    await admit(limited)
    expect(await store().renew([lease], NOW + 20 * SECOND)).toEqual([])
    expect(await admitted({ ...limited, now: NOW + 15 * SECOND })).toBe('')
    expect(await admitted({ ...limited, owner: 'two', now: NOW + 20 * SECOND, until })).toBe('b')
    expect(await store().renew([lease], until)).toEqual(['a'])
    expect(await admitted({ ...limited, first: ['a' as RunId], now: NOW + 21 * SECOND })).toBe('')
  })

  it('[R12] what a process holds that is known to be gone is free at once, and whose processes to look after is said', async () => {
    for (const run of ['a', 'b']) await enqueue(run)
    const limited = { limits: { concurrency: 1 } }
    await admit({ ...limited, owner: 'dead' })
    expect(await admit({ ...limited, owner: 'two' })).toEqual({ runs: [], elsewhere: [], drained: false, holders: ['dead'] })
    expect(await admitted({ ...limited, owner: 'two', gone: ['dead'], first: ['a' as RunId] })).toBe('a')
    expect(await store().head('a' as RunId)).toMatchObject({ owner: 'two', epoch: 2 })
  })

  it('[R12] no tenant holds more than its share, and its runs do not stand in the way of others', async () => {
    for (let i = 1; i <= 3; i++) await enqueue(`many-${i}`, { tenant: 'many' })
    await enqueue('few-1', { tenant: 'few' })
    const limited = { limits: { concurrency: 3, perTenant: 1 } }
    expect(await admitted(limited)).toBe('many-1 few-1')
    expect(await admitted({ ...limited, first: ['many-3' as RunId] })).toBe('')
    await release('many-1', 'completed')
    expect(await admitted(limited)).toBe('many-2')
  })

  it('[R12] flows have queues of their own', async () => {
    await enqueue('a')
    await store().create(newRun('b', { flow: 'other', lease: undefined, head: { status: 'queued' } }))
    expect(await admitted({ limits: { concurrency: 1 } })).toBe('a')
    expect(await admitted({ flow: 'other', limits: { concurrency: 1 } })).toBe('b')
  })
}

function rates(store: () => JournalStore): void {
  const { enqueue, admit, admitted, release } = queueOf(store)

  it('[R12] no more runs begin in any stretch of time than the rate allows, and when the next may is said', async () => {
    for (const run of ['a', 'b', 'c', 'd', 'e']) await enqueue(run)
    const limited = { limits: { rate: { runs: 2, ms: SECOND } } }
    expect(await admitted({ ...limited, most: 1 })).toBe('a')
    expect(await admit({ ...limited, now: NOW + 600 })).toMatchObject({ runs: [{ lease: { run: 'b' } }], nextAt: NOW + SECOND })
    expect(await admitted({ ...limited, now: NOW + SECOND - 1 })).toBe('')
    expect(await admit({ ...limited, now: NOW + SECOND })).toMatchObject({ runs: [{ lease: { run: 'c' } }], nextAt: NOW + 600 + SECOND })
    expect(await admitted({ ...limited, now: NOW + 5 * SECOND })).toBe('d e')
  })

  it('[R12] a run that goes on has begun already: the rate does not hold it back', async () => {
    for (const run of ['a', 'b']) await enqueue(run)
    const limited = { limits: { rate: { runs: 1, ms: SECOND } } }
    expect(await admitted(limited)).toBe('a')
    await release('a', 'waiting')
    expect(await admitted({ ...limited, first: ['a' as RunId, 'b' as RunId] })).toBe('a')
  })

  it('[R12] the rate of one tenant holds back its runs and no others', async () => {
    for (const run of ['x-1', 'x-2', 'y-1', 'y-2']) await enqueue(run, { tenant: run.slice(0, 1) })
    const limited = { limits: { ratePerTenant: { runs: 1, ms: SECOND } } }
    expect(await admit(limited)).toMatchObject({ runs: [{ lease: { run: 'x-1' } }, { lease: { run: 'y-1' } }], nextAt: NOW + SECOND })
    expect(await admitted({ ...limited, now: NOW + SECOND })).toBe('x-2 y-2')
  })

  it('[R12] a clock that is set back holds nobody up for longer than the stretch of the rate', async () => {
    for (const run of ['a', 'b', 'c']) await enqueue(run)
    const limited = { limits: { rate: { runs: 1, ms: SECOND } } }
    expect(await admitted({ ...limited, now: NOW + 3_600 * SECOND })).toBe('a')
    expect(await admit(limited)).toMatchObject({ runs: [], nextAt: NOW + SECOND })
    expect(await admitted({ ...limited, now: NOW + SECOND })).toBe('b')
  })
}

function schedules(store: () => JournalStore): void {
  it('[R12] of a schedule is kept what was said last, and the instant that was dealt with never goes back', async () => {
    await store().keepSchedule('nightly', { considered: NOW })
    await store().keepSchedule('hourly', { considered: NOW, spec: { flow: 'desk', cron: '0 * * * *' } })
    await store().keepSchedule('nightly', { considered: NOW - 5 })
    await store().keepSchedule('nightly', { paused: true, run: 'nightly@1' as RunId })
    const nightly = { name: 'nightly', considered: NOW, paused: true, run: 'nightly@1' }
    expect(new Set(await store().schedules())).toEqual(
      new Set([nightly, { name: 'hourly', considered: NOW, paused: false, spec: { flow: 'desk', cron: '0 * * * *' } }]),
    )
    expect([await store().dropSchedule('hourly'), await store().dropSchedule('hourly')]).toEqual([true, false])
    expect(await store().schedules()).toEqual([nightly])
  })
}
