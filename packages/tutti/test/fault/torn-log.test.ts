/** The log of a journal file as a power cut may leave it: cut short anywhere, or with a bit flipped. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { entryText, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { newRun, patched, readAll } from '../../src/testing/sample-run.ts'

const runs = ['run_a', 'run_b'] as RunId[]
const ENTRIES = 12
/** Of SQLite's log: its header, which says the size of a page, and what stands before each page. */
const [HEADER, PAGE_SIZE_AT, FRAME_HEADER] = [32, 8, 24]
const whole = new Map<RunId, readonly string[]>()
let folder: string
let log: Buffer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-torn-'))
  const path = join(folder, 'written.db')
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main' })
  for (const run of runs) await store.create(newRun(run))
  for (let seq = 2; seq <= ENTRIES; seq++) for (const run of runs) await store.append({ run, epoch: 1, entries: [patched(seq)] })
  for (const run of runs) whole.set(run, (await readAll(store, run)).map(entryText))
  // As a killed process leaves them: the log was never brought into the file.
  copyFileSync(path, join(folder, 'left.db'))
  log = readFileSync(`${path}-wal`)
  await store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** How many entries of each run are there, which must be the first ones. */
async function left(wal: Buffer): Promise<readonly number[]> {
  const path = join(folder, 'torn.db')
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
  copyFileSync(join(folder, 'left.db'), path)
  writeFileSync(`${path}-wal`, wal)
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main' })
  const counts: number[] = []
  for (const run of runs) {
    const entries = (await readAll(store, run)).map(entryText)
    expect(entries).toEqual(whole.get(run)?.slice(0, entries.length))
    counts.push(entries.length)
  }
  await store.close()
  return counts
}

it('[R1] failure 3: a log cut at any frame, or in the middle of one, leaves a prefix of every journal, and never less than a shorter one', async () => {
  expect(await left(log)).toEqual(runs.map(() => ENTRIES))
  let before = runs.map(() => 0)
  const frameBytes = FRAME_HEADER + log.readUInt32BE(PAGE_SIZE_AT)
  const frames = Math.floor((log.length - HEADER) / frameBytes)
  for (let frame = 0; frame <= frames; frame++)
    for (const within of [0, 1_000]) {
      const counts = await left(log.subarray(0, Math.min(log.length, HEADER + frame * frameBytes + within)))
      for (const [i, count] of counts.entries()) expect(count).toBeGreaterThanOrEqual(before[i] as number)
      before = [...counts]
    }
  expect(before).toEqual(runs.map(() => ENTRIES))
})

it('[R1] failure 3: a bit flipped in the log loses what stands behind it, and nothing is read that was not written', async () => {
  const random = seeded(1)
  for (let i = 0; i < 40; i++) {
    const flipped = Buffer.from(log)
    const at = Math.floor(random() * log.length)
    flipped[at] = (flipped[at] as number) ^ (1 << Math.floor(random() * 8))
    await left(flipped)
  }
})
