/**
 * An engine elsewhere, as an app sees it: what is asked of a run goes to the store of the journal first, so that it is known, and then to the engine.
 *
 * Owns: the attempts that the engine gave to this process. Does not own: who drives which run, timers, retries of attempts (the engine's).
 * Invariants: a start is idempotent by run id and start hash, judged in the store before the engine hears of it; what is told to the engine twice happens once.
 * On a crash between the store and the engine the run, or the message, is in the store alone: asking again tells the engine.
 */
import type { Budget } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { type Entry, type InboxMessage, type JournalStore, messageId, type NewRun, type RunHead } from '../../journal/index.ts'
import { type Clock, encode, type RunId, systemClock } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import { Feed } from '../embedded/feed.ts'
import { beginFork, type ForkRequest } from '../embedded/fork.ts'
import { idTaken, newRun } from '../embedded/new-run.ts'
import { newOwner } from '../embedded/owner.ts'
import { receptionOf } from '../embedded/reception.ts'
import { Registry } from '../embedded/registry.ts'
import { Scheduler } from '../embedded/scheduler.ts'
import type { Standing } from '../embedded/standings.ts'
import { type StrandedRun, strandedRuns } from '../embedded/stranded.ts'
import { headOf, isEnded } from '../embedded/take-up.ts'
import { Watchers, type WatchOptions } from '../embedded/watchers.ts'
import type { Reception, StartOptions } from '../handle.port.ts'
import { OpenTimers } from '../open-timers.ts'
import { readRun } from '../read-run.ts'
import type { EngineGround, RunEngine, SeeStanding } from '../run-engine.port.ts'
import { enterStore, leaveStore } from '../store-use.ts'
import { Beat } from './beat.ts'
import type { Told } from './group.port.ts'
import { HostedRun } from './hosted-run.ts'
import { OnTheirWay } from './on-their-way.ts'
import { Sweep } from './sweep.ts'

/** How long a person's word waits for a worker, and how often it is looked whether one has it. */
const PATIENCE_MS = 10_000
const LOOK_MS = 250
/** How often whoever watches a run looks at it though nothing was heard. */
const TICK_MS = 5_000

/** The engine elsewhere. Every call may be made again: what was told before is not done twice. */
export interface Host {
  /** Reachable, and its workers known to it where this process is one. One that failed is called again. */
  open(runs: HostedRuns): Promise<void>
  submit(run: SubmittedRun): Promise<void>
  /** A run that rests is to be called for: there is something in its inbox, or a person asks for it to go on. */
  tell(run: Pick<SubmittedRun, 'run' | 'flow' | 'version'>, what: Told): Promise<void>
  /**
   * A person wants this run to go on: what holds it up at the engine is cleared away.
   * @throws RUN_VERSION_MISMATCH | CONFIG_FLOW_UNKNOWN when no worker could go on with it as things are
   */
  free?(run: Pick<SubmittedRun, 'run' | 'flow' | 'version'>): Promise<void>
  close(o: { readonly graceMs: number }): Promise<void>
}

export interface SubmittedRun {
  readonly run: RunId
  readonly flow: string
  readonly version: string
  /** What its journal begins with. */
  readonly entries: readonly Entry[]
}

/** The attempts of this process. */
export interface HostedRuns {
  readonly registry: Registry
  attempt(run: RunId, first: readonly Entry[]): HostedRun
  ended(run: HostedRun): void
}

export class HostedEngine implements RunEngine {
  readonly store: JournalStore
  readonly clock: Clock
  readonly registry: Registry
  readonly feed = new Feed()
  readonly #ground: EngineGround
  readonly #host: Host
  readonly #owner = newOwner()
  readonly #attempts = new Map<HostedRun, RunId>()
  readonly #watchers = new Watchers()
  readonly #beat = new Beat()
  readonly #onTheirWay: OnTheirWay
  readonly #scheduler: Scheduler | undefined
  readonly #sweep: Sweep | undefined
  #see: SeeStanding = () => {}
  #forgetTick: (() => void) | undefined
  #unwatch: (() => void) | undefined
  #opened: Promise<void> | undefined
  /** Opening was tried: something may be held, though it failed. */
  #touched = false
  #closing: Promise<void> | undefined

  constructor(ground: EngineGround, host: Host) {
    this.#ground = ground
    this.#host = host
    this.store = ground.store
    this.clock = ground.clock ?? systemClock
    this.registry = new Registry(ground.flows)
    this.#onTheirWay = new OnTheirWay(ground.store, (run) => this.#tell(run))
    for (const flow of ground.flows) refuseQueue(flow)
    const { store, clock, registry } = this
    const start = (flow: AnyFlow, input: unknown, how: StartOptions): Promise<RunId> => this.#start(flow, input, how)
    if (!ground.resume) return
    this.#scheduler = new Scheduler({ store, clock, registry, schedules: ground.schedules, start })
    const flows = registry.versions()
    this.#sweep = new Sweep({ store, clock, flows, submit: (head) => this.#submitAgain(head).then(() => {}), tell: (head) => this.#tellHost(head, 'message') })
  }

