import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { hash128, type RunId } from '../primitives/index.ts'
import { newRun, patches, readAll, started } from '../testing/sample-run.ts'
import { type Entry, pruneRuns, type SqliteStore, sqliteStore } from './index.ts'
import { appendJob, createJob, type RemoveJob } from './job.ts'
import { SqliteFile } from './sqlite-file.ts'

let path: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-removal-'))
  path = join(folder, 'journal.db')
  onTestFinished(() => rmSync(folder, { recursive: true }))
})
const text = (which: number): string => `blob ${which} `.repeat(50)
const blob = (which: number): [string, string] => [hash128(text(which)), text(which)]
const naming = (seq: number, which: number): Entry => ({ seq, time: seq, type: 'step.completed', key: 'k', value: { '~blob': blob(which)[0], bytes: 1 } })
const opened = (): SqliteStore => {
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main' })
  onTestFinished(() => store.close())
  return store
}

/** What belongs to no run, or misses something of its run. */
function left(): Record<string, number> {
  const db = new DatabaseSync(path)
  const count = (sql: string): number => (db.prepare(`SELECT count(*) AS n FROM ${sql}`).get() as { n: number }).n
  const rows = {
    entries: count('entries WHERE n NOT IN (SELECT n FROM places)'),
    places: count('places WHERE key / 16777216 NOT IN (SELECT id FROM runs)'),
    lost: count('places WHERE n NOT IN (SELECT n FROM entries)'),
    inbox: count('inbox WHERE run NOT IN (SELECT id FROM runs)'),
    uses: count('blob_uses WHERE run NOT IN (SELECT id FROM runs) OR blob NOT IN (SELECT id FROM blobs)'),
    blobs: count('blobs WHERE id NOT IN (SELECT blob FROM blob_uses)'),
  }
  db.close()
  return rows
}
const nothing = { entries: 0, places: 0, lost: 0, inbox: 0, uses: 0, blobs: 0 }

it('[R10] what one group writes of a run and then removes is in no table afterwards, and its number is never given again', async () => {
  const file = await SqliteFile.open({ path, durability: 'relaxed', commit: 'main', lockTimeoutMs: 100 })
  onTestFinished(() => file.close())
  const run = 'run_a' as RunId
  const remove: RemoveJob = { op: 'remove', runs: [run], dryRun: false, force: false }
  const number = (): number => (file.db.prepare('SELECT id FROM runs').get() as { id: number }).id
  file.write([createJob(newRun(run)), { op: 'post', run, id: 'm', body: '{}' }])
  const first = number()
  const ended = appendJob({ run, epoch: 1, entries: [...patches(2, 40), naming(41, 1)], blobs: new Map([blob(1)]), head: { status: 'completed' } })
  expect(file.write([ended, remove])).toMatchObject([undefined, { removed: [run], entries: 41 }])
  expect(left()).toEqual(nothing)
  expect(file.db.prepare('SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM inbox) + (SELECT count(*) FROM blobs) AS n').get()).toEqual({ n: 0 })
  file.write([createJob(newRun(run))])
  expect(number()).toBeGreaterThan(first)
})

it('[R10] the room of what was removed is given back to the disk', async () => {
  const store = opened()
  for (let i = 0; i < 200; i++) {
    const run = `run_${i}` as RunId
    await store.create(newRun(run, { createdAt: i, lease: undefined, entries: [started(run), ...patches(2, 100)], head: { status: 'completed' } }))
  }
  await store.close()
  const before = statSync(path).size
  await pruneRuns(store, { keepLast: 20 }, { now: 0 })
  expect(statSync(path).size).toBeLessThan(before / 4)
  expect(await readAll(store, 'run_199')).toHaveLength(100)
  await store.close()
})

async function child(): Promise<ChildProcess> {
  const process = fork(fileURLToPath(new URL('./prune-child.ts', import.meta.url)), [path])
  onTestFinished(() => void process.kill('SIGKILL'))
  await once(process, 'message')
  return process
}

it('[R10] a blob that one process removes with its last run, while another names it anew, is there for whoever names it', async () => {
  const store = opened()
  await store.open()
  await child()
  for (let i = 0; i < 300; i++) {
    const run = `run_${i}` as RunId
    await store.create(newRun(run, { lease: { owner: 'one', until: 1e13 } }))
    await store.append({ run, epoch: 1, entries: [naming(2, i % 3)], blobs: new Map([blob(i % 3)]) })
    expect(await store.blob(blob(i % 3)[0])).toBe(text(i % 3))
    await store.append({ run, epoch: 1, entries: [], head: { status: 'completed' }, release: true })
  }
  while ((await store.list({ limit: 1 })).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(left()).toEqual(nothing)
})

it('[R10] a process killed amid a prune leaves each run whole, or nothing of it', async () => {
  const store = opened()
  const length = 60
  const make = (run: RunId, i: number) =>
    store.create(
      newRun(run, {
        ...{ lease: undefined, head: { status: 'completed' }, blobs: new Map([blob(i % 50), blob(i + 100)]) },
        entries: [started(run), ...patches(2, length - 2), naming(length - 1, i % 50), naming(length, i + 100)],
      }),
    )
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => make(`run_${i}` as RunId, i)))
  let before = 1_000
  for (const slices of [1, 3, 6]) {
    const other = await child()
    const exited = once(other, 'exit')
    let seen = 0
    other.on('message', () => ++seen === slices && other.kill('SIGKILL'))
    await exited
    expect(left()).toEqual(nothing)
    const runs = await store.list({ limit: 2_000 })
    expect(runs.length).toBeLessThan(before)
    expect(runs.length).toBeGreaterThan(0)
    before = runs.length
    for (const { run, lastSeq } of runs.slice(0, 3)) {
      const entries = await readAll(store, run)
      expect([lastSeq, entries.length]).toEqual([length, length])
      for (const entry of entries) if (entry.type === 'step.completed') await store.blob((entry.value as { '~blob': string })['~blob'])
    }
  }
})
