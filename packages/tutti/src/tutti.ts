/**
 * `tutti()`: the composition root of an app. It puts an engine over a store, gives the runs a gateway, and hands out handles.
 * It owns no state of its own but those.
 */

import { gatewayOf } from './app-gateway.ts'
import {
  type AppOptions,
  checkApp,
  checkClose,
  checkFork,
  checkRegress,
  checkSpending,
  checkStart,
  type ForkOptions,
  type RegressOptions,
  type Store,
} from './app-options.ts'
import { StandingBudgets, type Usage } from './budget/index.ts'
import { configuredEngine, configuredStore, type EngineMaker } from './configured.ts'
import { TuttiError } from './errors/index.ts'
import { type RegressReport, regress } from './eval/index.ts'
import {
  type EncryptionOptions,
  type Entry,
  type Erased,
  type EraseOptions,
  eraseSubject,
  type JournalStore,
  memoryStore,
  type Pruned,
  type PruneOptions,
  pruneRuns,
  type RunForked,
  sqliteStore,
} from './journal/index.ts'
import { type Gateway, gatewayKey, importPackage } from './model/index.ts'
import { type Clock, checkValue, is, type RunId, type Scope, sayGiven, validate } from './primitives/index.ts'
import { Retention } from './retention.ts'
import { RetunedForks } from './retuned-forks.ts'
import {
  type AnyFlow,
  checkFlow,
  compareRuns,
  EmbeddedEngine,
  EmbeddedHandle,
  explainRun,
  type Flow,
  type Forecast,
  forecastFlow,
  forkOf,
  type RunDiff,
  type RunEngine,
  type RunHandle,
  type RunWhy,
  replayRun,
  type Schedule,
  type Services,
  type StartOptions,
  type StrandedRun,
} from './run/index.ts'
import { readSpending, type Spending, type SpendingFilter } from './spending.ts'
import { type StandIn, standInKey, standIns, type ToolSources, toolSources, toolSourcesKey } from './tool/index.ts'

/** The input (left out where the flow takes none), then options (required, with a scope, where the app has tenants). */
type Args<I, T extends boolean> = T extends true
  ? [input: I, o: StartOptions & { scope: Scope }]
  : // biome-ignore lint/suspicious/noConfusingVoidType: a flow without an input takes `void`
    [void] extends [I]
    ? [input?: I, o?: StartOptions & { scope?: Partial<Scope> | undefined }]
    : [input: I, o?: StartOptions & { scope?: Partial<Scope> | undefined }]

