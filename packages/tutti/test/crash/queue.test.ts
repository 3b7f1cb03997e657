import { appendFileSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import { crew, type Member } from './crew.ts'
import type { QueueTask } from './queue-worker.ts'

const RUNS = 90

// Two processes are started, and ninety runs go three at a time: that takes its second or two.
it('[R12] two processes on one file keep one queue; when one is killed nothing is lost, and what it held is free without waiting for its lease', async () => {
  const { begin: start, file, log, said } = crew('queue-worker.ts')
  const begin = (runs: readonly string[], ms: number): Member => start(JSON.stringify({ file, log, runs, ms } satisfies QueueTask))
  const names = Array.from({ length: RUNS }, (_, i) => `${'xxy'[i % 3]}-${i}`)

  // The one that will be killed is slow, so that it holds places of the queue when the other comes, and when it is killed.
  const first = begin(names.slice(0, RUNS / 2), 300)
  while (!said().some((line) => line.startsWith(`${first.child.pid} begins`))) await later(5)
  const second = begin(names.slice(RUNS / 2), 15)
  const store = sqliteStore(file, { commit: 'main' })
  while ((await store.list({ limit: 1_000 })).length < RUNS) await later(5)
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
