import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, started } from '../testing/sample-run.ts'
import { type Admission, type Entry, type EraseOptions, eraseSubject, type JournalStore, memoryStore, type SqliteStore, sqliteStore } from './index.ts'

const MARKER = 'the-plain-words-of-a-person'
const TENANT = 'a-tenant-with-a-name'
let path: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-erase-queue-'))
  path = join(folder, 'journal.db')
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

function open(kind: 'plain' | 'encrypted'): SqliteStore {
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main', encryption: kind === 'plain' ? undefined : { key: 'ab'.repeat(32) } })
  onTestFinished(() => store.close())
  return store
}

const erase = (store: JournalStore, o: EraseOptions) => eraseSubject(store, o, { now: () => NOW })
const holds = (words: string): boolean => [path, `${path}-wal`, `${path}.keys`].some((file) => existsSync(file) && readFileSync(file).includes(words))
const specOf = (tenant: string, user?: string) => ({
  flow: 'desk',
  every: '1h',
  scope: { tenant, ...(user && { user }) },
  input: MARKER,
  labels: { about: MARKER },
})

async function enqueue(store: JournalStore, run: string, tenant: string): Promise<void> {
  const entries = [{ ...started(run as RunId, MARKER), scope: { tenant } } as Entry]
  await store.create(newRun(run, { scope: { tenant }, entries, lease: undefined, head: { status: 'queued' } }))
}

const admit = (store: JournalStore, over: Partial<Admission> = {}) =>
  store.admit({
    ...{ flow: 'desk', versions: ['1'], limits: { ratePerTenant: { runs: 1, ms: 1_000 } }, first: [], lines: true },
    ...{ owner: 'one', now: NOW, until: NOW + 10, most: 100, gone: [], ...over },
  })

const end = (store: JournalStore, run: string) => store.append({ run: run as RunId, epoch: 1, entries: [], head: { status: 'completed' }, release: true })

function count(table: string): unknown {
  const db = new DatabaseSync(path)
  const { rows } = db.prepare(`SELECT count(*) AS rows FROM ${table}`).get() as { rows: number }
  db.close()
  return rows
}

describe.each(['plain', 'encrypted'] as const)('an erasure, %s', (kind) => {
  it('[R13] leaves no word of a tenant in its queues and schedules, and those of the others as they were', async () => {
    const store = open(kind)
    for (const [run, tenant] of [
      ['a1', TENANT],
      ['a2', TENANT],
      ['b1', 'other'],
      ['b2', 'other'],
    ] as const)
      await enqueue(store, run, tenant)
    expect((await admit(store)).runs.map(({ lease }) => lease.run)).toEqual(['a1', 'b1'])
    await end(store, 'a1')
    await store.keepSchedule('nightly', { considered: NOW, run: 'nightly@1' as RunId, spec: specOf(TENANT, 'ada') })
    await store.keepSchedule('of others', { considered: NOW, spec: specOf('other') })
    await expect(erase(store, { tenant: TENANT })).rejects.toMatchObject({ code: 'RUN_NOT_FINISHED', data: { runs: ['a2'], schedules: ['nightly'] } })
    expect(await store.schedules()).toHaveLength(2)
    expect(await erase(store, { tenant: TENANT, force: true })).toMatchObject({ runs: ['a2', 'a1'], schedules: ['nightly'] })
    expect(holds(TENANT)).toBe(false)
    expect(await store.schedules()).toEqual([{ name: 'of others', considered: NOW, paused: false, spec: specOf('other') }])
    expect(await store.place('b2' as RunId)).toEqual({ position: 1, queued: 1 })
    expect(await admit(store)).toMatchObject({ runs: [], nextAt: NOW + 1_000 })
  })

  it('[R13] is refused for a schedule alone; of one user it removes the schedules of that user and no others', async () => {
    const store = open(kind)
    await store.keepSchedule('hers', { spec: specOf(TENANT, 'ada') })
    await store.keepSchedule('his', { spec: specOf(TENANT, 'bob') })
    await store.keepSchedule('of all', { spec: specOf(TENANT) })
    await store.keepSchedule('of nobody', { spec: { flow: 'desk', every: '1h' } })
    const named = { code: 'RUN_NOT_FINISHED', message: `nothing was erased: runs of the user 'ada' of '${TENANT}' are started by schedule: hers` }
    await expect(erase(store, { tenant: TENANT, user: 'ada' })).rejects.toMatchObject(named)
    expect((await erase(store, { tenant: TENANT, user: 'ada', force: true })).schedules).toEqual(['hers'])
    expect((await store.schedules()).map(({ name }) => name)).toEqual(['his', 'of all', 'of nobody'])
    expect((await erase(store, { tenant: 'default', force: true })).schedules).toEqual(['of nobody'])
  })
})

it('[R13] an encrypted journal holds nothing in plain words of what a schedule gives to its runs', async () => {
  const store = open('encrypted')
  const spec = specOf(TENANT, 'ada')
  await store.keepSchedule('nightly', { spec })
  await store.keepSchedule('nightly', { considered: NOW, paused: true })
  expect(await store.schedules()).toEqual([{ name: 'nightly', considered: NOW, paused: true, spec }])
  expect(holds(MARKER)).toBe(false)
  await store.close()
  expect(holds(MARKER)).toBe(false)
  expect(await open('encrypted').schedules()).toEqual([{ name: 'nightly', considered: NOW, paused: true, spec }])
})

it('[R13] a schedule that was kept in plain words is sealed when it is kept again with a key', async () => {
  const before = open('plain')
  await before.keepSchedule('nightly', { spec: specOf(TENANT) })
  await before.close()
  const store = open('encrypted')
  expect(await store.schedules()).toMatchObject([{ spec: specOf(TENANT) }])
  await store.keepSchedule('nightly', { spec: specOf(TENANT) })
  await store.shred({ tenant: 'other' }, 'end')
  expect(holds(MARKER)).toBe(false)
  expect(await store.schedules()).toMatchObject([{ spec: specOf(TENANT) }])
})

it('[R12] what a queue remembers of tenants that never come back does not grow', async () => {
  const store = open('plain')
  for (let i = 0; i < 200; i++) {
    await enqueue(store, `r${i}`, `tenant ${i}`)
    expect((await admit(store, { now: NOW + i * 100 })).runs).toHaveLength(1)
    await end(store, `r${i}`)
  }
  expect((await admit(store, { now: NOW + 60_000 })).drained).toBe(true)
  expect([count('queue_begun'), count('queue_lines'), count('queue_held'), count('queued')]).toEqual([10, 0, 0, 0])
})

it('[R10] a run that is removed leaves nothing in its queue', async () => {
  const store = open('plain')
  for (const run of ['a', 'b']) await enqueue(store, run, 'acme')
  await admit(store, { most: 1 })
  await end(store, 'a')
  await store.remove(['a' as RunId])
  await store.remove(['b' as RunId], { force: true })
  expect([count('queue_held'), count('queued')]).toEqual([0, 0])
})

it('[R13] in memory too an erased tenant has no schedule any more, and its rate begins anew', async () => {
  const store = memoryStore()
  await enqueue(store, 'a', TENANT)
  await admit(store)
  await end(store, 'a')
  await store.keepSchedule('nightly', { spec: specOf(TENANT) })
  expect(await erase(store, { tenant: TENANT, force: true })).toMatchObject({ runs: ['a'], schedules: ['nightly'] })
  expect(await store.schedules()).toEqual([])
  await enqueue(store, 'b', TENANT)
  expect((await admit(store)).runs).toHaveLength(1)
})
