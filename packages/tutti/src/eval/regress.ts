/**
 * A regression over history: past runs of a flow, each run again as a fork from its beginning against the code as it is now. What is asked the same is taken
 * over; only what is asked otherwise is done and paid for. Nothing changes the world: an effect that may happen once only is taken over, or the run is
 * reported as not comparable.
 *
 * Owns: which runs, how many at once, the budget of the whole. Does not own: the forks (the engine's), how two runs compare (the room `run`).
 * Costs what the steps cost that are asked otherwise. On a crash: the forks have ids made of the id of the regression and of their runs, so that the same
 * call with that id goes on: what has ended is not done again.
 */
import { type Budget, tighter } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type Entry, everyRun, exportRun, importRun, type JournalStore, joinValue, type RunHead } from '../journal/index.ts'
import { decode, hash128, type Json, newId, type RunId } from '../primitives/index.ts'
import { type AnyFlow, type Awaitable, agentsIn, EmbeddedHandle, type RunEngine, type RunOutcome, readRun, recordedSteps } from '../run/index.ts'
import { choosePast, type PastRuns, REGRESS_LABEL } from './past-runs.ts'
import { Purse } from './purse.ts'
import type { RegressedRun, RegressReport } from './regress-report.port.ts'
import { reportOf } from './regress-report.ts'
import { judge } from './regressed-run.ts'

export interface RegressOptions<O = unknown> extends PastRuns {
  /** Other instructions, for `agent`, or for the only one there is. */
  readonly instructions?: string | undefined
  readonly agent?: string | undefined
  /** Names of steps whose code is another: they are done again though they are asked the same. A fork cannot see it by itself. */
  readonly redo?: readonly string[] | undefined
  /** For all of it together. Default: none but those of the runs. */
  readonly budget?: Budget | undefined
  /** Runs at once. Default 4; 1 under a budget, so that each may use all that is left. */
  readonly concurrency?: number | undefined
  /** Lets tools and steps that are `idempotent` be done with inputs they never had: their effects happen, under keys of their own. */
  readonly idempotent?: 'again' | undefined
  /** How much better the output is after than before; 0 is equal. Asked of runs that completed both times. */
  readonly score?: ((before: O, after: O) => Awaitable<number>) | undefined
  /** That of an interrupted regression: it goes on, with the same runs. Default: a new one. */
  readonly id?: string | undefined
  /** Ends it early: what is finished is reported. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: RegressProgress) => void) | undefined
}

export interface RegressProgress {
  readonly id: string
  /** `undefined` before the first is done. */
  readonly last: RegressedRun | undefined
  readonly done: number
  readonly of: number
  /** USD so far. */
  readonly usd: number
}

/** What it stands on. */
export interface RegressGround {
  /** Drives the forks, in its store. */
  readonly engine: RunEngine
  /** Where the past runs are; in another store than the engine's they are copied first. */
  readonly past: JournalStore
  /** How the journal of a fork with this id says another model. */
  readonly model: (fork: RunId) => Json | undefined
}

/** @throws RUN_NOT_FOUND | CONFIG_INVALID | BUDGET_INVALID */
export async function regress<O>(ground: RegressGround, flow: AnyFlow, o: RegressOptions<O>): Promise<RegressReport> {
  return new Regression(ground, flow, o as RegressOptions).run()
}

class Regression {
  readonly #ground: RegressGround
  readonly #flow: AnyFlow
  readonly #o: RegressOptions
  readonly #id: string
  readonly #purse: Purse
  readonly #done: RegressedRun[] = []
  #agent: string | undefined

  constructor(ground: RegressGround, flow: AnyFlow, o: RegressOptions) {
    this.#ground = ground
    this.#flow = flow
    this.#o = o
    this.#id = o.id ?? newId(REGRESS_LABEL, ground.engine.clock.now())
    this.#purse = new Purse(o.budget)
  }