  open(): Promise<void> {
    if (this.closed) return Promise.reject(new TuttiError('ENGINE_CLOSED', 'the app was closed'))
    this.#opened ??= this.#open().catch((error) => {
      // The next call opens it again, and watches anew.
      this.#unwatch?.()
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<void> {
    this.#touched = true
    await enterStore(this.store, this)
    this.#unwatch = this.store.watch((run, what) => {
      if (run !== undefined && what === 'progress') return this.#watchers.tellProgress(run)
      this.#tell(run)
      this.#poke(run)
      this.#scheduler?.look().catch(() => {})
    })
    await this.#host.open({
      registry: this.registry,
      attempt: (run, first) => this.#attempt(run, first),
      ended: (attempt) => this.#ended(attempt),
    })
    await this.#scheduler?.begin()
    this.#sweep?.begin()
  }

  #attempt(run: RunId, first: readonly Entry[]): HostedRun {
    const { store, clock, registry } = this
    const attempt = new HostedRun({
      ...{ run, first, store, clock, registry, owner: this.#owner, beat: this.#beat },
      budgets: this.#ground.budgets,
      servicesOf: (of, record) => this.#ground.servicesOf(of, record),
      sight: (of, sighting) => this.feed.show(of, sighting),
      written: (what) => (what === 'progress' ? this.#watchers.tellProgress(run) : this.#tell(run)),
    })
    this.#attempts.set(attempt, run)
    const [started] = first
    this.#see(run, { type: 'running' }, started?.type === 'run.started' ? started.flow : undefined)
    return attempt
  }

  #ended(attempt: HostedRun): void {
    const run = this.#attempts.get(attempt)
    attempt.release()
    this.#attempts.delete(attempt)
    if (run !== undefined) this.#see(run, attempt.standing, undefined)
  }

  beside(_store: JournalStore): RunEngine {
    throw new TuttiError('ENGINE_UNSUPPORTED', 'the runs of an engine elsewhere live in the store of its app: leave `store` out')
  }

  async start(flow: AnyFlow, input: unknown, o: StartOptions = {}): Promise<RunId> {
    await this.open()
    return this.#start(flow, input, o)
  }

  async #start(flow: AnyFlow, input: unknown, o: StartOptions): Promise<RunId> {
    refuseQueue(flow)
    const made = newRun(flow, input, o, this.clock.now())
    const { created, head } = await this.store.create(made)
    if (!created && head.startHash !== made.startHash) throw idTaken(head)
    if (!isEnded(head)) await this.#submit(made)
    return made.run
  }

  async fork(from: RunId, flow: AnyFlow, o: ForkRequest): Promise<RunId> {
    await this.open()
    refuseQueue(flow)
    const fork = beginFork(await readRun(this.store, from), flow, o, this.clock.now())
    await this.store.create(fork)
    await this.#submit(fork)
    return fork.run
  }

  #submit({ run, flow, version, entries }: NewRun): Promise<void> {
    return this.#host.submit({ run, flow, version, entries })
  }

  /** @throws RUN_NOT_FOUND; what the host says when no worker could go on with it */
  async activate(run: RunId): Promise<void> {
    await this.open()
    const head = await headOf(this.store, run)
    if (isEnded(head)) return
    const of = { run, flow: head.flow, version: await this.#begunVersion(head) }
    await this.#host.free?.(of)
    await this.#submitAgain(head)
    const stands = head.status === 'suspended'
    const moves = stands || (head.status === 'waiting' && (await this.#isDue(run)))
    if (moves) this.#onTheirWay.ask(run, head.lastSeq, stands)
    await this.#host.tell(of, 'resume')
    if (moves) await this.#untilMoved(run)
  }

  /** There is something for it that it has not heard of: what was sent to it, or a time that has come. */
  async #isDue(run: RunId): Promise<boolean> {
    if ((await this.store.inbox(run)).length > 0) return true
    const timers = new OpenTimers()
    for await (const entry of this.store.read(run)) timers.take(entry)
    return timers.earliest <= this.clock.now()
  }

  /** With what its journal begins with. */
  async #submitAgain({ run, flow, version: now }: RunHead): Promise<void> {
    const entries: Entry[] = []
    for await (const entry of this.store.read(run)) {
      if (entries.length > 0 && entry.type !== 'run.forked') break
      entries.push(entry)
    }
    const [started] = entries
    const version = started?.type === 'run.started' ? started.version : now
    await this.#host.submit({ run, flow, version, entries })
  }

  /** Until a worker has taken it up, for a while. */
  async #untilMoved(run: RunId): Promise<void> {
    const until = this.clock.now() + PATIENCE_MS
    while (this.#onTheirWay.has(run) && this.clock.now() < until)
      await new Promise<void>((resolve) => {
        const go = (): void => {
          forget()
          unwatch()
          resolve()
        }
        const unwatch = this.watchStanding(run, go)
        const forget = this.clock.alarm(this.clock.now() + LOOK_MS, () => {
          this.#onTheirWay.look(run)
          go()
        })
      })
  }

  async post(run: RunId, message: InboxMessage): Promise<Reception> {
    await this.open()
    const head = await headOf(this.store, run)
    if (isEnded(head))
      throw new TuttiError('RUN_FINISHED', `the run '${run}' has ${head.status} and takes no ${message.type}`, { data: { run, status: head.status } })
    const reception = message.type === 'signal' ? await receptionOf(message, head.waiting ?? [], () => this.store.read(run)) : 'delivered'
    if (reception === 'late' || reception === 'duplicate') return reception
    const answer = await this.store.post(run, message, this.clock.now())
    // Also one that was posted before: whoever sent it may have ended before the engine heard of it.
    if (answer === 'posted' && head.status === 'waiting') this.#onTheirWay.add(run, message.id)
    await this.#tellHost(head, 'message')
    return answer === 'duplicate' ? 'duplicate' : reception
  }

  async #tellHost(head: RunHead, what: Told): Promise<void> {
    const { run, flow } = head
    await this.#host.tell({ run, flow, version: await this.#begunVersion(head) }, what)
  }

  /** The engine knows a run by the version it began with. */
  async #begunVersion({ run, version }: RunHead): Promise<string> {
    for await (const entry of this.store.read(run)) return entry.type === 'run.started' ? entry.version : version
    return version
  }

  async pause(run: RunId, reason: string): Promise<void> {
    await this.open()
    if ((await headOf(this.store, run)).status === 'suspended') return
    await this.post(run, { id: messageId(), type: 'pause', reason })
  }

  grant(run: RunId, more: Budget): Promise<unknown> {
    return this.post(run, { id: messageId(), type: 'grant', more: encode(more) })
  }

  async stranded(): Promise<readonly StrandedRun[]> {
    await this.open()
    return strandedRuns(this.store, this.registry)
  }

  /** Only the store knows; but a run that was just sent something does not rest. */
  standing(run: RunId): Standing | undefined {
    return this.#onTheirWay.has(run) ? { type: 'running' } : undefined
  }

  watchStanding(run: RunId, changed: () => void, o?: WatchOptions): () => void {
    const unwatch = this.#watchers.add(run, changed, o)
    if (!this.#forgetTick) this.#tick()
    return () => {
      unwatch()
      if (this.#watchers.size > 0) return
      this.#forgetTick?.()
      this.#forgetTick = undefined
    }
  }

  /** Keeps the process from ending while somebody waits for a run, and looks by itself should nobody tell. */
  #tick(): void {
    this.#forgetTick = this.clock.alarm(this.clock.now() + TICK_MS, () => {
      this.#tick()
      this.#tell()
    })
  }

  watchStandings(see: SeeStanding): void {
    this.#see = see
  }

  close({ graceMs = 5_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    this.#unwatch?.()
    await this.#opened?.catch(() => {})
    await this.#scheduler?.stop()
    await this.#sweep?.stop()
    await Promise.allSettled([...this.#attempts.keys()].map((attempt) => attempt.drain(graceMs)))
    this.#onTheirWay.close()
    this.#forgetTick?.()
    if (this.#touched) {
      await this.#host.close({ graceMs })
      await leaveStore(this.store, this)
    }
    this.#tell()
  }

  #poke(changed: RunId | undefined): void {
    for (const [attempt, run] of this.#attempts) if (changed === undefined || changed === run) attempt.poke()
  }

  /** Whoever watches this run, or any. */
  #tell(run?: RunId): void {
    this.#onTheirWay.look(run)
    if (run === undefined) this.#watchers.tellAll()
    else this.#watchers.tell(run)
  }

  /** The feed is ahead of the store: what it showed is in the log, and on its way. */
  async blob(hash: string, run: RunId): Promise<string> {
    const here = [...this.#attempts].filter(([, of]) => of === run)
    await Promise.allSettled(here.map(([attempt]) => attempt.flushed()))
    return this.store.blob(hash, run)
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }
}

/** @throws ENGINE_UNSUPPORTED */
function refuseQueue({ name, '~flow': { options } }: AnyFlow): void {
  if (options.queue)
    throw new TuttiError('ENGINE_UNSUPPORTED', `the flow '${name}' has a queue, which only the embedded engine keeps`, {
      data: { flow: name },
      hint: 'Limit what is driven at once at the engine, or run this flow on the embedded engine.',
    })
}
