import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, readAll, started } from '../testing/sample-run.ts'
import {
  type Entry,
  type Erased,
  type EraseOptions,
  eraseSubject,
  exportRun,
  importRun,
  type JournalStore,
  memoryStore,
  rotateKey,
  type SqliteStore,
  splitValue,
  sqliteStore,
} from './index.ts'
import { entryCheck } from './row-check.ts'

const MARKER = 'the-plain-words-of-a-person'
const key = randomBytes(32).toString('base64')
let path: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-erase-'))
  path = join(folder, 'journal.db')
  onTestFinished(() => rmSync(folder, { recursive: true }))
})
const open = (given: string | undefined = key, at = path): SqliteStore => {
  const store = sqliteStore(at, { durability: 'relaxed', commit: 'main', encryption: given ? { key: given } : undefined })
  onTestFinished(() => store.close())
  return store
}
const plain = (at = path): SqliteStore => open('', at)
const erase = (store: JournalStore, o: EraseOptions): Promise<Erased> => eraseSubject(store, o, { now: () => NOW })

/** A run whose every part holds the marker; it has ended unless it waits. */
async function record(store: JournalStore, name: string, { tenant = 'acme', user = 'ada', waits = false, mark = MARKER } = {}): Promise<void> {
  const run = name as RunId
  const large = splitValue(`${mark} `.repeat(100))
  const started1: Entry = { ...(started(run) as Entry & { type: 'run.started' }), scope: { tenant, user }, input: { question: mark } }
  const step: Entry = { seq: 2, time: NOW + 2, type: 'step.completed', key: 'desk/a', value: large.value }
  const scope = { tenant, user, claims: { mail: mark } }
  await store.create(newRun(name, { scope, labels: { about: mark }, startHash: mark, entries: [started1], lease: { owner: 'one', until: NOW + 10 } }))
  await store.post(run, { id: 'm', type: 'signal', signal: 'go', value: mark }, NOW)
  const head = waits ? ({ status: 'waiting', waiting: [{ signal: 'go', key: 'k', data: mark }] } as const) : ({ status: 'completed' } as const)
  await store.append({ run, epoch: 1, entries: [step], blobs: new Map([large.blob as [string, string]]), head, release: true })
}
const bytesOf = (file: string): Buffer => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0))
const holds = (words: string): boolean => [path, `${path}-wal`, `${path}.keys`].some((file) => bytesOf(file).includes(words))
async function linesOf(store: JournalStore, run: string): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportRun(store, run as RunId)) lines.push(line)
  return lines
}
const blobOf = async (store: JournalStore, run: string): Promise<string> =>
  store.blob((splitValue(`${MARKER} `.repeat(100)).value as { '~blob': string })['~blob'], run as RunId)

