import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hash128, type RunId } from '../primitives/index.ts'
import { newRun, patched, patches, readAll, started } from '../testing/sample-run.ts'
import { type SqliteStore, sqliteStore } from './index.ts'
import { appendJob, createJob } from './job.ts'
import { LOG_PAGES } from './sqlite-connection.ts'
import { SqliteFile } from './sqlite-file.ts'
import { SCHEMA_VERSION } from './sqlite-schema.ts'

const run = 'run_file' as RunId
let folder: string
let path: string
const stores: { close(): unknown }[] = []
const keep = <T extends { close(): unknown }>(opened: T): T => {
  stores.push(opened)
  return opened
}
const open = (options?: Parameters<typeof sqliteStore>[1]): SqliteStore => keep(sqliteStore(path, options))
const raw = (): DatabaseSync => keep(new DatabaseSync(path))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-file-'))
  path = join(folder, 'journal.db')
})
afterEach(async () => {
  for (const store of stores.splice(0).reverse()) await store.close()
  rmSync(folder, { recursive: true })
})

describe('a file that cannot be used', () => {
  it('[R1] a file that is no database is corrupt, and is left as it was', async () => {
    writeFileSync(path, 'this is a diary, not a database\n'.repeat(300))
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', message: expect.stringContaining(path) })
    await expect(open().head(run)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })

  it('[R5] a file of a later schema is refused, on every call', async () => {
    raw().exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    const store = open()
    await expect(store.open()).rejects.toMatchObject({ code: 'JOURNAL_NEWER', data: { schema: SCHEMA_VERSION + 1, knows: SCHEMA_VERSION } })
    await expect(store.create(newRun(run))).rejects.toMatchObject({ code: 'JOURNAL_NEWER' })
  })

  it('[R1] a path that cannot hold a file is unwritable', async () => {
    writeFileSync(path, '')
    path = join(path, 'beneath a file', 'journal.db')
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
    path = dirname(dirname(path))
    rmSync(path)
    mkdirSync(path)
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
  })

  it('[R1] a path in memory is refused: what is kept there is not kept', async () => {
    path = ':memory:'
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
    path = join(folder, 'journal.db')
  })

  it('[R1] a file that could not be opened is tried again by the next call', async () => {
    mkdirSync(path)
    const store = open()
    await expect(store.open()).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
    rmSync(path, { recursive: true })
    await store.create(newRun(run))
    expect(await readAll(store, run)).toEqual([started(run)])
  })
})

describe('a damaged journal', () => {
  const damage = async (sql: string): Promise<SqliteStore> => {
    const store = open()
    await store.create(newRun(run))
    await store.append({ run, epoch: 1, entries: patches(2, 20) })
    raw().exec(sql)
    return store
  }
  const at = (seq: number): string => `n = (SELECT n FROM places WHERE key % 16777216 = ${seq})`

  it.each([
    [`UPDATE entries SET body = substr(body, 1, 20) WHERE ${at(9)}`, 9],
    [`UPDATE entries SET body = '{"type":"run.patched"}' WHERE ${at(9)}`, 9],
    [`DELETE FROM entries WHERE ${at(9)}`, 9],
    [`DELETE FROM entries WHERE ${at(1)}`, 1],
    [`DELETE FROM entries WHERE ${at(20)}`, 20],
    ['DELETE FROM places WHERE key % 16777216 = 9', 9],
  ])('[R1] names the run and the entry: %s', async (sql, at) => {
    const store = await damage(sql)
    await expect(readAll(store, run)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data: { run, seq: at } })
  })

  it('[R9] names the run whose blob is missing, and the blob', async () => {
    const store = await damage('DELETE FROM blobs')
    const missing = store.blob('AAAAAAAAAAAAAAAAAAAAAA', run)
    await expect(missing).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringContaining(run),
      data: { run, blob: 'AAAAAAAAAAAAAAAAAAAAAA' },
    })
  })

  it('[R12] a schedule that cannot be read is said to be damaged, and the others are told as they are', async () => {
    const store = open()
    await store.keepSchedule('garbled', { considered: 1, spec: { cron: '0 * * * *' } })
    await store.keepSchedule('sound', { considered: 1, spec: { cron: '5 * * * *' } })
    raw().exec(`UPDATE schedules SET spec = '{"cron' WHERE name = 'garbled'`)
    expect(await store.schedules()).toEqual([
      { name: 'garbled', considered: 1, paused: false, damaged: true },
      { name: 'sound', considered: 1, paused: false, spec: { cron: '5 * * * *' } },
    ])
  })
})

describe('a disk that fails', () => {
  const full = async (): Promise<SqliteFile> => {
    const file = keep(await SqliteFile.open({ path, durability: 'sync', commit: 'main', lockTimeoutMs: 100 }))
    file.write([createJob(newRun(run))])
    const { page_count: pages } = file.db.prepare('PRAGMA page_count').get() as { page_count: number }
    file.db.exec(`PRAGMA max_page_count = ${pages}`)
    return file
  }
  const appended = (from: number, to: number) => appendJob({ run, epoch: 1, entries: patches(from, to) })

  it('[R1] a group that finds no space is written not at all, and the next one goes on where it was', async () => {
    const file = await full()
    expect(() => file.write([appended(2, 10), appended(11, 2_000)])).toThrow(
      expect.objectContaining({ code: 'JOURNAL_UNWRITABLE', message: expect.stringContaining('no space') }),
    )
    expect(await file.read((reader) => reader.head(run))).toMatchObject({ lastSeq: 1 })
    file.db.exec('PRAGMA max_page_count = 100000')
    expect(file.write([appended(2, 10), appended(11, 2_000)])).toEqual([undefined, undefined])
    expect(await file.read((reader) => reader.head(run))).toMatchObject({ lastSeq: 2_000 })
  })

  it('[R1] a write that the disk refuses is unwritable', async () => {
    const file = await full()
    file.db.exec('PRAGMA query_only = 1')
    expect(() => file.write([appended(2, 3)])).toThrow(expect.objectContaining({ code: 'JOURNAL_UNWRITABLE', message: expect.stringContaining('read-only') }))
  })
})

