/** Bit after bit of the rows of a run is flipped: what they held is refused, and the run beside it is as it was. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunId } from '../primitives/index.ts'
import { newRun, patched, patches, readAll, started } from '../testing/sample-run.ts'
import { type InboxMessage, type SqliteStore, sqliteStore } from './index.ts'

const run = 'run_flipped' as RunId
const other = 'run_beside' as RunId
const letter: InboxMessage = { id: 'sig_1', type: 'signal', signal: 'said', value: 'é' }
let folder: string
let store: SqliteStore
let raw: DatabaseSync

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-flip-'))
  store = sqliteStore(join(folder, 'journal.db'), { durability: 'relaxed', commit: 'main' })
  for (const each of [run, other]) {
    await store.create(newRun(each))
    const waiting = [{ signal: 'said', key: 'desk/said' }]
    await store.append({ run: each, epoch: 1, entries: patches(2, 3), head: { status: 'waiting', waiting, wakeAt: 5_000_000 } })
    await store.post(each, letter, 1)
  }
  raw = new DatabaseSync(join(folder, 'journal.db'))
  raw.exec('PRAGMA synchronous = OFF')
})
afterAll(async () => {
  raw.close()
  await store.close()
  rmSync(folder, { recursive: true })
})

type Cell = string | number
/** The cell with one bit flipped, for each bit of a number and every third of the UTF-8 of a text, which travels as its bytes: few are UTF-8 still. */
function* flips(cell: Cell): Generator<bigint | Uint8Array> {
  if (typeof cell === 'number') {
    for (let bit = 0n; bit < 63n; bit++) yield BigInt(cell) ^ (1n << bit)
    return
  }
  const bytes = Buffer.from(cell)
  for (let bit = 0; bit < bytes.length * 8; bit += 3) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    yield flipped
  }
}

/** Calls `look` for each flipped bit of that cell, and leaves the cell as it was. */
async function eachFlip([table, column, where]: readonly [string, string, string], look: () => Promise<void>): Promise<void> {
  const { cell } = raw.prepare(`SELECT ${column} AS cell FROM ${table} WHERE ${where}`).get() as { cell: Cell }
  const set = raw.prepare(`UPDATE ${table} SET ${column} = ${typeof cell === 'string' ? 'CAST(? AS TEXT)' : '?'} WHERE ${where}`)
  for (const flipped of flips(cell)) {
    set.run(flipped)
    await look()
  }
  set.run(typeof cell === 'string' ? Buffer.from(cell) : cell)
}

const refused = { code: 'JOURNAL_CORRUPT', message: expect.stringContaining(run), data: expect.objectContaining({ run }) }
const place = 'key = 16777216 + 3'

describe('one flipped bit', () => {
  it.each([
    ['entries', 'body', `n = (SELECT n FROM places WHERE ${place})`],
    ['places', 'n', place],
    ['places', 'crc', place],
  ] as const)('[R1] in %s.%s is found: the run is refused by its name, and the one beside it reads as before', async (...cell) => {
    await eachFlip(cell, () => expect(readAll(store, run)).rejects.toMatchObject(refused))
    expect(await readAll(store, run)).toEqual([started(run), ...patches(2, 3)])
    expect(await readAll(store, other)).toEqual([started(other), ...patches(2, 3)])
  })

  it.each(['body', 'n', 'crc'])('[R1] in inbox.%s is found: the run is refused by its name, and the one beside it gets its message', async (column) => {
    await eachFlip(['inbox', column, 'run = 1'], () => expect(store.inbox(run)).rejects.toMatchObject(refused))
    expect(await store.inbox(run)).toEqual([letter])
    expect(await store.inbox(other)).toEqual([letter])
  })

  const columns = 'flow version tenant scope status created_at start_hash labels wake_at waiting stalls epoch owner lease_until last_seq crc'
  it.each(columns.split(' '))('[R1] in runs.%s is found: the head is refused, lists mark it, it is not due, and nothing more is written', async (column) => {
    const heads = await store.list()
    const [beside] = heads.filter((head) => head.run === other)
    await eachFlip(['runs', column, 'id = 1'], async () => {
      await expect(store.head(run)).rejects.toMatchObject(refused)
      const listed = await store.list().catch((error) => error)
      expect(listed).toHaveLength(2)
      expect(listed).toContainEqual(beside)
      expect(listed).toContainEqual(expect.objectContaining({ run, damaged: true }))
    })
    await eachFlip(['runs', column, 'id = 1'], async () => {
      await expect(store.append({ run, epoch: 1, entries: [patched(4)] })).rejects.toMatchObject(refused)
      await store.append({ run: other, epoch: 1, entries: [] })
    })
    expect(await store.list()).toEqual(heads)
    expect((await store.head(run))?.lastSeq).toBe(3)
  })

  it('[R1] in one head keeps no other run of the same group from being written', async () => {
    raw.exec("UPDATE runs SET flow = 'desl' WHERE id = 1")
    const both = [store.append({ run, epoch: 1, entries: [patched(4)] }), store.append({ run: other, epoch: 1, entries: [patched(4)] })]
    const lost = store.renew(
      [run, other].map((each) => ({ run: each, epoch: 1, until: 0 })),
      2_000_000,
    )
    await expect(both[0]).rejects.toMatchObject(refused)
    await both[1]
    expect(await lost).toEqual([run])
    expect((await store.due([{ flow: 'desk', version: '1' }], 9_000_000, 10)).map((head) => head.run)).toEqual([other])
    raw.exec("UPDATE runs SET flow = 'desk' WHERE id = 1")
    expect(await readAll(store, run, 2)).toEqual([patched(3)])
    expect(await readAll(store, other, 3)).toEqual([patched(4)])
  })
})
