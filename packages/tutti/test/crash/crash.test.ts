import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import type { Budget } from '../../src/budget/index.ts'
import { type Entry, memoryStore, sqliteStore } from '../../src/journal/index.ts'
import { hash128, type RunId } from '../../src/primitives/index.ts'
import { replayRun } from '../../src/run/index.ts'
import { startRun } from '../../src/testing/driven-run.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { BRANCHES, COST, crashFlows, TIGHT } from './crash-flow.ts'
import type { WorkerTask } from './crash-worker.ts'

/** `KILLS=1000` for a long campaign, `SEED=…` to repeat one; timing is the machine's, so a seed repeats the plan, not each moment. */
const KILLS = Number(process.env.KILLS ?? 60)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const CAMPAIGNS = 3
const worker = fileURLToPath(new URL('crash-worker.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tutti-crash-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Execution {
  readonly run: string
  readonly key: string
  readonly attempt: number
  readonly sort: string
}

const silent = { executed: () => {}, close: () => {} }

/** What the files say after a process has ended: the journals, and the executions that the log holds. */
async function look(task: WorkerTask): Promise<{ journals: Map<string, readonly Entry[]>; executions: readonly Execution[] }> {
  const store = sqliteStore(task.file)
  const journals = new Map<string, readonly Entry[]>()
  for (const run of task.runs) journals.set(run, (await journalOf(store, run as RunId)).entries)
  await store.close()
  const lines = readFileSync(task.log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  return {
    journals,
    executions: lines.map((line) => line.split(' ')).map(([run = '', key = '', attempt, sort = '']) => ({ run, key, attempt: Number(attempt), sort })),
  }
}

const keyOf = (run: string, key: string): string => hash128(`${run}|${key}`)
const recordedIn = (journals: ReadonlyMap<string, readonly Entry[]>): Set<string> =>
  new Set(
    [...journals].flatMap(([run, entries]) =>
      entries.flatMap((entry) => (entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final) ? [keyOf(run, entry.key)] : [])),
    ),
  )

/** Starts the worker; kills it `afterMs` after it is ready, unless it has ended by itself. */
function life(task: WorkerTask, afterMs: number | undefined): Promise<'killed' | 'done'> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', worker, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let complaint = ''
    child.stderr?.on('data', (text) => (complaint += text))
    child.stdout?.once('data', () => afterMs !== undefined && setTimeout(() => child.kill('SIGKILL'), afterMs))
    child.once('exit', (code, signal) =>
      signal === 'SIGKILL' ? resolve('killed') : code === 0 ? resolve('done') : reject(new Error(`the worker ended with ${code}: ${complaint}`)),
    )
  })
}

/** One file, killed again and again until `kills` are used up; answers how many it took. */
async function campaign(seed: number, kills: number): Promise<number> {
  const random = seeded(seed)
  let used = 0
  for (let batch = 0; used < kills; batch++) {
    const name = join(folder, `${seed}-${batch}`)
    const task: WorkerTask = {
      file: `${name}.db`,
      log: `${name}.log`,
      runs: [0, 1, 2].map((n) => `work-${seed}-${batch}-${n}`).concat(`tight-${seed}-${batch}`),
    }
    let before = { recorded: new Set<string>(), executions: 0 }
    for (let end = 'killed'; end === 'killed'; ) {
      end = await life(task, used < kills ? Math.floor(random() * 120) : undefined)
      if (end === 'killed') used++
      const { journals, executions } = await look(task)
      const here = executions.slice(before.executions)
      checkLife(task, here, before.recorded, journals)
      before = { recorded: recordedIn(journals), executions: executions.length }
    }
    await checkEnd(task)
  }
  return used
}

/** What one process executed: nothing that was recorded before it, each attempt once, and in flight no more than there are branches. */
function checkLife(task: WorkerTask, here: readonly Execution[], recordedBefore: ReadonlySet<string>, journals: ReadonlyMap<string, readonly Entry[]>): void {
  expect(here.filter(({ key }) => recordedBefore.has(key))).toEqual([])
  const attempts = here.map(({ key, attempt }) => `${key} ${attempt}`)
  expect(new Set(attempts).size).toBe(attempts.length)
  const recorded = recordedIn(journals)
  const failed = new Set(
    [...journals].flatMap(([run, entries]) => entries.flatMap((entry) => (entry.type === 'step.failed' ? [`${keyOf(run, entry.key)} ${entry.attempt}`] : []))),
  )
  const open = here.filter(({ key, attempt }) => !recorded.has(key) && !failed.has(`${key} ${attempt}`))
  for (const run of task.runs) expect(open.filter((execution) => execution.run === run).length).toBeLessThanOrEqual(BRANCHES)
}

/** When all have ended: the result of a run that nobody killed, a journal that replays, a budget that held. */
async function checkEnd(task: WorkerTask): Promise<void> {
  const { work, tight } = crashFlows(silent, true)
  const { journals, executions } = await look(task)
  const store = sqliteStore(task.file)
  for (const [n, run] of task.runs.entries()) {
    const flow = run.startsWith('tight') ? tight : work
    const { output } = await replayRun(store, run as RunId, flow)
    if (flow === tight) expect(output).toMatch(/^[x.]{40}$/)
    else expect((await startRun(memoryStore(), work, n, { start: { id: run } })).outcome).toMatchObject({ status: 'completed', output })
    checkUsage(run, journals.get(run)?.at(-1), executions, flow === tight ? TIGHT : undefined)
  }
  await store.close()
}

/** Every call that really went out, known from outside the journal, is counted at what it cost or more, and all of them pass no limit. */
function checkUsage(run: string, end: Entry | undefined, executions: readonly Execution[], limits: Budget | undefined): void {
  const usage = end?.type === 'run.completed' ? end.usage : undefined
  const calls = executions.filter((execution) => execution.run === run && execution.sort === 'priced').length
  const microUsd = Math.round((usage?.usd ?? 0) * 1e6)
  expect(microUsd).toBeGreaterThanOrEqual(calls * COST)
  expect(usage?.modelCalls).toBeGreaterThanOrEqual(calls)
  expect(microUsd).toBeLessThanOrEqual((limits?.usd ?? Number.POSITIVE_INFINITY) * 1e6)
  expect(usage?.modelCalls).toBeLessThanOrEqual(limits?.modelCalls ?? Number.POSITIVE_INFINITY)
}

describe('a process that is killed', () => {
  it(
    `[R1][R6][B2] at ${KILLS} random moments loses nothing recorded, repeats nothing recorded, and passes no budget (seed ${SEED})`,
    async () => {
      const share = (i: number): number => Math.floor((KILLS * (i + 1)) / CAMPAIGNS) - Math.floor((KILLS * i) / CAMPAIGNS)
      const used = await Promise.all(Array.from({ length: CAMPAIGNS }, (_, i) => campaign(SEED + i, share(i))))
      const kills = used.reduce((sum, one) => sum + one, 0)
      expect(kills).toBe(KILLS)
    },
    60_000 + KILLS * 2_000,
  )
})