describe('an encrypted journal', () => {
  it('[R13] holds nothing in plain words of what a run recorded, was told, waits for or is labelled with', async () => {
    const [store, bare] = [open(), plain(`${path}.bare`)]
    await record(store, 'run_a', { waits: true })
    await record(bare, 'run_a', { waits: true })
    await store.append({ run: 'run_a' as RunId, epoch: 1, entries: [], taken: ['none'] })
    expect(holds(MARKER)).toBe(false)
    expect(await linesOf(store, 'run_a')).toEqual(await linesOf(bare, 'run_a'))
    expect(await store.head('run_a' as RunId)).toEqual(await bare.head('run_a' as RunId))
    expect(await store.list()).toEqual(await bare.list())
    await store.close()
    expect(holds(MARKER)).toBe(false)
    await bare.close()
    expect(bytesOf(`${path}.bare`).includes(MARKER)).toBe(true)
  })

  it('[R13] shares a value among the runs of one user, and none between users or tenants', async () => {
    const store = open()
    await record(store, 'a1')
    await record(store, 'a2')
    await record(store, 'a3', { user: 'bob' })
    await record(store, 'b1', { tenant: 'other' })
    const db = new DatabaseSync(path)
    expect(db.prepare('SELECT count(*) AS blobs, count(DISTINCT hash) AS hashes FROM blobs').get()).toEqual({ blobs: 3, hashes: 3 })
    db.close()
    for (const run of ['a1', 'a2', 'a3', 'b1']) expect(await blobOf(store, run)).toContain(MARKER)
    await store.remove(['a1' as RunId])
    expect(await blobOf(store, 'a2')).toContain(MARKER)
  })

  it.each<[string, string, [number, number]]>([
    ['of another entry of the run', 'a', [1, 2]],
    ['of the same entry of another run of the same user', 'b', [1, 1]],
  ])('[R13] an entry that was replaced by that %s is refused, although its check is right', async (_, other, [seq, from]) => {
    const store = open()
    await record(store, 'a')
    await record(store, 'b')
    const db = new DatabaseSync(path)
    const place = (run: string, at: number) =>
      db
        .prepare('SELECT p.n, r.id, e.body FROM places p JOIN entries e USING (n) JOIN runs r ON r.id = p.key >> 24 WHERE r.run = ? AND p.key & 16777215 = ?')
        .get(run, at) as {
        n: number
        id: number
        body: Uint8Array
      }
    const [into, taken] = [place('a', seq), place(other, from)]
    db.prepare('UPDATE entries SET body = ? WHERE n = ?').run(taken.body, into.n)
    db.prepare('UPDATE places SET crc = ? WHERE n = ?').run(entryCheck(into.id, seq, taken.body), into.n)
    db.close()
    await expect(readAll(store, 'a')).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    expect(await readAll(store, 'b')).toHaveLength(2)
  })

  it('[R13] is refused without its key, with a wrong one, or without its key file, and is left as it was', async () => {
    const store = open()
    await record(store, 'a')
    await store.close()
    const before = [bytesOf(path), bytesOf(`${path}.keys`)]
    await expect(plain().open()).rejects.toMatchObject({ code: 'JOURNAL_KEY_NEEDED' })
    await expect(open(randomBytes(32).toString('hex')).list()).rejects.toMatchObject({ code: 'JOURNAL_KEY_WRONG' })
    for (const odd of ['short', 'x'.repeat(44)]) {
      const error = await open(odd)
        .open()
        .catch((error) => error)
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
      expect(JSON.stringify(error)).not.toContain(odd)
    }
    copyFileSync(`${path}.keys`, `${path}.aside`)
    rmSync(`${path}.keys`)
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_KEY_NEEDED', message: expect.stringContaining('.keys') })
    expect(existsSync(`${path}.keys`)).toBe(false)
    copyFileSync(`${path}.aside`, `${path}.keys`)
    expect([bytesOf(path), bytesOf(`${path}.keys`)]).toEqual(before)
    expect(await readAll(open(), 'a')).toHaveLength(2)
  })

  it('[R13] may begin as a plain one: earlier runs stay plain, later ones are sealed, and both are read', async () => {
    const before = plain()
    await record(before, 'a', { mark: 'plain words' })
    await before.close()
    const store = open()
    expect(await readAll(store, 'a')).toHaveLength(2)
    expect(existsSync(`${path}.keys`)).toBe(false)
    await record(store, 'b')
    expect([holds('plain words'), holds(MARKER)]).toEqual([true, false])
    expect((await store.list()).map(({ run }) => run).sort()).toEqual(['a', 'b'])
    await store.close()
    await expect(plain().open()).rejects.toMatchObject({ code: 'JOURNAL_KEY_NEEDED' })
  })

  it('[R10] a run moves between encrypted and plain stores, and is the same run', async () => {
    const [sealed, bare, other] = [open(), plain(`${path}.bare`), open(randomBytes(32).toString('hex'), `${path}.other`)]
    await record(sealed, 'a', { waits: true })
    const lines = await linesOf(sealed, 'a')
    for (const store of [bare, other]) {
      expect(await importRun(store, lines)).toMatchObject({ imported: true, messages: 1, blobs: 1 })
      expect(await linesOf(store, 'a')).toEqual(lines)
    }
    expect(await importRun(sealed, await linesOf(other, 'a'))).toMatchObject({ imported: false })
  })

  it('[R13] takes another master key: the old one is refused from then on, and everything is read with the new one', async () => {
    const store = open()
    await record(store, 'a')
    await record(store, 'b', { tenant: 'other' })
    await store.close()
    const next = randomBytes(32)
    expect(() => rotateKey(path, { key: next }, { key })).toThrow(expect.objectContaining({ code: 'JOURNAL_KEY_WRONG' }))
    rotateKey(path, { key }, { key: next })
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_KEY_WRONG' })
    const again = open(next.toString('hex'))
    for (const run of ['a', 'b']) expect(await blobOf(again, run)).toContain(MARKER)
  })

  it('[R13] commits in a worker seal as those of the main thread do', async () => {
    const store = sqliteStore(path, { commit: 'worker', encryption: { key } })
    onTestFinished(() => store.close())
    await record(store, 'a')
    expect(await blobOf(store, 'a')).toContain(MARKER)
    expect(holds(MARKER)).toBe(false)
  })
})

