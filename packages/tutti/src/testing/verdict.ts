/** What must hold of runs whose processes were killed, whoever killed them and where. */
import { expect } from 'vitest'
import { type Entry, isTerminal, type JournalStore, memoryStore } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle, type RunOutcome, replayRun } from '../run/index.ts'
import { BRANCHES, COST, crashFlows, TIGHT } from './crash-flow.ts'
import { journalOf } from './failpoint-store.ts'
import { answerTo } from './person.ts'
import { BOOKED, shopFlows } from './shop-flow.ts'
import { withModel } from './with-model.ts'
import { dreamWorld, type Execution, executionsIn } from './world.ts'

/** Runs that processes drove, on one store and one log of what they did. */
export interface Campaign {
  /** Each named `<flow>-…`. */
  readonly runs: readonly string[]
  readonly log: string
  open(): JournalStore
}

/** What is written: the journals, and what was carried out. */
export interface Look {
  readonly journals: ReadonlyMap<string, readonly Entry[]>
  readonly executions: readonly Execution[]
}

export async function lookAt({ open, log, runs }: Campaign): Promise<Look> {
  const store = open()
  const journals = new Map<string, readonly Entry[]>()
  for (const run of runs) journals.set(run, (await journalOf(store, run as RunId)).entries)
  await store.close()
  return { journals, executions: executionsIn(log) }
}

/** What a campaign has seen. */
export interface Tally {
  readonly runs: number
  readonly entries: number
  readonly executions: number
  /** Effects that were carried out again because nothing was recorded of them. */
  readonly repeats: number
  /** Attempts that were found open. */
  readonly lost: number
  readonly doubts: number
  readonly payments: number
}

/** What was there stays as it was, and the rest comes behind it. */
export function checkPrefix(before: Look, now: Look): void {
  for (const [run, entries] of before.journals) expect(now.journals.get(run)?.slice(0, entries.length)).toEqual(entries)
}

/** When all runs have ended: nothing recorded was repeated, nothing was lost, all came to the end of a run that nobody kills. */
export async function checkEnd(task: Campaign): Promise<Tally> {
  const seen = await lookAt(task)
  const repeats = task.runs.map((run) => checkExecutions(run, seen))
  for (const [n, run] of task.runs.entries()) await checkOutcome(task, run, n, seen)
  const entries = [...seen.journals.values()].flat()
  return {
    runs: task.runs.length,
    entries: entries.length,
    executions: seen.executions.length,
    repeats: repeats.reduce((sum, one) => sum + one, 0),
    lost: entries.filter((entry) => entry.type === 'step.failed' && entry.error.code === 'ATTEMPT_LOST').length,
    doubts: entries.filter(({ type }) => type === 'step.doubted').length,
    payments: seen.executions.filter(({ sort }) => sort === 'paid').length,
  }
}

/** Answers how many effects were carried out again, because a process ended between them and their outcome. */
export function checkExecutions(run: string, { journals, executions }: Look): number {
  const entries = journals.get(run) ?? []
  const all = executions.filter((execution) => execution.run === run)
  const effects = all.filter(({ sort }) => sort === 'plain' || sort === 'priced')
  const pids = [...new Set(all.map(({ pid }) => pid))]
  const doneAt = new Map(entries.flatMap((entry) => doneBy(entry).map((key) => [hash128(`${run}|${key}`), entry.time] as const)))
  const repeated = effects.filter(({ key, time }) => time > (doneAt.get(key) ?? Number.POSITIVE_INFINITY))
  expect(repeated, `recorded steps of ${run} that were carried out again`).toEqual([])
  checkAttempts(run, entries, effects, all)
  const again = (pid: number): number => {
    const mine = new Set(effects.filter((execution) => execution.pid === pid).map(({ key, attempt }) => `${key} ${attempt}`))
    return [...mine].filter((one) => isRepeated(one, pid, run, { effects, entries })).length
  }
  const repeats = pids.map(again)
  for (const count of repeats) expect(count, `effects of ${run} that were in flight in one process`).toBeLessThanOrEqual(BRANCHES[run.split('-')[0] ?? ''] ?? 0)
  return repeats.reduce((sum, one) => sum + one, 0)
}

/** An attempt is begun once, in whichever process; what happens once has happened once. */
function checkAttempts(run: string, entries: readonly Entry[], effects: readonly Execution[], all: readonly Execution[]): void {
  const intended = new Set(entries.flatMap((entry) => (entry.type === 'step.started' ? [hash128(`${run}|${entry.key}`)] : [])))
  const attempts = effects.filter(({ key }) => intended.has(key)).map(({ key, attempt }) => `${key} ${attempt}`)
  expect(new Set(attempts).size, `attempts of ${run} begun twice`).toBe(attempts.length)
  const paid = all.filter(({ sort }) => sort === 'paid').map(({ key }) => key)
  expect(new Set(paid).size, `payments of ${run} made twice`).toBe(paid.length)
  const asked = entries.filter((entry) => entry.type === 'step.started' && entry.kind === 'model').length
  expect(all.filter(({ sort }) => sort === 'model').length, `calls of a model in ${run} that no intent stands for`).toBeLessThanOrEqual(asked)
}