export interface App<T extends boolean = false> extends AsyncDisposable {
  /** Starts a run; resolves once its start is durable. @throws RUN_INPUT_INVALID | RUN_ID_TAKEN | BUDGET_INVALID */
  start<I, O>(flow: Flow<I, O>, ...args: Args<I, T>): Promise<RunHandle<O>>
  /** start, then result. */
  run<I, O>(flow: Flow<I, O>, ...args: Args<I, T>): Promise<{ output: O; usage: Usage; id: RunId }>
  get(id: string): Promise<RunHandle<unknown> | undefined>
  get<O>(id: string, flow: Flow<never, O>): Promise<RunHandle<O> | undefined>
  /**
   * Goes on with a run that nobody drives, also with one that was paused, that diverged or that crashed again and again. One that has ended is left as it is: the
   * `outcome()` of its handle says how it ended. @throws RUN_NOT_FOUND | RUN_BUSY | CONFIG_FLOW_UNKNOWN | RUN_VERSION_MISMATCH
   */
  resume(id: string): Promise<RunHandle<unknown>>
  /**
   * Runs that have not ended, and whose flow or version this app does not register: nothing goes on with them until it does. Newest first; each with what is
   * registered instead.
   */
  stranded(): Promise<readonly StrandedRun[]>
  /**
   * A new run from the record of another, with something changed: steps that are asked the same are taken over and cost nothing, the rest is done.
   * @throws RUN_NOT_FOUND | RUN_STEP_NOT_FOUND | RUN_INPUT_INVALID | CONFIG_INVALID | BUDGET_INVALID
   */
  fork<O>(id: string, flow: Flow<never, O>, o: ForkOptions): Promise<RunHandle<O>>
  /** Runs a run again from its journal alone: no network, no model. @throws JOURNAL_DIVERGED */
  replay<O>(id: string, flow: Flow<never, O>): Promise<{ output: O }>
  /** What changed from run `a` to run `b`, step by step. @throws RUN_NOT_FOUND */
  diff(a: string, b: string): Promise<RunDiff>
  /** What stands behind the end of a run, or the outcome of a step: which chain took the longest, where time and money went. @throws RUN_NOT_FOUND | RUN_STEP_NOT_FOUND */
  why(id: string, step?: string): Promise<RunWhy>
  /**
   * Runs the last runs of a flow again against the code as it is now, as forks from their beginnings: costs only the steps that are asked otherwise, and
   * changes nothing in the world. @throws RUN_NOT_FOUND | CONFIG_INVALID | BUDGET_INVALID
   */
  regress<O>(flow: Flow<never, O>, o?: RegressOptions<O>): Promise<RegressReport>
  /**
   * Removes runs that have ended, and all that only they hold; says what was removed, and what was kept and why.
   * @example
   * await app.prune({ olderThan: '30d', status: ['completed'], archive: 'archive/' })
   * @throws CONFIG_INVALID | RUN_NOT_FOUND | RUN_NOT_FINISHED before anything is touched; JOURNAL_ARCHIVE_FAILED: what was not archived is still there
   */
  prune(o: PruneOptions): Promise<Pruned>
  /**
   * Removes all runs of a tenant, or of one user of a tenant, overwrites what was left of them in the file, and destroys the keys they were sealed with.
   * What a backup of a journal that is not encrypted holds, it keeps: docs/erasure.md.
   * @throws CONFIG_INVALID; RUN_NOT_FINISHED when some have not ended and it is not forced: nothing is touched; JOURNAL_LOCKED when another process still reads the old
   */
  erase(o: EraseOptions): Promise<Erased>
  /**
   * What tenants, users and flows have used of the standing budgets: in the periods of now, or in all that are remembered; those of one period together.
   * @example
   * const [today] = await app.spending({ per: 'tenant', tenant: 'acme' })
   */
  spending(filter?: SpendingFilter): Promise<readonly Spending[]>
  /** What a run of this input may cost and take, from those of this flow and version that were completed. @throws RUN_NO_HISTORY */
  // biome-ignore lint/suspicious/noExplicitAny: the output does not matter here
  forecast<I>(flow: Flow<I, any>, input: NoInfer<I>): Promise<Forecast>
  /** Declared, not built yet. @throws FLOW_NOT_YET */
  readonly fetch: (request: Request) => Promise<Response>
  /** Lets what is under way finish (default: up to 5 s), leaves the rest to be resumed. */
  close(o?: { graceMs?: number }): Promise<void>
}

/**
 * A SQLite file; default `.tutti/tutti.db` below the working directory. `relaxed` survives a killed process, and may lose the last moments in a power cut.
 * `encryption` seals what runs record, under a key for each tenant and user: docs/erasure.md.
 */
export const sqlite = (path: string = homePath('tutti.db'), o: { durability?: 'sync' | 'relaxed'; encryption?: EncryptionOptions } = {}): Store =>
  sqliteStore(path, o)
/** Nothing outlives the process; everything else is the same. */
export const inMemory = (): Store => memoryStore()

/**
 * Makes an app: what starts flows, and goes on with them after a restart.
 *
 * @throws CONFIG_FLOW_DUPLICATE | CONFIG_INVALID
 * @example
 * await using app = tutti({ flows: [desk] })
 * const { output } = await app.run(desk, 'Where is order 17?')
 */
export function tutti<T extends boolean = false>(o: AppOptions<T>): App<T> {
  checkApp(o)
  const here = { env: process.env, cwd: process.cwd() }
  const store = (o.store ?? configuredStore(here) ?? sqlite()) as JournalStore
  const models = gatewayOf(o, { ...here, limits: store.limits })
  // What is in memory is seen by nobody else, so nobody else can drive it. Who drives nothing is no worker, though the environment of both may be one.
  const engine = o.engine ?? (store['~store'] === 'memory' ? undefined : configuredEngine(here, o.resume === false ? false : undefined))
  return appOn({ ...o, engine }, { store, gateway: models, home: homePath() })
}

/** What an app stands on; tests put a simulated one under it. */
export interface Ground {
  readonly store: JournalStore
  readonly gateway: Gateway
  readonly clock?: Clock | undefined
  /** The folder where tutti keeps its things. Left out: what tools were approved is forgotten with the app. */
  readonly home?: string | undefined
  /** What is done instead of tools that `overrides.tools` does not name. */
  readonly standIn?: StandIn | undefined
}

