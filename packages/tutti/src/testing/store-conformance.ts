/**
 * What every journal store must do, line by line of `store.port.ts`, as a suite for vitest.
 *
 * ```ts
 * storeConformance('memory', async () => ({ store: memoryStore(), cleanup: async () => {} }))
 * ```
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Commit, Entry, FlowVersion, JournalStore, RunStatus } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'
import { cancel, inbox } from './inbox-conformance.ts'
import { queueConformance } from './queue-conformance.ts'
import { removing } from './removal-conformance.ts'
import { NOW, newRun, patched, patches, readAll, started } from './sample-run.ts'
import { standingConformance } from './standing-conformance.ts'
import { storeEqualsModel } from './store-model.ts'

export interface StoreUnderTest {
  readonly store: JournalStore
  /** Closes it and opens what it left behind; left out by a store that leaves nothing. */
  readonly reopen?: (() => Promise<JournalStore>) | undefined
  readonly cleanup: () => Promise<void>
}

const a = 'run_a' as RunId
const b = 'run_b' as RunId
const commit = (over: Partial<Commit> = {}): Commit => ({ run: a, epoch: 1, entries: [], ...over })

/** @param make one empty store per test */
export function storeConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`journal store: ${name}`, () => {
    let made: StoreUnderTest
    let store: JournalStore
    beforeEach(async () => {
      made = await make()
      store = made.store
    })
    afterEach(async () => {
      await store.close()
      await made.cleanup()
    })
    const current = (): JournalStore => store

    createAndAppend(current)
    fencing(current)
    leases(current)
    reading(current)
    heads(current)
    inbox(current)
    due(current)
    queueConformance(current)
    removing(current)
    standingConformance(current)
    it('[R1] close waits for what was appended, and what was acknowledged is there afterwards', async () => {
      await store.create(newRun(a))
      let durable = false
      const appended = store.append(commit({ entries: patches(2, 40) })).then(() => {
        durable = true
      })
      await store.close()
      expect(durable).toBe(true)
      await appended
      if (made.reopen) store = await made.reopen()
      expect(await readAll(store, a)).toEqual([started(a), ...patches(2, 40)])
      expect((await store.head(a))?.lastSeq).toBe(40)
    })
    it('[R6] every sequence of calls, in whatever groups, answers what a plain model answers', () => storeEqualsModel(store), 60_000)
  })
}