/** It was carried out by this process, and again after it, though it had not failed. */
function isRepeated(one: string, pid: number, run: string, { effects, entries }: { effects: readonly Execution[]; entries: readonly Entry[] }): boolean {
  const [key = '', attempt] = one.split(' ')
  const failed = entries.flatMap((entry) => {
    if (entry.type === 'step.failed' && entry.error.code !== 'ATTEMPT_LOST') return [`${hash128(`${run}|${entry.key}`)} ${entry.attempt ?? 1}`]
    return entry.type === 'step.compensated' && entry.error ? [`${hash128(`${run}|${entry.key}/~undo`)} ${entry.attempt ?? 1}`] : []
  })
  if (failed.includes(`${key} ${attempt}`)) return false
  const mine = effects.findLastIndex((execution) => execution.pid === pid && execution.key === key)
  return effects.slice(mine + 1).some((execution) => execution.key === key)
}

/** The key of what is not to be carried out any more. */
function doneBy(entry: Entry): readonly string[] {
  if (entry.type === 'step.compensated') return entry.final === false ? [] : [`${entry.key}/~undo`]
  const isDone =
    entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final) || (entry.type === 'step.resolved' && entry.verdict === 'done')
  return isDone ? [entry.key] : []
}

async function checkOutcome(task: Campaign, run: string, input: number, { journals, executions }: Look): Promise<void> {
  const last = journals.get(run)?.findLast(isTerminal)
  if (run.startsWith('doomed-')) return expect(last?.type, run).toBe('run.cancelled')
  if (run.startsWith('trip-')) return checkUndone(run, journals.get(run) ?? [])
  expect(last?.type, run).toBe('run.completed')
  const { flows, model } = dreamFlows()
  const flow = flows.find(({ name }) => run.startsWith(`${name}-`)) as AnyFlow
  const store = task.open()
  const { output } = await replayRun(store, run as RunId, flow, withModel(model).services)
  await store.close()
  if (flow.name === 'tight') expect(output).toMatch(/^[x.]{40}$/)
  else expect(output, run).toEqual(await undisturbed(run, input))
  checkUsage(run, last, executions)
}

/** All that was booked is undone, the last one first. */
function checkUndone(run: string, entries: readonly Entry[]): void {
  expect(entries.findLast(isTerminal), run).toMatchObject({ type: 'run.failed', error: { code: 'RUN_FAILED' } })
  const undone = entries.flatMap((entry) => (entry.type === 'step.compensated' && !entry.error ? [entry.key] : []))
  expect(undone).toEqual(BOOKED.map((what) => `trip/${what}`).reverse())
}

/** Every call that really went out, known from outside the journal, is counted at what it cost or more, and all of them pass no limit. */
function checkUsage(run: string, end: Entry | undefined, executions: readonly Execution[]): void {
  const usage = end?.type === 'run.completed' ? end.usage : undefined
  const mine = executions.filter((execution) => execution.run === run)
  const priced = mine.filter(({ sort }) => sort === 'priced').length
  const microUsd = Math.round((usage?.usd ?? 0) * 1e6)
  expect(microUsd).toBeGreaterThanOrEqual(priced * COST)
  expect(usage?.modelCalls).toBeGreaterThanOrEqual(priced + mine.filter(({ sort }) => sort === 'model').length)
  if (!run.startsWith('tight-')) return
  expect(microUsd).toBeLessThanOrEqual((TIGHT.usd ?? 0) * 1e6)
  expect(usage?.modelCalls).toBeLessThanOrEqual(TIGHT.modelCalls ?? 0)
}

function dreamFlows() {
  const world = dreamWorld()
  const { model, ...shop } = shopFlows(world, { quick: true })
  return { world, model, flows: [...Object.values(crashFlows(world, true)), ...Object.values(shop)] as readonly AnyFlow[] }
}

const undisturbedOutputs = new Map<string, Promise<unknown>>()

/** What the run comes to when nobody kills it. */
function undisturbed(run: string, input: number): Promise<unknown> {
  const known = undisturbedOutputs.get(run) ?? drive(run, input)
  undisturbedOutputs.set(run, known)
  return known
}

async function drive(run: string, input: number): Promise<unknown> {
  const { world, model, flows } = dreamFlows()
  const engine = new EmbeddedEngine({ store: memoryStore(), flows, resume: false, ...withModel(model) })
  await engine.start(flows.find(({ name }) => run.startsWith(`${name}-`)) as AnyFlow, input, { id: run })
  for (;;) {
    const outcome: RunOutcome<unknown> = await new EmbeddedHandle(engine, run as RunId).outcome()
    if (outcome.status === 'waiting') {
      for (const wait of outcome.for) await engine.post(run as RunId, answerTo(run, wait, world))
      await new Promise((resolve) => setTimeout(resolve, 5))
      continue
    }
    await engine.close({ graceMs: 0 })
    if (outcome.status === 'completed') return outcome.output
    throw new Error(`${run} is ${outcome.status}`)
  }
}
