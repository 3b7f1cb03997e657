import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { QueueTask } from './queue-worker.ts'

const worker = fileURLToPath(new URL('queue-worker.ts', import.meta.url))
const RUNS = 90

// Two processes are started, and ninety runs of 15 ms go three at a time: that takes its second or two.
it('[R12] two processes on one file keep one queue; when one is killed nothing is lost, and what it held is free without waiting for its lease', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-queue-'))
  const [file, log] = [join(folder, 'journal.db'), join(folder, 'log')]
  const children: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const begin = (runs: readonly string[]): { child: ChildProcess; over: Promise<number | null> } => {
    const task: QueueTask = { file, log, runs }
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', worker, JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', resolve)) }
  }
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const names = Array.from({ length: RUNS }, (_, i) => `${'xxy'[i % 3]}-${i}`)

  const first = begin(names.slice(0, RUNS / 2))
  const second = begin(names.slice(RUNS / 2))
  const store = sqliteStore(file, { commit: 'main' })
  while ((await store.list({ limit: 1_000 })).length < RUNS || !said().some((line) => line.startsWith(`${first.child.pid} begins`))) await later(5)
  appendFileSync(log, `${first.child.pid} dies -\n`)
  first.child.kill('SIGKILL')
  await first.over
  const killedAt = Date.now()

  const left = async (): Promise<number> => (await store.list({ status: ['queued', 'running'] })).length
  while ((await left()) > 0) await later(20)
  expect(Date.now() - killedAt).toBeLessThan(9_000)
  const heads = await store.list({ limit: 1_000 })
  expect(heads.map(({ run }) => run).toSorted()).toEqual(names.toSorted())
  expect(heads.every(({ status }) => status === 'completed')).toBe(true)
  second.child.kill('SIGTERM')
  expect(await second.over).toBe(0)
  await store.close()

  expect(mostAtOnce(said())).toEqual({ all: 3, tenant: 2 })
}, 60_000)

/** How many were under way at once, of all and of one tenant; a process that dies has nothing under way. */
function mostAtOnce(lines: readonly string[]): { all: number; tenant: number } {
  const dead = new Set<string>()
  const underWay: { pid: string; tenant: string }[] = []
  let [all, tenant] = [0, 0]
  for (const line of lines) {
    const [pid = '', what, of = ''] = line.split(' ')
    if (what === 'dies') dead.add(pid)
    if (what === 'begins' && !dead.has(pid)) underWay.push({ pid, tenant: of })
    if (what === 'ends')
      underWay.splice(
        underWay.findIndex((each) => each.pid === pid && each.tenant === of),
        1,
      )
    const living = underWay.filter((each) => !dead.has(each.pid))
    all = Math.max(all, living.length)
    tenant = Math.max(tenant, living.filter((each) => each.tenant === of).length)
  }
  return { all, tenant }
}
