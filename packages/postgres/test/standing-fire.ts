/** Two processes with one limit, killed again and again: what their provider counted, and what the account says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { JournalStore, RunId } from 'tutti/store'
import { expect } from 'vitest'
import type { StandingTask } from './standing-runs.ts'

/** Who is shot at. */
export interface Target {
  /** The program of a worker, and what it is told besides its task. */
  readonly program: URL
  place(worker: number): object
  readonly store: JournalStore
  /** Of each of the two. */
  readonly runs: number
  readonly kills: number
}

/** @param seed of the moments at which they are killed */
export async function underFire(target: Target, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-standing-'))
  const children: ChildProcess[] = []
  try {
    await killedAgainAndAgain({ ...target, seed, log: join(folder, 'log'), children })
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

interface Member {
  readonly child: ChildProcess
  readonly over: Promise<unknown>
}

interface Fire extends Target {
  readonly seed: number
  readonly log: string
  readonly children: ChildProcess[]
}

async function killedAgainAndAgain({ program, place, store, seed, log, children, ...times }: Fire): Promise<void> {
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const begin = (task: string): Member => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(program), task], { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code))) }
  }
  let drawn = seed
  const random = (): number => {
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0
    return drawn / 2 ** 32
  }
  const timeZone = zoneInItsMonth()
  // Not enough for all of them.
  const limitMicroUsd = Math.floor((200 + random() * 200) * times.runs)
  const runs = [0, 1].map((worker) => Array.from({ length: times.runs }, (_, i) => `${worker}-${i}`))
  const start = (worker: number): Member =>
    begin(JSON.stringify({ ...place(worker), log, limitMicroUsd, timeZone, runs: runs[worker] ?? [] } satisfies StandingTask))
  const living = [start(0), start(1)]
  for (let kill = 0; kill < times.kills; kill++) {
    const calls = said().length
    while (said().length < calls + 4 && living.some(({ child }) => child.exitCode === null)) await later(5)
    await later(random() * 25)
    // Who has just begun a call; an engine elsewhere may give all of them to one.
    const pid = Number(said().at(-1)?.split(' ')[3])
    const busy = living.findIndex(({ child }) => child.pid === pid)
    const worker = busy < 0 ? Math.floor(random() * 2) : busy
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