function createAndAppend(store: () => JournalStore): void {
  it('[R1] a run created twice is the first one, and keeps its entries', async () => {
    const [first, second] = await Promise.all([store().create(newRun(a)), store().create(newRun(a, { startHash: 'other', entries: [started(a, 'other')] }))])
    expect(first.created).toBe(true)
    expect(second).toEqual({ created: false, head: first.head })
    expect((await store().create(newRun(a))).created).toBe(false)
    expect(await readAll(store(), a)).toEqual([started(a)])
  })

  it('[R1] a new run has the head it was given, with a lease or without', async () => {
    const { head } = await store().create(newRun(a))
    const { entries, lease, ...given } = newRun(a)
    expect(head).toEqual({ ...given, status: 'running', updatedAt: NOW, lastSeq: 1, stalls: 0, epoch: 1, owner: 'one', leaseUntil: NOW + 1_000 })
    expect(await store().head(a)).toEqual(head)
    await store().create(newRun(b, { lease: undefined }))
    expect(await store().head(b)).toMatchObject({ epoch: 0 })
    expect(await store().head(b)).not.toHaveProperty('owner')
    expect(await store().head('run_none' as RunId)).toBeUndefined()
  })

  it('[R11] an append never resolves in the turn in which it was asked for', async () => {
    await store().create(newRun(a))
    let durable = false
    const appended = store()
      .append(commit({ entries: [patched(2)] }))
      .then(() => {
        durable = true
      })
    for (let i = 0; i < 100; i++) await Promise.resolve()
    await new Promise<void>((resolve) => process.nextTick(resolve))
    expect(durable).toBe(false)
    await appended
  })

  it('[R1] all that one turn appends is kept in the order of the calls, also past 512 entries', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    const appends = Array.from({ length: 700 }, (_, i) => [
      store().append(commit({ entries: [patched(i + 2)] })),
      store().append(commit({ run: b, entries: [patched(i + 2, `b${i}`)] })),
    ])
    await Promise.all(appends.flat())
    expect(await readAll(store(), a)).toEqual([started(a), ...patches(2, 701)])
    expect((await readAll(store(), b)).map((entry) => entry.type === 'run.patched' && entry.id).slice(1, 4)).toEqual(['b0', 'b1', 'b2'])
  })

  it('[R1] one commit may hold more entries than a group', async () => {
    await store().create(newRun(a))
    await store().append(commit({ entries: patches(2, 1_400) }))
    expect(await readAll(store(), a)).toHaveLength(1_400)
  })

  it('[R1] what a caller does to its entries afterwards does not reach the journal', async () => {
    const entry = { seq: 2, time: NOW, type: 'step.completed', key: 'k', value: { list: [1, 2] } } as const satisfies Entry
    await store().create(newRun(a))
    const appended = store().append(commit({ entries: [entry] }))
    ;(entry.value.list as unknown as number[]).push(3)
    await appended
    const [read] = await readAll(store(), a, 1)
    expect(read).toMatchObject({ value: { list: [1, 2] } })
    ;(read as unknown as { value: { list: number[] } }).value.list.push(4)
    expect((await readAll(store(), a, 1))[0]).toMatchObject({ value: { list: [1, 2] } })
  })

  it('[R9] a blob is kept once for all runs, and a missing one is named', async () => {
    const text = JSON.stringify('x'.repeat(5_000))
    const hash = hash128(text)
    await store().create(newRun(a, { blobs: new Map([[hash, text]]) }))
    await store().create(newRun(b))
    await store().append(commit({ run: b, entries: [patched(2)], blobs: new Map([[hash, text]]) }))
    expect(await store().blob(hash)).toBe(text)
    const missing = hash128('nobody wrote this')
    await expect(store().blob(missing)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', message: expect.stringContaining(missing) })
  })

  it('[R1] a blob that does not have its hash is refused when it is read', async () => {
    const hash = hash128('what it says it is')
    await store().create(newRun(a, { blobs: new Map([[hash, 'what it is']]) }))
    await expect(store().blob(hash)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })
}

function fencing(store: () => JournalStore): void {
  it('[R6] an append under an older epoch is refused, and the rest of its group is written', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await store().acquire(a, 'two', NOW + 1_000, NOW + 2_000)
    const [neighbour, fenced, holder] = await Promise.allSettled([
      store().append(commit({ run: b, entries: [patched(2)] })),
      store().append(commit({ epoch: 1, entries: [patched(2, 'old')], head: { status: 'failed' }, blobs: new Map([['h', 't']]) })),
      store().append(commit({ epoch: 2, entries: [patched(2, 'new')] })),
    ])
    expect(fenced).toMatchObject({ status: 'rejected', reason: { code: 'JOURNAL_FENCED' } })
    expect([neighbour?.status, holder?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(await readAll(store(), a, 1)).toEqual([patched(2, 'new')])
    expect(await readAll(store(), b, 1)).toEqual([patched(2)])
    expect((await store().head(a))?.status).toBe('running')
  })

  it('[R6] a run that nobody ever leased is not written to', async () => {
    await store().create(newRun(a, { lease: undefined }))
    await expect(store().append(commit({ epoch: 0, entries: [patched(2)] }))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
  })

  it('[R6] entries that do not go on from the last one are refused as a bug, and nothing of them is written', async () => {
    await store().create(newRun(a))
    const misplaced = { code: 'JOURNAL_FENCED', disposition: 'bug' }
    await expect(store().append(commit({ entries: [patched(3)] }))).rejects.toMatchObject(misplaced)
    await expect(store().append(commit({ entries: [patched(1)] }))).rejects.toMatchObject(misplaced)
    await expect(store().append(commit({ entries: [patched(2), patched(4)] }))).rejects.toMatchObject(misplaced)
    expect(await readAll(store(), a)).toEqual([started(a)])
    await store().append(commit({ entries: [patched(2)] }))
  })

  it('[R6] an append to a run that does not exist is RUN_NOT_FOUND', async () => {
    await expect(store().append(commit({ entries: [patched(2)] }))).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })
}

function leases(store: () => JournalStore): void {
  it('[R6] a lease is taken once, and again when it is given up or has run out', async () => {
    await store().create(newRun(a, { lease: undefined }))
    const answers = await Promise.all([store().acquire(a, 'one', NOW, NOW + 10), store().acquire(a, 'two', NOW, NOW + 10)])
    expect(answers).toMatchObject([{ run: a, epoch: 1, until: NOW + 10 }, undefined])
    expect(await store().acquire(a, 'two', NOW + 9, NOW + 20)).toBeUndefined()
    expect(await store().acquire(a, 'two', NOW + 10, NOW + 20)).toMatchObject({ run: a, epoch: 2, until: NOW + 20 })
    await store().append(commit({ epoch: 2, release: true }))
    expect(await store().head(a)).not.toHaveProperty('owner')
    const third = await store().acquire(a, 'three', NOW + 11, NOW + 30)
    expect(third).toMatchObject({ run: a, epoch: 3, until: NOW + 30 })
    // Where its journal ends a store may say along.
    expect([undefined, (await store().head(a))?.lastSeq]).toContain(third?.lastSeq)
    expect(await store().acquire('run_none' as RunId, 'one', NOW, NOW + 10)).toBeUndefined()
  })

  it('[R6] the holder of a lease may take it again, which fences what it did before', async () => {
    await store().create(newRun(a))
    expect(await store().acquire(a, 'one', NOW, NOW + 10)).toMatchObject({ epoch: 2 })
    await expect(store().append(commit({ epoch: 1, entries: [patched(2)] }))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
  })

  it.each<RunStatus>(['completed', 'failed', 'cancelled'])('[R6] a run that is %s is never leased again', async (status) => {
    await store().create(newRun(a))
    await store().append(commit({ head: { status }, release: true }))
    expect(await store().acquire(a, 'two', NOW + 5_000, NOW + 6_000)).toBeUndefined()
  })

  it('[R6] renewing prolongs the leases that are still held, and names those that are lost', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await store().acquire(b, 'two', NOW + 1_000, NOW + 2_000)
    const mine = [a, b, 'run_none' as RunId].map((run) => ({ run, epoch: 1, until: NOW + 1_000 }))
    expect(await store().renew(mine, NOW + 3_000)).toEqual([b, 'run_none'])
    expect((await store().head(a))?.leaseUntil).toBe(NOW + 3_000)
    expect((await store().head(b))?.leaseUntil).toBe(NOW + 2_000)
    await store().append(commit({ release: true }))
    expect(await store().renew(mine.slice(0, 1), NOW + 4_000)).toEqual([a])
  })
}

function reading(store: () => JournalStore): void {
  it('[R9] a long journal is read in pages, and others have their turn in between', async () => {
    await store().create(newRun(a))
    await store().append(commit({ entries: patches(2, 2_000) }))
    let turns = 0
    let counting = true
    const count = (): void => {
      turns++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    const entries = await readAll(store(), a)
    counting = false
    expect(entries).toEqual([started(a), ...patches(2, 2_000)])
    expect(turns).toBeGreaterThanOrEqual(3)
  })

  it('[R1] reading goes on after any entry; of an unknown run there is nothing to read', async () => {
    await store().create(newRun(a))
    await store().append(commit({ entries: patches(2, 600) }))
    expect(await readAll(store(), a, 0)).toHaveLength(600)
    expect((await readAll(store(), a, 598)).map(({ seq }) => seq)).toEqual([599, 600])
    expect(await readAll(store(), a, 600)).toEqual([])
    expect(await readAll(store(), 'run_none')).toEqual([])
  })
}

function heads(store: () => JournalStore): void {
  it('[R3] a commit changes what it names of the head, clears what it names as undefined, and leaves the rest', async () => {
    await store().create(newRun(a))
    const waiting = [{ signal: 'approval', key: 'ask', until: NOW + 50, data: { amount: 3 } }]
    await store().append(commit({ entries: [patched(2)], head: { status: 'waiting', wakeAt: NOW + 50, waiting, stalls: 2 } }))
    const before = await store().head(a)
    expect(before).toMatchObject({ status: 'waiting', wakeAt: NOW + 50, waiting, stalls: 2, lastSeq: 2, updatedAt: NOW + 2 })
    await store().append(commit({ head: { status: 'running' } }))
    expect(await store().head(a)).toEqual({ ...before, status: 'running' })
    await store().append(commit({ head: { wakeAt: undefined, waiting: undefined, stalls: 0 } }))
    const after = await store().head(a)
    expect(after).toMatchObject({ status: 'running', stalls: 0 })
    expect(after).not.toHaveProperty('wakeAt')
    expect(after).not.toHaveProperty('waiting')
  })

  it('[O3] runs are listed newest first, by flow, tenant, status, labels and age', async () => {
    for (let i = 1; i <= 6; i++) {
      const run = `run_${i}` as RunId
      await store().create(
        newRun(run, {
          createdAt: NOW + i,
          flow: i % 2 ? 'odd' : 'even',
          scope: { tenant: i > 3 ? 'acme' : 'other' },
          labels: { team: i < 5 ? 'a' : 'b', n: `${i}` },
        }),
      )
    }
    await store().append(commit({ run: 'run_2' as RunId, head: { status: 'completed' } }))
    const listed = async (filter?: Parameters<JournalStore['list']>[0]): Promise<string> => (await store().list(filter)).map(({ run }) => run.slice(4)).join('')
    expect(await listed()).toBe('654321')
    expect(await listed({ flow: 'odd' })).toBe('531')
    expect(await listed({ tenant: 'other' })).toBe('321')
    expect(await listed({ status: ['completed', 'failed'] })).toBe('2')
    expect(await listed({ status: [] })).toBe('')
    expect(await listed({ limit: 2, before: NOW + 4 })).toBe('32')
    expect(await listed({ flow: 'even', tenant: 'acme', status: ['running'] })).toBe('64')
    expect([await listed({ labels: { team: 'a' } }), await listed({ labels: { team: 'a', n: '2' } }), await listed({ labels: { none: 'x' } })]).toEqual([
      '4321',
      '2',
      '',
    ])
    expect([await listed({ labels: { team: 'a' }, limit: 2 }), await listed({ labels: { team: 'a' }, limit: 0 })]).toEqual(['43', ''])
    expect([await listed({ labels: { team: 'a' }, before: NOW + 3, limit: 1 }), await listed({ labels: {}, limit: 1 })]).toEqual(['2', '6'])
  })
}

function due(store: () => JournalStore): void {
  const desk: FlowVersion = { flow: 'desk', version: '1' }
  const dueAt = async (now: number, flows: readonly FlowVersion[] = [desk], limit = 10): Promise<string[]> =>
    (await store().due(flows, now, limit)).map(({ run }) => run)
  const rest = (run: RunId, head: Commit['head']): Promise<unknown> => store().append(commit({ run, head, release: true }))

  it('[R1] a running run is due when nobody holds it, or its lease ran out', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b, { lease: undefined }))])
    expect(await dueAt(NOW)).toEqual([b])
    expect(await dueAt(NOW + 999)).toEqual([b])
    expect(await dueAt(NOW + 1_000)).toEqual([a, b])
    expect(await dueAt(NOW + 1_000, [desk], 1)).toHaveLength(1)
    expect(await dueAt(NOW + 1_000, [{ flow: 'another flow', version: '1' }])).toEqual([])
  })

  it('[R5] runs of versions that are not asked for hide no other', async () => {
    const old = Array.from({ length: 5 }, (_, i) => `run_old${i}` as RunId)
    for (const run of old) await store().create(newRun(run, { lease: undefined, version: '0' }))
    await store().create(newRun(a, { lease: undefined }))
    expect(await dueAt(NOW, [desk], 2)).toEqual([a])
    expect(await dueAt(NOW, [{ flow: 'desk', version: '0' }, desk])).toHaveLength(6)
  })

  it('[R7] a suspended run waits for a person: neither time nor a signal makes it due, only a cancel', async () => {
    await store().create(newRun(a))
    await rest(a, { status: 'suspended', wakeAt: NOW })
    await store().post(a, { id: 's', type: 'signal', signal: 'approval', value: true }, NOW)
    expect(await dueAt(NOW + 5_000)).toEqual([])
    await store().post(a, cancel('x'), NOW)
    expect(await dueAt(NOW + 5_000)).toEqual([a])
  })

  it('[R3] a waiting run is due when its time has come', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await Promise.all([rest(a, { status: 'waiting', wakeAt: NOW + 50 }), rest(b, { status: 'waiting' })])
    expect(await dueAt(NOW + 49)).toEqual([])
    expect(await dueAt(NOW + 50)).toEqual([a])
  })

  it('[R4] a run at rest is due when it has a message that was not taken', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await Promise.all([rest(a, { status: 'waiting' }), rest(b, { status: 'waiting' })])
    await store().post(b, cancel('x'), NOW)
    expect(await dueAt(NOW)).toEqual([b])
    await store().append(commit({ run: b, taken: ['x'] }))
    expect(await dueAt(NOW)).toEqual([])
  })

  it('[R6] a run that somebody drives, or that has ended, is never due', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await store().append(commit({ head: { status: 'waiting', wakeAt: NOW } }))
    await rest(b, { status: 'completed', wakeAt: NOW })
    await Promise.all([store().post(a, cancel('x'), NOW), store().post(b, cancel('x'), NOW)])
    expect(await dueAt(NOW + 1)).toEqual([])
    expect(await dueAt(NOW + 1_000)).toEqual([a])
  })
}
