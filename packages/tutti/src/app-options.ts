/** What an app and its calls are given; and what is wrong with that, said before anything is begun. */
import { type Budget, declaredLimits, type StandingBudget } from './budget/index.ts'
import type { Engine, EngineMaker } from './configured.ts'
import { TuttiError } from './errors/index.ts'
import type { RegressOptions as Regressed } from './eval/index.ts'
import { checkModels, checkModelsOf, type DeclaredPrices, type ModelLike, type TokenizerChoice } from './model/index.ts'
import { checkOptions, type Declared, durationMs, type Elsewhere, insteadOf, is, sayGiven } from './primitives/index.ts'
import type { RetentionRule } from './retention.ts'
import { type AnyFlow, checkFlow, checkLabelsOf, checkLine, checkScopeOf, type Schedule, type StartOptions } from './run/index.ts'
import type { SpendingFilter } from './spending.ts'

/** Where a fork leaves the run it is of, and what is other in it. */
export interface ForkOptions {
  /**
   * The key of a step, as `tutti show` prints it, or of a scope: then the first step in it. It is done again, unless `output` is given. Left out: from the
   * beginning, where all that is asked the same stands, also the answers of people.
   */
  at?: string | undefined
  /** What that step gave instead. */
  output?: unknown | undefined
  /** Another input for the run. */
  input?: unknown | undefined
  /** For the agent that the step belongs to, from there on; from the beginning, for `agent`. */
  instructions?: string | undefined
  /** From the beginning: the name of the agent that gets other instructions or another model. Default: the only one; a model is for all. */
  agent?: string | undefined
  model?: ModelLike | undefined
  /** Default: that of the run. What is taken over costs nothing of it. */
  budget?: Budget | undefined
  /** Names of steps whose code is another: they are done again though they are asked the same. */
  redo?: readonly string[] | undefined
  /** Default: an effect that may happen once only is taken over, never repeated; with `'never'` nothing that changes the world is done at all. */
  once?: 'again' | 'never' | undefined
}
/** Which past runs are looked at, and what is other in them than it was. */
export interface RegressOptions<O = unknown> extends Regressed<O> {
  /** Another model: for `agent`, else for every one. */
  readonly model?: ModelLike | undefined
  /** Where the forks are to live, with copies of their runs. Default: in the store of the app. */
  readonly store?: Store | undefined
}
export interface Exporter {
  readonly '~exporter': string
}
/** Where an app keeps its journals: `sqlite()`, `inMemory()`, or a store of a satellite package. */
export interface Store {
  readonly '~store': string
}

export interface AppOptions<T extends boolean = false> {
  /** What is gone on with after a restart. A flow that is not here can be started too, and lasts as long as this app. */
  flows: readonly AnyFlow[]
  /** Default: the database of `TUTTI_STORE`, else the SQLite file `.tutti/tutti.db` below the working directory (`TUTTI_HOME` moves the folder). */
  store?: Store | undefined
  /** For agents that declare none. Default: chosen from the environment (see `tutti doctor`). */
  model?: ModelLike | undefined
  /** Default: that of `TUTTI_ENGINE`, else runs are driven by this process; so they always are when the store is `inMemory()`. */
  engine?: Engine | undefined
  /** Declared, not built yet (FLOW_NOT_YET). */
  telemetry?: readonly Exporter[] | undefined
  /** What each tenant, each user of a tenant, or each flow may use in an hour, a day or a month (UTC), over all its runs and all processes on one store. */
  budgets?: readonly StandingBudget[] | undefined
  /** By model id, above the table that comes with tutti: USD per million tokens, or for one search, image, minute or character. */
  prices?: DeclaredPrices | undefined
  /**
   * How the input of a call is counted before it is made. Default `'auto'`: models of OpenAI by `gpt-tokenizer` where the project has it, all others by their bytes.
   * `'bytes'`: all by their bytes, whatever is installed. Or by model id, where you vouch for it: `{ 'azure/my-gpt-4o': 'o200k_base' }`. See docs/budgets.md.
   */
  tokenizer?: TokenizerChoice | undefined
  /** True makes a scope with its tenant a required argument of every start. */
  tenants?: T | undefined
  /** By name: other models for agents, and functions that stand in for tools (for their code alone: name, schemas, effect and approval stay). */
  overrides?: { models?: { readonly [agent: string]: ModelLike }; tools?: { readonly [tool: string]: (input: never) => unknown } } | undefined
  /** Runs that ended long enough ago are removed, when the app opens and every hour from then on; not by an app with `resume: false`. */
  retention?: readonly RetentionRule[] | undefined
  /** Flows that are started by the clock, for as long as the app is open: it keeps the process from ending. Without `resume` none is. */
  schedules?: readonly Schedule[] | undefined
  /** Go on with unfinished runs at start-up. Default true. */
  resume?: boolean | undefined
}