/** The app that `tutti` makes, on a ground of the caller's. @throws CONFIG_FLOW_DUPLICATE | FLOW_NOT_YET */
export function appOn<T extends boolean = false>(o: AppOptions<T>, { store, gateway: models, clock, home, standIn }: Ground): App<T> {
  checkApp(o)
  const here = { env: process.env, cwd: process.cwd() }
  const services = new Map<string, unknown>([
    [gatewayKey.service, models],
    [standInKey.service, standInOf(o.overrides?.tools, standIn)],
    [toolSourcesKey.service, toolSources({ ...here, home, importPackage: (name, subpath) => importPackage(name, here.cwd, subpath) })],
  ])
  const forks = new RetunedForks(services, models)
  const retune = (run: RunId, forked: RunForked): Services => forks.servicesFor(run, forked)
  const budgets = o.budgets?.length ? new StandingBudgets(o.budgets) : undefined
  const engine = engineOf(o, { store, services, clock, retune, budgets })
  const retention = new Retention(store, o.retention ?? [], engine.clock)
  if (o.resume !== false) {
    const opening = engine.open().catch(() => {})
    opening.then(() => retention.start())
  }
  return makeApp(engine, { services, forks, retention, budgets, tenants: o.tenants === true })
}

/** What the app was told goes first. */
function standInOf(functions: NonNullable<AppOptions['overrides']>['tools'], others: StandIn | undefined): StandIn {
  const told = standIns(functions ?? {})
  return (tool) => told(tool) ?? others?.(tool)
}

interface EngineParts {
  readonly store: JournalStore
  readonly services: Services
  readonly clock: Clock | undefined
  readonly budgets: StandingBudgets | undefined
  retune(run: RunId, forked: RunForked): Services
}

/** The engine that the app names, else the embedded one. */
function engineOf(o: AppOptions<boolean>, { store, services, clock, retune, budgets }: EngineParts): RunEngine {
  const { flows, resume } = o
  const schedules = schedulesOf(o)
  if (!o.engine) return new EmbeddedEngine({ store, flows, schedules, services, clock, resume, retune, budgets })
  const servicesOf = (run: RunId, record: readonly Entry[]): Services => {
    const forked = forkOf(record)
    return forked?.retuned ? retune(run, forked) : services
  }
  return (o.engine as EngineMaker).make({ store, flows, schedules, clock, resume: resume !== false, servicesOf, budgets })
}

interface AppParts {
  readonly services: Services
  readonly forks: RetunedForks
  readonly retention: Retention
  readonly budgets: StandingBudgets | undefined
  readonly tenants: boolean
}