describe.each(['plain', 'encrypted'] as const)('an erasure, %s', (kind) => {
  const made = (): SqliteStore => (kind === 'plain' ? plain() : open())
  const keysOf = (count: number): number => (kind === 'plain' ? 0 : count)

  it('[R13] leaves no word of a tenant in the file, and all of the others', async () => {
    const store = made()
    await record(store, 'first-of-acme')
    await record(store, 'a2', { user: 'bob' })
    await record(store, 'b', { tenant: 'other', mark: 'other words' })
    const before = await linesOf(store, 'b')
    expect(await erase(store, { tenant: 'acme' })).toMatchObject({ runs: ['a2', 'first-of-acme'], entries: 4, keys: keysOf(2), damaged: [] })
    expect(holds(MARKER)).toBe(false)
    expect(holds('first-of-acme')).toBe(false)
    expect(await linesOf(store, 'b')).toEqual(before)
    expect(await erase(store, { tenant: 'acme' })).toMatchObject({ runs: [], keys: 0 })
  })

  it('[R13] of one user keeps the runs of the others of that tenant', async () => {
    const store = made()
    await record(store, 'a1', { mark: 'words of ada' })
    await record(store, 'a2', { user: 'bob' })
    expect(await erase(store, { tenant: 'acme', user: 'ada' })).toMatchObject({ runs: ['a1'], keys: keysOf(1) })
    expect(holds('words of ada')).toBe(false)
    expect(await blobOf(store, 'a2')).toContain(MARKER)
  })

  it('[R13] is refused while a run of theirs has not ended, and touches nothing; forced, it ends it', async () => {
    const store = made()
    await record(store, 'a1')
    await record(store, 'a2', { waits: true })
    await expect(erase(store, { tenant: 'acme' })).rejects.toMatchObject({ code: 'RUN_NOT_FINISHED', data: { runs: ['a2'] } })
    expect(await blobOf(store, 'a1')).toContain(MARKER)
    expect((await erase(store, { tenant: 'acme', force: true })).runs).toHaveLength(2)
    await expect(store.append({ run: 'a2' as RunId, epoch: 1, entries: [] })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    expect(holds(MARKER)).toBe(false)
  })

  it('[R13] that was interrupted goes on when it is asked for again', async () => {
    const store = made()
    await record(store, 'a1')
    await record(store, 'a2')
    await store.shred({ tenant: 'acme' }, 'begin')
    await store.remove(['a1' as RunId], { force: true })
    await record(store, 'a3')
    expect(await erase(store, { tenant: 'acme' })).toMatchObject({ runs: ['a3', 'a2'], keys: keysOf(2) })
    expect(holds(MARKER)).toBe(false)
  })

  it('[R13] does not keep what comes afterwards from being written, also by a process that knew the key of before', async () => {
    const [store, other] = [made(), made()]
    await record(other, 'a1')
    await erase(store, { tenant: 'acme' })
    await record(other, 'a2')
    await other.close()
    expect(await blobOf(made(), 'a2')).toContain(MARKER)
  })

  it('[R13] that has begun gives the next run another key, also in a process that knew the one of before', async () => {
    const [store, other] = [made(), made()]
    await record(other, 'a1')
    await other.remove(['a1' as RunId])
    await store.shred({ tenant: 'acme' }, 'begin')
    await record(other, 'a2')
    expect(await store.shred({ tenant: 'acme' }, 'end')).toBe(keysOf(1))
    expect(await blobOf(made(), 'a2')).toContain(MARKER)
  })

  it('[R13] says when another process still reads what is to be overwritten', async () => {
    const store = sqliteStore(path, { lockTimeoutMs: 100, encryption: kind === 'plain' ? undefined : { key } })
    onTestFinished(() => store.close())
    await record(store, 'a1')
    const reader = new DatabaseSync(path)
    reader.exec('BEGIN; SELECT * FROM runs')
    reader.prepare('SELECT count(*) FROM entries').get()
    await expect(erase(store, { tenant: 'acme' })).rejects.toMatchObject({ code: 'JOURNAL_LOCKED', message: expect.stringContaining('still reads') })
    reader.close()
    await erase(store, { tenant: 'acme' })
    expect(holds(MARKER)).toBe(false)
  })
})

it('[R13] a copy of an encrypted journal that was made before an erasure cannot be read any more; of others it can', async () => {
  const store = open()
  await record(store, 'a')
  await record(store, 'b', { tenant: 'other' })
  await store.close()
  copyFileSync(path, `${path}.copy`)
  await erase(open(), { tenant: 'acme' })
  const copy = sqliteStore(`${path}.copy`, { encryption: { key, keys: `${path}.keys` } })
  onTestFinished(() => copy.close())
  expect(await blobOf(copy, 'b')).toContain(MARKER)
  await expect(readAll(copy, 'a')).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  await expect(blobOf(copy, 'a')).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  expect(bytesOf(`${path}.copy`).includes(MARKER)).toBe(false)
})

it.each([{}, { tenant: '' }, { tenant: 'acme', user: '' }, { tenant: 7 }])('[R13] an erasure of nobody in particular is refused: %o', async (o) => {
  const store = memoryStore()
  await record(store, 'a')
  await expect(erase(store, o as never)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await readAll(store, 'a')).toHaveLength(2)
  expect(await erase(store, { tenant: 'acme' })).toMatchObject({ runs: ['a'], keys: 0 })
})
