import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Usage } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'
import { bound } from '../testing/failpoint-store.ts'
import { newRun, readAll, started } from '../testing/sample-run.ts'
import {
  everyRun,
  exportRun,
  importRun,
  type JournalStore,
  memoryStore,
  type NewRun,
  type Pruned,
  type PruneOptions,
  pruneRuns,
  type RunStatus,
} from './index.ts'

const DAY = 86_400_000
/** Every run is made on its day; `now` is day 100. */
const now = 100 * DAY
let store: JournalStore
beforeEach(() => {
  store = memoryStore()
})

async function made(name: string, day: number, status: RunStatus = 'completed', over: Partial<NewRun> = {}): Promise<void> {
  const run = name as RunId
  await store.create(newRun(name, { createdAt: day * DAY, entries: [{ ...started(run), time: day * DAY }], ...over }))
  const last = status === 'completed' ? ({ type: 'run.completed', output: 1, usage: {} as Usage } as const) : ({ type: 'run.patched', id: 'last' } as const)
  await store.append({ run, epoch: 1, entries: [{ seq: 2, time: day * DAY, ...last }], head: { status }, release: true })
}
const prune = (o: PruneOptions): Promise<Pruned> => pruneRuns(store, o, { now })
const left = async (): Promise<string> => {
  const runs: string[] = []
  for await (const { run } of everyRun(store)) runs.push(run)
  return runs.sort().join(' ')
}
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'tutti-prune-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('what is chosen', () => {
  it('[R10] a run is as old as its last entry: what began long ago and ended lately is kept', async () => {
    await made('old', 10)
    await made('young', 90)
    await store.create(newRun('long', { createdAt: 10 * DAY, entries: [{ ...started('long' as RunId), time: 95 * DAY }] }))
    await store.append({ run: 'long' as RunId, epoch: 1, entries: [], head: { status: 'completed' } })
    expect(await prune({ olderThan: '30d' })).toMatchObject({ removed: ['old'], kept: [], entries: 2, dryRun: false })
    expect(await left()).toBe('long young')
    expect((await prune({ before: new Date(90 * DAY + 1) })).removed).toEqual(['young'])
  })

  it('[R10] all criteria must fit: status, flow, tenant, user and labels', async () => {
    await made('a', 1)
    await made('b', 2, 'failed')
    await made('c', 3, 'completed', { flow: 'other' })
    await made('d', 4, 'completed', { scope: { tenant: 'other' } })
    await made('e', 5, 'completed', { scope: { tenant: 'acme', user: 'bob' } })
    await made('f', 6, 'completed', { labels: { team: 'sales', tier: '1' } })
    const dry = async (o: PruneOptions): Promise<string> => (await prune({ ...o, dryRun: true })).removed.join('')
    expect(await dry({ olderThan: 0 })).toBe('abcdef')
    expect(await dry({ status: ['failed'] })).toBe('b')
    expect(await dry({ flow: 'other' })).toBe('c')
    expect(await dry({ tenant: 'other' })).toBe('d')
    expect(await dry({ tenant: 'acme', user: 'bob' })).toBe('e')
    expect(await dry({ labels: { team: 'sales' } })).toBe('f')
    expect(await dry({ labels: { team: 'sales', tier: '2' } })).toBe('')
    expect(await left()).toBe('a b c d e f')
  })

  it('[R10] the newest are kept whatever their age, and said to be', async () => {
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) await made(name, 10 * (i + 1))
    await made('e', 99)
    expect(await prune({ olderThan: '30d', keepLast: 2 })).toMatchObject({ removed: ['a', 'b', 'c'], kept: [{ run: 'd', why: 'last' }] })
    expect((await prune({ keepLast: 1 })).removed).toEqual(['d'])
    expect(await left()).toBe('e')
  })

  it('[R10] runs that have not ended are kept and named; those that are young are not', async () => {
    await made('waits', 10, 'waiting')
    await made('young', 99, 'running')
    await made('source', 10)
    await store.create({
      ...newRun('fork', { createdAt: 99 * DAY }),
      entries: [started('fork' as RunId), { seq: 2, time: now, type: 'run.forked', from: 'source' as RunId, at: 'x' }],
    })
    expect((await prune({ olderThan: '30d' })).kept).toEqual([
      { run: 'waits', why: 'not-ended' },
      { run: 'source', why: 'forked', by: 'fork' },
    ])
    expect(await left()).toBe('fork source waits young')
  })

  it('[R10] however many runs began in one millisecond, each is looked at once', async () => {
    await Promise.all(Array.from({ length: 1_201 }, (_, i) => made(`r${i}`, i < 1_100 ? 1 : 2)))
    const removed = (await prune({ olderThan: '1d' })).removed
    expect([removed.length, new Set(removed).size]).toEqual([1_201, 1_201])
  })

  it('[R10] between the slices others have their turn, and it can be told to stop there', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => made(`r${i}`, 1)))
    const over = new AbortController()
    const seen: string[] = []
    const see = ({ done, of }: { done: number; of: number }): void => {
      seen.push(`${done}/${of}`)
      if (done === 128) over.abort()
    }
    expect((await pruneRuns(store, { olderThan: 1 }, { now, see, signal: over.signal })).removed).toHaveLength(128)
    expect(seen).toEqual(['64/200', '128/200'])
  })
})