const APP: Declared<AppOptions<boolean>> = {
  ...{ flows: true, store: true, model: true, engine: true, telemetry: is.list, budgets: is.list, prices: true },
  ...{ tokenizer: true, tenants: is.flag, overrides: true, retention: is.list, schedules: is.list, resume: is.flag },
}

/** What a user may know from elsewhere, and how it is written here. */
export const APP_ELSEWHERE: Elsewhere = {
  ...insteadOf('agents workflows', 'flows: [desk]'),
  ...insteadOf('llm models', "model: 'openai/gpt-5-mini'"),
  ...insteadOf('storage db checkpointer persistence', "store: sqlite('data/tutti.db')"),
  ...insteadOf('cron', "schedules: [schedule('nightly', { flow: desk, cron: '0 3 * * *' })]"),
  ...insteadOf('tools', "agent({ name: 'desk', tools: [find] })"),
}

/** What is declared and not built yet is refused, never ignored. @throws CONFIG_INVALID | MODEL_UNKNOWN | FLOW_NOT_YET */
export function checkApp(o: AppOptions<boolean>): void {
  checkOptions('tutti()', o, APP, APP_ELSEWHERE)
  if (!Array.isArray(o.flows)) throw new TuttiError('CONFIG_INVALID', 'tutti() was given no list of flows', { hint: 'tutti({ flows: [ … ] })' })
  checkStore('the store of the app', o.store)
  for (const flow of o.flows) checkFlow('one of the flows of tutti()', flow)
  for (const each of o.schedules ?? [])
    if (typeof each?.['~schedule'] !== 'object')
      throw new TuttiError('CONFIG_INVALID', `one of the schedules of tutti() is ${sayGiven(each)}`, {
        hint: "Make it with schedule('nightly', { cron, flow }).",
      })
  if (o.engine !== undefined && typeof (o.engine as (Engine & Partial<EngineMaker>) | null)?.make !== 'function')
    throw new TuttiError('CONFIG_INVALID', 'the engine of the app is no engine', { hint: "engine: restate({ … }), of the package '@tutti/restate'" })
  const { model, overrides = {} } = o
  if (model !== undefined) checkModels(model)
  checkOptions<NonNullable<AppOptions['overrides']>>('the overrides of tutti()', overrides, { models: is.object, tools: is.object })
  for (const each of Object.values(overrides.models ?? {})) checkModels(each)
  const declared = [o.telemetry?.length && 'telemetry'].filter(Boolean)
  if (declared.length) throw new TuttiError('FLOW_NOT_YET', `tutti() was given ${declared.join(', ')}, which this version declares but cannot do yet`)
}

