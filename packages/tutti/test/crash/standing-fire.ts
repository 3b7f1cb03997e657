/** Two processes with one limit, killed again and again: what their provider counted, and what the account says. */
import { setTimeout as later } from 'node:timers/promises'
import { expect } from 'vitest'
import type { JournalStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { seeded } from '../../src/testing/random-program.ts'
import type { crew, Member } from './crew.ts'
import type { StandingTask } from './standing-worker.ts'

const RUNS = 10
const KILLS = 6

/** @param seed of the moments at which they are killed */
export async function underFire({ begin, file, log, said }: ReturnType<typeof crew>, store: JournalStore, seed: number): Promise<void> {
  const random = seeded(seed)
  const timeZone = zoneInItsMonth()
  const limitMicroUsd = 2_000 + Math.floor(random() * 2_000)
  const runs = [0, 1].map((worker) => Array.from({ length: RUNS }, (_, i) => `${worker}-${i}`))
  const start = (worker: number): Member => begin(JSON.stringify({ file, log, limitMicroUsd, timeZone, runs: runs[worker] ?? [] } satisfies StandingTask))
  const living = [start(0), start(1)]
  for (let kill = 0; kill < KILLS; kill++) {
    const calls = said().length
    while (said().length < calls + 4 && living.some(({ child }) => child.exitCode === null)) await later(5)
    await later(random() * 25)
    const worker = Math.floor(random() * 2)
    const { child, over } = living[worker] as Member
    child.kill('SIGKILL')
    await over
    living[worker] = start(worker)
  }
  for (const { over } of living) expect(await over).toBe(0)
  for (const run of runs.flat()) expect((await store.head(run as RunId))?.status).toBe('completed')

  const { most, billed, cut } = countedIn(said())
  const [account, ...others] = await store.accounts()
  expect(others).toEqual([])
  const spent = account?.spent.microUsd ?? 0
  process.stdout.write(`seed ${seed}: limit ${limitMicroUsd}, at most ${most} taken at once, ${billed} billed, ${spent} counted, ${cut} calls cut off\n`)
  expect(most).toBeLessThanOrEqual(limitMicroUsd)
  expect(account?.held.microUsd).toBe(0)
  expect(billed).toBeLessThanOrEqual(spent)
  expect(spent).toBeLessThanOrEqual(limitMicroUsd)
  expect(limitMicroUsd - spent).toBeLessThan(90)
  expect(cut).toBeGreaterThan(0)
}

/** Where no month begins while the test runs: what was granted in two months is two accounts, with a limit each. */
const zoneInItsMonth = (now = Date.now()): string => (new Date(now).getUTCMonth() === new Date(now + 600_000).getUTCMonth() ? 'UTC' : 'Etc/GMT+12')

/** A call that was begun may cost all it may, until it has ended; one that was cut off always may. */
function countedIn(lines: readonly string[]): { readonly most: number; readonly billed: number; readonly cut: number } {
  const calls = new Map<string, { readonly microUsd: number; readonly over: boolean }>()
  let [taken, most] = [0, 0]
  for (const line of lines) {
    const [what, name = '', amount] = line.split(' ')
    const microUsd = Number(amount)
    taken += microUsd - (calls.get(name)?.microUsd ?? 0)
    most = Math.max(most, taken)
    calls.set(name, { microUsd, over: what === 'ends' })
  }
  return { most, billed: taken, cut: [...calls.values()].filter(({ over }) => !over).length }
}
