/**
 * A bit of a journal file is flipped, anywhere in it, and the file is read: it gives what was written, or says with a code that it cannot.
 * `FLIPS=20000` tries so many bits; `SEED=…` others than the usual ones.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Entry, entryText, type InboxMessage, type RunHead, type SqliteStore, sqliteStore } from '../../src/journal/index.ts'
import { hash128, type RunId } from '../../src/primitives/index.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { newRun, patched, patches, readAll } from '../../src/testing/sample-run.ts'

const FLIPS = Number(process.env.FLIPS ?? 200)
const seed = Number(process.env.SEED ?? 1)
const names = ['run_over', 'run_waits', 'run_goes_on'] as RunId[]
const text = JSON.stringify(`a long answer, ${'which takes more than a page, '.repeat(200)}`)
const blobs = new Map([[hash128(text), text]])
const letter: InboxMessage = { id: 'sig_1', type: 'signal', signal: 'said', value: { amount: 31 } }

interface Run {
  readonly entries: readonly Entry[]
  readonly head: RunHead | undefined
  readonly inbox: readonly InboxMessage[]
}
let folder: string
let path: string
let whole: Buffer
const written = new Map<RunId, Run>()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-bits-'))
  path = join(folder, 'journal.db')
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main' })
  for (const [i, run] of names.entries()) {
    await store.create(newRun(run, { blobs }))
    await store.append({ run, epoch: 1, entries: patches(2, 20 + i * 30) })
    await store.post(run, letter, 1)
  }
  const [over, waits, goesOn] = names as [RunId, RunId, RunId]
  await store.append({ run: over, epoch: 1, entries: [patched(21)], head: { status: 'completed' }, release: true })
  const waiting = [{ signal: 'said', key: 'desk/said' }]
  await store.append({ run: waits, epoch: 1, entries: [patched(51)], head: { status: 'waiting', waiting, wakeAt: 5_000_000 }, release: true })
  await store.append({ run: goesOn, epoch: 1, entries: patches(81, 90) })
  for (const run of names) written.set(run, { entries: await readAll(store, run), head: await store.head(run), inbox: await store.inbox(run) })
  await store.close()
  whole = readFileSync(path)
})
afterAll(() => rmSync(folder, { recursive: true }))

it(
  `[R1] one of ${FLIPS} flipped bits (seed ${seed}): every run reads as it was written or is refused with a code, and what is missing is found`,
  async () => {
    const random = seeded(seed)
    const wrong: string[] = []
    const seen = { unharmed: 0, refused: 0, missing: 0 }
    for (let i = 0; i < FLIPS; i++) {
      const at = Math.floor(random() * whole.length)
      const bit = Math.floor(random() * 8)
      const faults = await readFlipped(at, bit)
      for (const fault of faults) {
        if (fault.startsWith('wrong')) wrong.push(`byte ${at} bit ${bit}: ${fault}`)
        else if (fault.startsWith('missing')) seen.missing++
        else seen.refused++
      }
      if (faults.length === 0) seen.unharmed++
    }
    expect(wrong).toEqual([])
    expect(seen.refused).toBeGreaterThan(FLIPS / 10)
  },
  Math.max(20_000, FLIPS * 40),
)

async function readFlipped(at: number, bit: number): Promise<readonly string[]> {
  const flipped = Buffer.from(whole)
  flipped[at] = (flipped[at] as number) ^ (1 << bit)
  writeFileSync(path, flipped)
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main', lockTimeoutMs: 0 })
  const faults: string[] = []
  try {
    for (const run of names) faults.push(...(await compare(store, run)))
    if (faults.some((fault) => fault.startsWith('missing')) && (await store.check().catch(() => ['refused'])).length === 0)
      faults.push(`wrong: ${faults.join('; ')}, and nothing says so`)
    if (!counterless(readFileSync(path)).equals(counterless(flipped))) faults.push('wrong: the file was written to')
  } finally {
    await store.close().catch(() => {})
    for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  }
  return faults
}

/** Without the change counter, which SQLite raises when it opens some of these. */
const counterless = (file: Buffer): Buffer => Buffer.concat([file.subarray(0, 24), file.subarray(28, 92), file.subarray(100)])

/** What reads otherwise than it was written; a code that refuses it is no lie. */
async function compare(store: SqliteStore, run: RunId): Promise<readonly string[]> {
  const { entries, head, inbox } = written.get(run) as Run
  const there: (readonly [what: string, was: readonly string[], is: () => Promise<readonly string[]>])[] = [
    ['entries', entries.map(entryText), async () => (await readAll(store, run)).map(entryText)],
    ['head', [JSON.stringify(head)], async () => [await store.head(run)].flatMap((is) => (is ? [JSON.stringify(is)] : []))],
    ['inbox', inbox.map((each) => JSON.stringify(each)), async () => (await store.inbox(run)).map((each) => JSON.stringify(each))],
    ['blob', [text], async () => [await store.blob(hash128(text))]],
    ['list', [...names].sort(), async () => (await store.list()).map((each) => (each.damaged && !names.includes(each.run) ? '' : each.run)).sort()],
  ]
  const faults: string[] = []
  for (const [what, was, read] of there) {
    try {
      const is = await read()
      if (what === 'list' ? is.some((each) => each !== '' && !was.includes(each)) : is.some((each, i) => each !== was[i]))
        faults.push(`wrong: the ${what} of ${run} differs`)
      else if (is.length < was.length) faults.push(`missing: of the ${what} of ${run}`)
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string }
      faults.push(/^JOURNAL_(CORRUPT|NEWER|UNWRITABLE)$/.test(code) ? `refused: ${what}` : `wrong: the ${what} of ${run}: ${code} ${message}`)
    }
  }
  return faults
}