  async run(): Promise<RegressReport> {
    const { engine, past } = this.#ground
    const { signal, budget, concurrency = budget ? 1 : 4 } = this.#o
    if (!(concurrency >= 1)) throw new TuttiError('CONFIG_INVALID', `${String(concurrency)} runs at once`, { hint: 'concurrency is 1 or more.' })
    await engine.open()
    await past.open()
    engine.registry.add(this.#flow)
    const heads = await choosePast(past, this.#flow.name, { ...this.#o, before: await this.#begunAt() })
    this.#agent = await this.#agentAmong(heads)
    this.#progress(heads.length)
    const stopped = untilAbort(signal)
    const queue = [...heads]
    const worker = async (): Promise<void> => {
      for (let head = queue.shift(); head && !signal?.aborted; head = queue.shift()) {
        const found = await this.#one(head, Math.min(concurrency, queue.length + 1), stopped)
        if (found) this.#done.push(found)
        this.#progress(heads.length, found)
      }
    }
    await Promise.all(
      Array.from({ length: Math.min(concurrency, heads.length) }, () =>
        worker().catch((error) => {
          queue.length = 0
          throw error
        }),
      ),
    )
    const order = new Map(heads.map(({ run }, i) => [run, i]))
    const runs = this.#done.toSorted((a, b) => (order.get(a.run) ?? 0) - (order.get(b.run) ?? 0))
    return reportOf({ id: this.#id, flow: this.#flow.name, runs, left: heads.length - runs.length, spent: this.#purse.spent })
  }

  /** One run; `undefined`: it was stopped meanwhile. */
  async #one({ run, status }: RunHead, shares: number, stopped: Promise<'stopped'>): Promise<RegressedRun | undefined> {
    if (status !== 'completed' && status !== 'failed') {
      return incomparable(run, status === 'cancelled' ? 'was cancelled, so it has no end of its own' : `has not ended: it is ${status}`)
    }
    const share = this.#purse.take(shares)
    try {
      const [started] = await readRun(this.#ground.past, run)
      const own = started?.type === 'run.started' ? tighter(started.budget, this.#flow['~flow'].options.budget) : undefined
      const fork = await this.#fork(run, tighter(own, share))
      const outcome = await this.#end(fork, stopped)
      if (outcome === 'stopped') return undefined
      this.#purse.give(share, outcome.usage)
      const found = await judge(this.#ground.engine.store, run, fork, outcome, bindsMore(share, own))
      return this.#scored(found)
    } catch (error) {
      if (!TuttiError.is(error, 'JOURNAL_CORRUPT') && !TuttiError.is(error, 'RUN_NOT_FOUND')) throw error
      return incomparable(run, error.message)
    }
  }

  /** Makes the fork, or takes up that of the regression that goes on. */
  async #fork(run: RunId, budget: Budget | undefined): Promise<RunId> {
    const { engine, past, model } = this.#ground
    const { instructions, redo, idempotent } = this.#o
    const id = `${this.#id}-${hash128(run).slice(0, 8)}` as RunId
    const there = await engine.store.head(id)
    if (there) {
      if (!['completed', 'failed', 'cancelled', 'queued'].includes(there.status)) await engine.activate(id)
      return id
    }
    if (past !== engine.store) await importRun(engine.store, exportRun(past, run))
    const changed = { instructions, model: model(id), agent: this.#agent, redo }
    return engine.fork(run, this.#flow, { ...changed, oneOfMany: true, id, budget, idempotent, once: 'never', labels: { [REGRESS_LABEL]: this.#id } })
  }

  /** Where it comes to rest. What was refused is known to be incomparable, so nothing more is paid for it; what waits is given up. */
  async #end(fork: RunId, stopped: Promise<'stopped'>): Promise<RunOutcome<unknown> | 'stopped'> {
    const { engine } = this.#ground
    const handle = new EmbeddedHandle<unknown>(engine, fork)
    const giveUp = (why: string): Promise<void> => handle.cancel(why).catch(() => {})
    const unwatch = engine.feed.watch(fork, (sighting) => {
      if (sighting.type === 'entry' && isRefusal(sighting.entry)) giveUp('it would repeat an effect')
    })
    try {
      const outcome = await Promise.race([handle.outcome(), stopped])
      if (outcome !== 'stopped' && outcome.status === 'waiting') await giveUp('nobody answers it')
      return outcome
    } finally {
      unwatch()
    }
  }

  async #scored(found: RegressedRun): Promise<RegressedRun> {
    const { score } = this.#o
    if (!score || !found.fork || !['same', 'diverged', 'changed'].includes(found.verdict)) return found
    const { store } = this.#ground.engine
    const [before, after] = [await outputOf(store, found.run), await outputOf(store, found.fork)]
    return before && after ? { ...found, score: await score(before.output, after.output) } : found
  }

  /** A regression that goes on looks at the runs that were there when it began. */
  async #begunAt(): Promise<number | undefined> {
    if (this.#o.id === undefined) return undefined
    const own = everyRun(this.#ground.engine.store, { flow: this.#flow.name, labels: { [REGRESS_LABEL]: this.#id } })
    let first: number | undefined
    for await (const { createdAt } of own) first = createdAt
    return first === undefined ? undefined : first + 1
  }

  /** @throws CONFIG_INVALID where nobody, or more than one, could be meant */
  async #agentAmong(heads: readonly RunHead[]): Promise<string | undefined> {
    const { agent, instructions } = this.#o
    if (agent === undefined && instructions === undefined) return undefined
    const agents = new Set<string>()
    for (const { run } of heads) for (const name of agentsIn(recordedSteps(await readRun(this.#ground.past, run)).values())) agents.add(name)
    const names = agents.size === 0 ? 'nobody' : [...agents].map((name) => `'${name}'`).join(', ')
    if (agent !== undefined && !agents.has(agent))
      throw new TuttiError('CONFIG_INVALID', `no agent '${agent}' asked a model in these runs; asked was by: ${names}`)
    if (agent === undefined && agents.size !== 1)
      throw new TuttiError('CONFIG_INVALID', `instructions for one agent, where a model was asked by: ${names}`, { hint: 'Name the agent they are for.' })
    return agent ?? [...agents][0]
  }

  #progress(of: number, last?: RegressedRun | undefined): void {
    this.#o.onProgress?.({ id: this.#id, last, done: this.#done.length, of, usd: this.#purse.spent.usd })
  }
}

function incomparable(run: RunId, why: string): RegressedRun {
  return { run, fork: undefined, verdict: 'incomparable', why, output: [], reused: 0, executed: 0, usd: 0, ms: 0 }
}

const isRefusal = (entry: Entry): boolean => entry.type === 'step.failed' && entry.error.code === 'RUN_FORK_ONCE'

/** The share of the whole could end a run that its own budget would not. */
function bindsMore(share: Budget | undefined, own: Budget | undefined): boolean {
  const both = tighter(share, own)
  return Object.keys(share ?? {}).some((name) => both?.[name as 'usd'] !== own?.[name as 'usd'])
}

async function outputOf(store: JournalStore, run: RunId): Promise<{ readonly output: unknown } | undefined> {
  const end = (await readRun(store, run)).find((entry) => entry.type === 'run.completed')
  return end && { output: decode(await joinValue(end.output, (hash) => store.blob(hash))) }
}

function untilAbort(signal: AbortSignal | undefined): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve('stopped')
    signal?.addEventListener('abort', () => resolve('stopped'), { once: true })
  })
}