function checkStore(what: string, store: Store | undefined): void {
  if (store === undefined || typeof store?.['~store'] === 'string') return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${typeof store === 'string' ? `the text '${store}'` : 'no store'}`, {
    hint: "store: sqlite('file.db'), or inMemory()",
  })
}

const START: Declared<StartOptions> = { id: true, budget: true, deadline: true, labels: true, scope: true, priority: true }
export const START_ELSEWHERE: Elsewhere = {
  ...insteadOf('timeout maxDuration maxExecutionTime', "deadline: '5m'"),
  ...insteadOf('maxCost usd', 'budget: { usd: 0.05 }'),
  ...insteadOf('runId workflowId idempotencyKey', "id: 'order-17'"),
  ...insteadOf('metadata tags', "labels: { order: '17' }"),
  ...insteadOf('tenant tenantId', "scope: { tenant: 'acme' }"),
  ...insteadOf('user userId resourceId', "scope: { user: 'ada' }"),
  ...insteadOf('thread threadId sessionId', "scope: { thread: 'a' }"),
  ...insteadOf('maxSteps maxTurns', "agent({ name: 'desk', limits: { turns: 8 } })"),
  ...insteadOf('abortSignal signal', 'handle.cancel()'),
}

/** A budget that is spelled wrongly would limit nothing, a tenant that is none would be found by nobody; and a number would be another text in the journal than it was here. */
export function checkStart(o: StartOptions): void {
  checkOptions('a start', o, START, START_ELSEWHERE)
  const { id, scope, labels } = o
  if (id !== undefined) checkId(id)
  checkLabelsOf('a start', labels)
  checkScopeOf('a start', scope)
}

/** So many characters name a run for a person too, and are a key in every store. */
const LONGEST_ID = 200

/** @throws CONFIG_INVALID */
function checkId(id: unknown): void {
  checkLine('the id of a start', id)
  if (id === 'last')
    throw new TuttiError('CONFIG_INVALID', "the id of a start is 'last', which is what the command calls the newest run", {
      hint: "Say of what: 'last-order'.",
    })
  if ((id as string).length > LONGEST_ID)
    throw new TuttiError('CONFIG_INVALID', `the id of a start has ${(id as string).length} characters`, {
      hint: `Give ${LONGEST_ID} at most; what is longer belongs into the input, or into labels.`,
    })
}

const FORK: Declared<ForkOptions> = {
  ...{ at: is.text, output: true, input: true, instructions: is.text, agent: is.text, model: true },
  ...{ budget: true, redo: is.texts, once: is.oneOf('again', 'never') },
}
export function checkFork(o: ForkOptions): void {
  checkOptions('a fork', o, FORK)
  if (o.model !== undefined) checkModelsOf('the model of a fork', o.model)
  if (o.budget !== undefined) declaredLimits(o.budget, 'the budget of a fork')
  if (o.agent === undefined) return
  if (o.instructions === undefined && o.model === undefined)
    throw new TuttiError('CONFIG_INVALID', `a fork names the agent '${o.agent}', and gives it nothing`, { hint: 'Give it `instructions` or a `model`.' })
  if (o.at !== undefined)
    throw new TuttiError('CONFIG_INVALID', `a fork was given both at: '${o.at}' and agent: '${o.agent}'`, {
      hint: 'At a step, the agent is the one that it belongs to: leave `agent` out. From the beginning: leave `at` out.',
    })
}

const REGRESS: Declared<RegressOptions> = {
  ...{ last: true, runs: is.list, since: is.date, labels: is.object, tenant: is.text, model: true, store: true, instructions: is.text, agent: is.text },
  ...{
    redo: is.texts,
    budget: true,
    concurrency: true,
    idempotent: is.oneOf('never', 'again'),
    score: is.function,
    id: is.text,
    signal: is.abortSignal,
    onProgress: is.function,
  },
}
export function checkRegress(o: RegressOptions): void {
  checkOptions('regress()', o, REGRESS)
  checkStore('the store of regress()', o.store)
  if (o.budget !== undefined) declaredLimits(o.budget, 'the budget of regress()')
}

const SPENDING: Declared<SpendingFilter> = { per: is.oneOf('tenant', 'user', 'flow'), tenant: is.text, user: is.text, flow: is.text, past: is.flag }
export const checkSpending = (o: SpendingFilter): void => checkOptions('spending()', o, SPENDING)

/** @throws CONFIG_INVALID */
export function checkClose(o: { graceMs?: number }): void {
  checkOptions('app.close()', o, { graceMs: true }, { timeout: 'graceMs: 5_000', grace: 'graceMs: 5_000' })
  if (o.graceMs !== undefined) durationMs(o.graceMs, 'the graceMs of app.close()')
}