describe('what is refused', () => {
  it.each<[string, PruneOptions]>([
    ['without saying of what', {}],
    ['without saying of what', { archive: 'x', dryRun: true }],
    ['is not a duration', { olderThan: '30 days' as '30d' }],
    ['is not a duration', { olderThan: -1 }],
    ['is not a date', { before: new Date('yesterday') }],
    ['both olderThan and before', { olderThan: 1, before: new Date(1) }],
    ["'waiting' has not ended", { status: ['waiting' as 'failed'] }],
    ['no number of runs', { keepLast: 1.5 }],
    ['olderThan besides', { runs: ['a'], olderThan: 1 }],
  ])('[R10] a prune that %s touches nothing', async (says, o) => {
    await made('a', 1)
    await expect(prune(o)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(says) })
    expect(await left()).toBe('a')
  })

  it('[R10] a prune of a running run is refused and touches nothing, also of those named before it', async () => {
    await made('a', 1)
    await made('b', 1, 'running')
    await expect(prune({ runs: ['a', 'b'] })).rejects.toMatchObject({ code: 'RUN_NOT_FINISHED', data: { run: 'b', status: 'running' } })
    await expect(prune({ runs: ['a', 'c'] })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    expect(await left()).toBe('a b')
    expect((await prune({ runs: ['a', 'a'] })).removed).toEqual(['a'])
  })
})

describe('an archive', () => {
  it('[R10] holds each run before it is removed, and gives it back as it was', async () => {
    const path = join(folder(), 'deep', 'er')
    await made('../a b*', 1)
    await made('x'.repeat(300), 2)
    const [entries, lines] = [await readAll(store, '../a b*'), await linesOf('../a b*')]
    expect((await prune({ olderThan: '1d', archive: path })).removed).toHaveLength(2)
    const [first = '', second = ''] = readdirSync(path).sort()
    expect(first).toBe('19700102T000000000Z-..%2Fa%20b%2A.jsonl')
    expect(second.length).toBeLessThan(60)
    expect(await importRun(store, readFileSync(join(path, first), 'utf8').split('\n'))).toMatchObject({ run: '../a b*', imported: true })
    expect(await readAll(store, '../a b*')).toEqual(entries)
    expect(await linesOf('../a b*')).toEqual(lines)
  })

  it('[R10] of a run that took the id of another is a file of its own', async () => {
    const path = folder()
    for (const day of [1, 2]) {
      await made('daily', day)
      await prune({ runs: ['daily'], archive: path })
    }
    expect(readdirSync(path)).toHaveLength(2)
  })

  it('[R10] that cannot be written leaves every run where it is', async () => {
    const path = folder()
    writeFileSync(join(path, 'file'), '')
    await made('a', 1)
    await expect(prune({ runs: ['a'], archive: join(path, 'file') })).rejects.toMatchObject({ code: 'JOURNAL_ARCHIVE_FAILED' })
    await expect(prune({ runs: ['a'], archive: join(path, 'file', 'deep') })).rejects.toMatchObject({ code: 'JOURNAL_ARCHIVE_FAILED' })
    expect(await left()).toBe('a')
  })

  it('[R10] that fails amid the work keeps the run it failed at and all behind it, and leaves no half of a file', async () => {
    const path = folder()
    for (let i = 0; i < 70; i++) await made(`r${String(i).padStart(2, '0')}`, 1 + i)
    // Where its file belongs lies a folder: what cannot be renamed fails as what cannot be written does.
    mkdirSync(join(path, `${new Date(67 * DAY).toISOString().replaceAll(/[-:.]/g, '')}-r66.jsonl`))
    await expect(prune({ olderThan: 1, archive: path })).rejects.toMatchObject({ code: 'JOURNAL_ARCHIVE_FAILED', data: { run: 'r66', removed: 64 } })
    expect(await left()).toBe('r64 r65 r66 r67 r68 r69')
    expect(readdirSync(path).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it.skipIf(process.platform !== 'linux')('[R10] on a full disk keeps the run, and says that there is no space (Linux, whose /dev/full is one)', async () => {
    const path = folder()
    await made('a', 1)
    symlinkSync('/dev/full', join(path, `19700102T000000000Z-a.jsonl.${process.pid}.part`))
    await expect(prune({ runs: ['a'], archive: path })).rejects.toMatchObject({ code: 'JOURNAL_ARCHIVE_FAILED', message: expect.stringContaining('ENOSPC') })
    expect(await left()).toBe('a')
    expect(readdirSync(path)).toEqual([])
  })

  it('[R10] does not take a damaged run, which is kept; a dry run archives nothing', async () => {
    const path = join(folder(), 'none')
    await made('a', 1)
    await made('b', 1)
    expect((await prune({ olderThan: 1, archive: path, dryRun: true })).removed).toHaveLength(2)
    expect(() => readdirSync(path)).toThrow('ENOENT')
    const { read } = bound(store)
    const damaged = (run: RunId): AsyncIterable<never> => {
      throw new TuttiError('JOURNAL_CORRUPT', `entry 1 of run '${run}' is not JSON`)
    }
    const some: JournalStore = { ...bound(store), read: (run, o) => (run === 'a' ? damaged(run) : read(run, o)) }
    expect(await pruneRuns(some, { olderThan: 1, archive: path }, { now })).toMatchObject({ removed: ['b'], kept: [{ run: 'a', why: 'damaged' }] })
    expect((await pruneRuns(some, { runs: ['a'] }, { now })).removed).toEqual(['a'])
  })

  it('[R10] does not keep the file of a run that a fork still reads', async () => {
    const path = folder()
    await made('source', 10)
    await store.create({ ...newRun('fork'), entries: [started('fork' as RunId), { seq: 2, time: now, type: 'run.forked', from: 'source' as RunId, at: 'x' }] })
    expect((await prune({ runs: ['source'], archive: path })).kept).toEqual([{ run: 'source', why: 'forked', by: 'fork' }])
    expect(readdirSync(path)).toEqual([])
  })

  async function linesOf(run: string): Promise<string[]> {
    const lines: string[] = []
    for await (const line of exportRun(store, run as RunId)) lines.push(line)
    return lines
  }
})