function makeApp<T extends boolean>(engine: RunEngine, { services, forks, retention, budgets, tenants }: AppParts): App<T> {
  const begin = async (call: string, flow: AnyFlow, input: unknown, options: StartOptions = {}): Promise<RunHandle<unknown>> => {
    checkFlow(`the flow that app.${call}() was given`, flow)
    checkStart(options)
    if (tenants && !options.scope?.tenant)
      throw new TuttiError('CONFIG_INVALID', 'this app has tenants, so a start needs a scope with its tenant', {
        hint: `app.${call}(flow, input, { scope: { tenant } })`,
      })
    const { inputSchema } = flow['~flow']
    if (inputSchema) await validate(inputSchema, input, 'RUN_INPUT_INVALID', `the input of '${flow.name}'`)
    return new EmbeddedHandle(engine, await engine.start(flow, input, options))
  }
  const close = async (o: { graceMs?: number } = {}): Promise<void> => {
    checkClose(o)
    await retention.stop()
    await engine.close(o)
    ;(services.get(gatewayKey.service) as Gateway | undefined)?.close?.()
    await (services.get(toolSourcesKey.service) as ToolSources | undefined)?.close()
  }
  const app = {
    start: (flow: AnyFlow, input?: unknown, options?: StartOptions) => begin('start', flow, input, options),
    async run(flow: AnyFlow, input?: unknown, options?: StartOptions) {
      return (await begin('run', flow, input, options)).result()
    },
    async get(id: string, ...flow: unknown[]) {
      checkValue('the id of the run that app.get() is asked for', 'id', id, is.text)
      if (flow[0] !== undefined) checkFlow('the flow that app.get() was given', flow[0])
      await engine.open()
      return (await engine.store.head(id as RunId)) ? new EmbeddedHandle(engine, id as RunId) : undefined
    },
    async resume(id: string) {
      await engine.activate(id as RunId)
      return new EmbeddedHandle(engine, id as RunId)
    },
    async replay(id: string, flow: AnyFlow, ...more: unknown[]) {
      checkNoMore('app.replay() takes a run and its flow', more, 'What is to be other than it was is given to a fork: app.fork(id, flow, { … }).')
      checkFlow('the flow that app.replay() was given', flow)
      await engine.open()
      return replayRun(engine.store, id as RunId, flow, services)
    },
    async fork(id: string, flow: AnyFlow, given: ForkOptions) {
      checkFlow('the flow that app.fork() was given', flow)
      checkFork(given)
      const { model, ...o } = given
      const { inputSchema } = flow['~flow']
      if (inputSchema && o.input !== undefined) await validate(inputSchema, o.input, 'RUN_INPUT_INVALID', `the input of '${flow.name}'`)
      return new EmbeddedHandle(engine, await engine.fork(id as RunId, flow, { ...o, ...forks.keep(model) }))
    },
    stranded: () => engine.stranded(),
    async diff(a: string, b: string, ...more: unknown[]) {
      checkNoMore('app.diff() takes two runs', more, 'It has no options: what it says holds all that differs.')
      await engine.open()
      return compareRuns(engine.store, a, b)
    },
    async why(id: string, step?: string, ...more: unknown[]) {
      checkNoMore('app.why() takes a run and the key of a step', more, 'It has no options.')
      if (step !== undefined) checkValue('the step that app.why() is asked for', 'step', step, is.text)
      await engine.open()
      return explainRun(engine.store, id, step)
    },
    async regress(flow: AnyFlow, given: RegressOptions = {}) {
      checkFlow('the flow that app.regress() was given', flow)
      checkRegress(given)
      const { model, store, ...o } = given
      await engine.open()
      const elsewhere = store && engine.beside(store as JournalStore)
      try {
        const ground = { engine: elsewhere ?? engine, past: engine.store, model: (fork: RunId) => forks.keep(model, fork).model }
        return await regress(ground, flow, o)
      } finally {
        await elsewhere?.close()
      }
    },
    async prune(o: PruneOptions) {
      await engine.open()
      return pruneRuns(engine.store, o, { now: engine.clock.now() })
    },
    async erase(o: EraseOptions) {
      await engine.open()
      return eraseSubject(engine.store, o, { now: () => engine.clock.now() })
    },
    async spending(filter: SpendingFilter = {}) {
      checkSpending(filter)
      await engine.open()
      return readSpending(engine.store, { ...filter, budgets, now: engine.clock.now() })
    },
    async forecast(flow: AnyFlow, input: unknown, ...more: unknown[]) {
      checkNoMore('app.forecast() takes a flow and its input', more, 'It has no options: it looks at the newest runs of the flow that were completed.')
      checkFlow('the flow that app.forecast() was given', flow)
      await engine.open()
      return forecastFlow(engine.store, { flow: flow.name, version: flow.version, input: { is: input } })
    },
    fetch: () => notYet('app.fetch'),
    close,
    [Symbol.asyncDispose]: () => close(),
  }
  return app as unknown as App<T>
}

/** @param takes what there is, as it reads before "and was given … besides" @throws CONFIG_INVALID */
function checkNoMore(takes: string, more: readonly unknown[], hint: string): void {
  if (more.some((each) => each !== undefined)) throw new TuttiError('CONFIG_INVALID', `${takes}, and was given ${sayGiven(more[0])} besides`, { hint })
}

/** @throws CONFIG_INVALID for two of one name, or one without its tenant where the app has tenants */
function schedulesOf({ schedules = [], tenants }: AppOptions<boolean>): readonly Schedule[] {
  const names = new Set<string>()
  for (const {
    name,
    '~schedule': { spec },
  } of schedules) {
    if (names.has(name)) throw new TuttiError('CONFIG_INVALID', `two schedules are called '${name}'`, { data: { schedule: name } })
    names.add(name)
    if (tenants && !spec.scope?.tenant)
      throw new TuttiError('CONFIG_INVALID', `this app has tenants, so the schedule '${name}' needs a scope with its tenant`, { data: { schedule: name } })
  }
  return schedules
}

function notYet(what: string): Promise<never> {
  return Promise.reject(new TuttiError('FLOW_NOT_YET', `${what} is declared, but not built yet`))
}

/** A file in the folder where tutti keeps its things. */
function homePath(file?: string): string {
  const home = process.env.TUTTI_HOME ?? '.tutti'
  return file === undefined ? home : `${home}/${file}`
}
