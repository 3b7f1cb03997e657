/** Real processes, real signals, real files: what a store promises when its process is stopped, killed, or its disk is full. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { patched, readAll } from '../testing/sample-run.ts'
import type { Order, Report } from './crash-child.ts'
import { type SqliteOptions, sqliteStore } from './index.ts'

const program = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const FLOODED = 8
let folder: string
let path: string
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-crash-'))
  path = join(folder, 'journal.db')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function start(order: Order): ChildProcess {
  const child = fork(program)
  children.push(child)
  child.send(order)
  return child
}

const nextReport = async (child: ChildProcess): Promise<Report> => ((await once(child, 'message')) as [Report])[0]

/** Lets the child append until it has acknowledged so many entries, then kills it. The last acknowledged `seq` of each run. */
async function floodAndKill(options: SqliteOptions, after: number): Promise<Map<string, number>> {
  const child = start({ do: 'flood', path, options })
  const acknowledged = new Map<string, number>()
  let count = 0
  child.on('message', ({ run, seq = 0 }: Report) => {
    acknowledged.set(run, seq)
    if (++count === after) child.kill('SIGKILL')
  })
  await once(child, 'exit')
  return acknowledged
}

describe('two processes on one file', () => {
  it.each(['main', 'worker'] as const)(
    '[R6] %s: a process stopped past its lease and continued is refused, and what the new holder wrote stays',
    async (commit) => {
      const child = start({ do: 'hold', path, options: { commit } })
      const { run } = await nextReport(child)
      child.kill('SIGSTOP')
      const store = sqliteStore(path)
      const head = await store.head(run as never)
      expect(await store.acquire(run as never, 'two', (head?.leaseUntil ?? 0) - 1, 9_000_000)).toBeUndefined()
      const lease = await store.acquire(run as never, 'two', head?.leaseUntil ?? 0, 9_000_000)
      expect(lease?.epoch).toBe(2)
      await store.append({ run: run as never, epoch: 2, entries: [patched(3, 'by the new holder')] })
      child.send({ do: 'append' })
      child.kill('SIGCONT')
      expect(await nextReport(child)).toEqual({ run, refused: 'JOURNAL_FENCED' })
      expect(await readAll(store, run, 1)).toEqual([patched(2, 'by the child'), patched(3, 'by the new holder')])
      await store.close()
    },
  )
})

describe('a killed process', () => {
  const seed = Number(process.env.TUTTI_SEED ?? Date.now() % 1_000)

  it.each<SqliteOptions & { after: number }>([
    { commit: 'main', after: 40 + (seed % 97) },
    { commit: 'worker', after: 40 + (seed % 89) },
    { durability: 'relaxed', after: 400 + (seed % 997) },
  ])(`[R1] leaves every entry it acknowledged, and a prefix of what it appended (seed ${seed}): %o`, async ({ after, ...options }) => {
    const acknowledged = await floodAndKill(options, after)
    expect(acknowledged.size).toBe(FLOODED)
    const store = sqliteStore(path)
    for (const [run, seq] of acknowledged) {
      const entries = await readAll(store, run, 1)
      expect(entries.length + 1).toBeGreaterThanOrEqual(seq)
      expect(entries).toEqual(entries.map((_, i) => patched(i + 2)))
    }
    await store.close()
  })

  it('[R1] leaves every entry it acknowledged when its last write to the log is torn', async () => {
    const acknowledged = await floodAndKill({ commit: 'main' }, 50)
    appendFileSync(`${path}-wal`, Buffer.alloc(3_000, 0x5a))
    const store = sqliteStore(path)
    for (const [run, seq] of acknowledged) expect((await readAll(store, run)).length).toBeGreaterThanOrEqual(seq)
    await store.close()
  })
})

describe('a full disk', () => {
  it('[R1] stops every run at the write that failed, says so, and keeps what was acknowledged', async () => {
    // The shell's limit on the size of a file is a disk that fills up, for anybody: half-kilobyte blocks.
    const child = spawn('sh', ['-c', `ulimit -f 400; exec "${process.execPath}" "${program}"`], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    children.push(child)
    const acknowledged = new Map<string, number>()
    const refused = new Map<string, string>()
    child.on('message', (report: Report) => {
      if (report.refused) refused.set(report.run, report.refused)
      else acknowledged.set(report.run, report.seq ?? 0)
    })
    child.send({ do: 'flood', path, options: { durability: 'relaxed' } } satisfies Order)
    await once(child, 'exit')
    expect([...refused.values()]).toEqual(Array(FLOODED).fill('JOURNAL_UNWRITABLE'))
    const store = sqliteStore(path)
    for (const [run, seq] of acknowledged) {
      expect(seq).toBeGreaterThan(2)
      expect(await readAll(store, run, 1)).toEqual(Array.from({ length: seq - 1 }, (_, i) => patched(i + 2)))
    }
    await store.close()
  })
})