describe('a file that others use too', () => {
  it.each(['main', 'worker'] as const)('[R6] %s: a file that stays locked is JOURNAL_LOCKED, and the same commit succeeds once it is free', async (commit) => {
    const store = open({ commit, lockTimeoutMs: 50 })
    await store.create(newRun(run))
    const other = raw()
    other.exec('BEGIN IMMEDIATE')
    await expect(store.append({ run, epoch: 1, entries: [patched(2)] })).rejects.toMatchObject({ code: 'JOURNAL_LOCKED', disposition: 'retryable' })
    other.exec('ROLLBACK')
    await store.append({ run, epoch: 1, entries: [patched(2)] })
    expect(await readAll(store, run, 1)).toEqual([patched(2)])
  })

  it('[R6] waiting for a lock does not hold up the event loop', async () => {
    const store = open({ commit: 'main' })
    await store.create(newRun(run))
    const other = raw()
    other.exec('BEGIN IMMEDIATE')
    const appended = store.append({ run, epoch: 1, entries: [patched(2)] })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
    other.exec('ROLLBACK')
    await appended
    expect((await store.head(run))?.lastSeq).toBe(2)
  })

  it.each(['main', 'worker'] as const)('[R6] %s: a lease that another store took is seen by the very next append', async (commit) => {
    const [mine, theirs] = [open({ commit }), open({ commit })]
    await mine.create(newRun(run))
    await mine.append({ run, epoch: 1, entries: [patched(2)] })
    const lease = await theirs.acquire(run, 'two', 2_000_000, 3_000_000)
    expect(lease?.epoch).toBe(2)
    await theirs.append({ run, epoch: 2, entries: [patched(3, 'theirs')] })
    await expect(mine.append({ run, epoch: 1, entries: [patched(3, 'mine')] })).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(await readAll(mine, run, 2)).toEqual([patched(3, 'theirs')])
  })

  it('[R4] what another store posts is heard by watchers of this one', async () => {
    const [mine, theirs] = [open(), open()]
    await mine.create(newRun(run))
    await theirs.open()
    const heard = new Promise<string>((resolve) => mine.watch(() => resolve('heard')))
    await theirs.post(run, { id: 'm', type: 'cancel', reason: 'r' }, 1)
    expect(await heard).toBe('heard')
  })
})

describe('an open file', () => {
  it.each([
    ['sync', 2],
    ['relaxed', 1],
  ] as const)('[R1] durability %s is synchronous = %i, with a write-ahead log', async (durability, synchronous) => {
    const { db } = keep(await SqliteFile.open({ path, durability, commit: 'main', lockTimeoutMs: 100 }))
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous })
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  })

  it('[O5] says where it commits, how long that takes and how large it is', async () => {
    const store = open({ commit: 'worker', durability: 'relaxed' })
    await store.create(newRun(run))
    const stats = await store.stats()
    expect(stats).toMatchObject({ path, durability: 'relaxed', where: 'worker' })
    expect(stats.sqlite).toMatch(/^3\.\d+\.\d+$/)
    expect(stats.commitMs).toBeGreaterThan(0)
    expect(stats.fileBytes + stats.logBytes).toBeGreaterThan(4_096)
  })

  it('[R1] the thread that commits may die: what was under way is refused, and the next commit starts another', async () => {
    const threads: Worker[] = []
    const started = (thread: Worker): void => void threads.push(thread)
    process.on('worker', started)
    const store = open({ commit: 'worker', lockTimeoutMs: 100 })
    await store.create(newRun(run))
    process.off('worker', started)
    const other = raw()
    other.exec('BEGIN IMMEDIATE')
    const appended = store.append({ run, epoch: 1, entries: [patched(2)] })
    setImmediate(() => void threads[0]?.terminate())
    await expect(appended).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE', message: expect.stringContaining('thread') })
    other.exec('ROLLBACK')
    await expect(store.append({ run, epoch: 1, entries: patches(2, 10) })).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
    expect(await readAll(store, run)).toHaveLength(1)
    await store.append({ run, epoch: 1, entries: patches(2, 10) })
    expect(await readAll(store, run, 1)).toEqual(patches(2, 10))
  })
})

describe('the log beside a file', () => {
  it('[S1] is brought in by a thread of its own while another commits, and is whole in the file when it is closed', async () => {
    const store = open({ commit: 'worker' })
    await store.create(newRun(run))
    const text = 'x'.repeat(2_000_000)
    for (let seq = 2; seq < 10; seq++) await store.append({ run, epoch: 1, entries: [patched(seq)], blobs: new Map([[hash128(`${seq}`), text]]) })
    const log = raw().prepare('PRAGMA wal_checkpoint(NOOP)')
    const behind = (): number => {
      const { log: pages, checkpointed } = log.get() as { log: number; checkpointed: number }
      return pages - checkpointed
    }
    // Some 8,000 pages were written, and from 6,000 on they are brought in; whoever commits would do so only at 24,000.
    await expect.poll(behind, { timeout: 10_000 }).toBeLessThan(LOG_PAGES)
    await store.close()
    expect((await readAll(open(), run)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
