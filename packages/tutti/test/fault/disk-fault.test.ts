/** The file store over a disk that fails, for real: its process is killed at the end, and the file is read by another. Needs Linux and a C compiler. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { type SqliteOptions, sqliteStore } from '../../src/journal/index.ts'
import { readAll } from '../../src/testing/sample-run.ts'
import { canMakeDiskFault } from './disk-fault.ts'
import type { DiskOrder, DiskReport } from './disk-worker.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tutti-disk-'))
const library = join(folder, 'disk-fault.so')
const APPENDS = 30

const canFail = canMakeDiskFault(library)

let count = 0
interface Outcome {
  readonly path: string
  readonly reports: readonly DiskReport[]
  /** Bytes that each sync covered. */
  readonly syncs: readonly number[]
}

async function onDisk(durability: SqliteOptions['durability'], env: Record<string, string> = {}): Promise<Outcome> {
  const path = join(folder, `journal-${++count}.db`)
  const log = `${path}.syncs`
  const child = fork(here('./disk-worker.ts'), { env: { ...process.env, LD_PRELOAD: library, DISK_FILE: `journal-${count}.db-wal`, DISK_LOG: log, ...env } })
  const exit = once(child, 'exit')
  child.send({ path, durability, appends: APPENDS } satisfies DiskOrder)
  const [reports] = (await once(child, 'message')) as [DiskReport[]]
  await exit
  let syncs = ''
  try {
    syncs = readFileSync(log, 'utf8')
  } catch {
    // Nothing was ever synced.
  }
  return { path, reports, syncs: syncs.split('\n').filter(Boolean).map(Number) }
}

async function kept(path: string): Promise<readonly number[]> {
  const store = sqliteStore(path)
  const entries = await readAll(store, 'run_disk')
  await store.close()
  return entries.map(({ seq }) => seq)
}

const all = Array.from({ length: APPENDS }, (_, i) => i + 1)

describe.skipIf(!canFail)(canFail ? 'a disk that fails' : 'not run: no C compiler', () => {
  afterAll(() => rmSync(folder, { recursive: true }))

  it('[R1] failure 2: sync: every acknowledgement comes after a sync of its own that covers what was written', async () => {
    const { path, reports, syncs } = await onDisk('sync')
    expect(reports.map(({ seq, refused }) => refused ?? seq)).toEqual(all)
    for (const [i, { syncs: by = 0 }] of reports.entries()) if (i > 0) expect(by).toBeGreaterThan(reports[i - 1]?.syncs ?? 0)
    expect(syncs.every((bytes) => bytes > 0)).toBe(true)
    expect(await kept(path)).toEqual(all)
  })

  it('[R1] relaxed: nothing is synced for an entry, and a killed process loses none', async () => {
    const { path, reports, syncs } = await onDisk('relaxed')
    expect(reports.map(({ seq, refused }) => refused ?? seq)).toEqual(all)
    expect(syncs.length).toBeLessThan(5)
    expect(await kept(path)).toEqual(all)
  })

  it.each([
    ['a sync that fails', { DISK_FAIL_SYNC: '9', DISK_FAIL_FOR: '1' }],
    ['syncs that fail for a while', { DISK_FAIL_SYNC: '6', DISK_FAIL_FOR: '5' }],
    ['a disk that is full for a while', { DISK_FAIL_WRITE: '20', DISK_FAIL_FOR: '6' }],
  ])('[R1] %s: the run is refused until it is read again, then goes on, and nothing acknowledged is lost', async (_, env) => {
    const { path, reports } = await onDisk('sync', env)
    const refused = reports.filter((report) => report.refused !== undefined)
    expect(refused.length).toBeGreaterThan(1)
    for (const report of refused) expect(report.refused).toBe('JOURNAL_UNWRITABLE')
    const firstRefusal = reports.findIndex((report) => report.refused !== undefined)
    expect(reports[firstRefusal + 1]?.refused).toBe('JOURNAL_UNWRITABLE')
    expect(reports.at(-1)).toMatchObject({ seq: APPENDS, syncs: expect.any(Number) })
    expect(await kept(path)).toEqual(all)
  })
})
