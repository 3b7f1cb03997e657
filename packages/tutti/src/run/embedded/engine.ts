/**
 * The embedded engine: drives runs in this process over a journal store.
 *
 * Owns: which runs are driven here, giving up runs at rest, draining on shutdown.
 * Does not own: delivery (the pump), execution (the activation), storage (the store), leases and waking (the upkeep).
 * Invariants: I2 (a run is driven only under a lease), I9 (a run is driven only by the version of its flow that it began
 * with, or by one that declares how to carry it over). On a crash: leases run out, and whoever opens the store next finds the runs through `due`.
 */
import type { Budget, StandingBudgets } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import {
  type AdmittedRun,
  type Entry,
  type InboxMessage,
  type JournalStore,
  messageId,
  type NewRun,
  type OpenWait,
  type RunForked,
  type RunHead,
} from '../../journal/index.ts'
import { type Clock, encode, failpoint, type RunId, systemClock } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { Services } from '../effect.port.ts'
import type { Reception, StartOptions } from '../handle.port.ts'
import { readRun } from '../read-run.ts'
import type { Schedule } from '../schedule.ts'
import { enterStore, leaveStore } from '../store-use.ts'
import { cancelQueued } from './cancel-queued.ts'
import { stopCrashLoop } from './crash-loop.ts'
import { LAST_WORD_MS, letFinish, within } from './drain.ts'
import { Feed } from './feed.ts'
import { beginFork, type ForkRequest } from './fork.ts'
import { LiveRun, type LiveRunOptions } from './live-run.ts'
import { idTaken, newRun } from './new-run.ts'
import { newOwner } from './owner.ts'
import { Queues } from './queues.ts'
import { receptionOf } from './reception.ts'
import { Registry } from './registry.ts'
import { Scheduler } from './scheduler.ts'
import { forkOf, seedOf } from './seed.ts'
import type { Seed } from './seed-answers.ts'
import { showing } from './showing.ts'
import { type Standing, Standings } from './standings.ts'
import { type StrandedRun, strandedRuns } from './stranded.ts'
import { freeHeadOf, headOf, isEnded, leaseOf, type Occasion, type TakeUpOptions, takeUp } from './take-up.ts'
import { isElsewhere, Upkeep } from './upkeep.ts'
import type { WatchOptions } from './watchers.ts'

export interface EmbeddedOptions {
  readonly store: JournalStore
  readonly flows: readonly AnyFlow[]
  readonly services?: Services | undefined
  /** Flows that are started by the clock; without `resume` none is. */
  readonly schedules?: readonly Schedule[] | undefined
  /** What accounts that outlive runs limit. */
  readonly budgets?: StandingBudgets | undefined
  /** What a fork that asks otherwise is provided with. Default: as every run. */
  readonly retune?: ((run: RunId, forked: RunForked) => Services) | undefined
  readonly clock?: Clock | undefined
  /** Go on with unfinished runs that nobody drives, at start-up and from then on. Default true. */
  readonly resume?: boolean | undefined
  /** How long a lease lasts without being renewed. Default 10,000 ms. */
  readonly leaseMs?: number | undefined
  /** How long a run that waits stays in memory before it is given up until it is woken. Default 1,000 ms. */
  readonly restMs?: number | undefined
  /** Activations in a row that add nothing before a run is suspended as RUN_CRASH_LOOP. Default 5. */
  readonly maxStalls?: number | undefined
  readonly patienceMs?: number | undefined
}

export class EmbeddedEngine {
  readonly store: JournalStore
  readonly feed = new Feed()
  readonly registry: Registry
  readonly clock: Clock
  readonly #o: EmbeddedOptions
  readonly #owner = newOwner()
  readonly #live = new Map<RunId, LiveRun>()
  readonly #standings = new Standings()
  readonly #upkeep: Upkeep
  readonly #takeUpOptions: TakeUpOptions
  /** Runs that a person asked to go on, and that wait for their queue. */
  readonly #asked = new Set<RunId>()
  readonly #queues: Queues
  readonly #scheduler: Scheduler | undefined
  #activating = new Map<RunId, Promise<void>>()
  #unwatch: (() => void) | undefined
  #opened: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(o: EmbeddedOptions) {
    this.#o = o
    this.store = o.store
    this.clock = o.clock ?? systemClock
    this.registry = new Registry(o.flows)
    const { store, clock, registry, leaseMs } = this
    const takeUpDue = (run: RunId): Promise<void> => this.#takeUp(run, 'due')
    const common = { store, clock, registry, leaseMs, owner: this.#owner, resume: o.resume !== false }
    const isLive = (run: RunId): boolean => this.#live.has(run)
    const drive = (admitted: AdmittedRun): Promise<void> => this.#goOn(admitted, this.#asked.delete(admitted.lease.run) ? 'asked' : 'due')
    const failed = (run: RunId, error: unknown): void => this.#upkeep.notTakenUp(run, error)
    this.#takeUpOptions = common
    this.#queues = new Queues({ ...common, isLive, drive, failed, renewLate: () => this.#upkeep.renewLate() })
    const start = (flow: AnyFlow, input: unknown, how: StartOptions): Promise<RunId> => this.#start(flow, input, how)
    if (o.resume !== false) this.#scheduler = new Scheduler({ store, clock, registry, schedules: o.schedules ?? [], start })
    this.#upkeep = new Upkeep({ ...common, standings: this.#standings, live: this.#live, queues: this.#queues, takeUp: takeUpDue })
  }

  /** Opens the store and takes up what nobody drives. */
  open(): Promise<void> {
    if (this.closed) return Promise.reject(new TuttiError('ENGINE_CLOSED', 'the app was closed'))
    this.#opened ??= this.#open().catch((error) => {
      this.#unwatch?.()
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<void> {
    await enterStore(this.store, this)
    this.#unwatch = this.store.watch((run, what) => {
      if (run !== undefined && what === 'progress') return this.#standings.progressed(run)
      this.#upkeep.changed(run)
      this.#scheduler?.look().catch(() => {})
    })
    await this.#upkeep.begin()
    await this.#scheduler?.begin()
  }

  /** Another engine over another store, with all else as it is here; it takes up nothing by itself. */
  beside(store: JournalStore): EmbeddedEngine {
    return new EmbeddedEngine({ ...this.#o, store, resume: false })
  }

  async start(flow: AnyFlow, input: unknown, o: StartOptions = {}): Promise<RunId> {
    await this.open()
    return this.#start(flow, input, o)
  }

  /** As `start`, once the store is open. */
  async #start(flow: AnyFlow, input: unknown, o: StartOptions): Promise<RunId> {
    const now = this.clock.now()
    this.registry.add(flow)
    const made = newRun(flow, input, o, now)
    const { run, startHash } = made
    const { changes } = this.#upkeep
    const answer = await this.#create(made, now)
    failpoint('run created, not driven', run)
    if (answer.created && this.#queues.has(flow.name)) return run
    if (answer.created) this.#drive(answer.head, flow, made.entries, undefined, () => this.#upkeep.heed(changes))
    else if (answer.head.startHash !== startHash) throw idTaken(answer.head)
    else await this.#takeUp(run, 'due').catch(() => {})
    return run
  }

  /**
   * Starts a run that leaves the record of another at a step: what that record still answers is taken over.
   * @throws RUN_NOT_FOUND | RUN_STEP_NOT_FOUND | CONFIG_INVALID | BUDGET_INVALID
   */
  async fork(from: RunId, flow: AnyFlow, o: ForkRequest): Promise<RunId> {
    await this.open()
    const now = this.clock.now()
    const fork = beginFork(await readRun(this.store, from), flow, o, now)
    const seed = await seedOf(this.store, fork.entries)
    this.registry.add(flow)
    const { head, created } = await this.#create(fork, now)
    failpoint('run created, not driven', fork.run)
    if (created && !this.#queues.has(flow.name)) this.#drive(head, flow, fork.entries, seed)
    return fork.run
  }

  /** With the lease, or in its queue: what is let through at once is so in the same transaction. */
  #create(made: NewRun, now: number): ReturnType<JournalStore['create']> {
    if (!this.#queues.has(made.flow)) return this.store.create({ ...made, lease: { owner: this.#owner, until: now + this.leaseMs } })
    this.#upkeep.keepTicking()
    const creating = this.store.create({ ...made, head: { status: 'queued' } })
    const [started] = made.entries
    this.#queues.joined(made.flow, made.run, started?.type === 'run.started' ? started.priority : undefined)
    return creating
  }

  /**
   * Goes on with a run because a person asks for it, also with one that is suspended; one that has ended or is driven here already is left as it is.
   * @throws RUN_NOT_FOUND | CONFIG_FLOW_UNKNOWN | RUN_VERSION_MISMATCH | RUN_BUSY
   */
  async activate(run: RunId): Promise<void> {
    await this.open()
    return this.#takeUp(run, 'asked')
  }

  /** Once the store is open. */
  async #takeUp(run: RunId, occasion: Occasion): Promise<void> {
    if (this.closed) throw new TuttiError('ENGINE_CLOSED', 'the app was closed')
    const already = this.#activating.get(run)
    if (already) {
      if (occasion === 'due') return already
      await already.catch(() => {})
      return this.#takeUp(run, occasion)
    }
    const live = this.#live.get(run)
    if (live && !live.activation.over) {
      if (occasion === 'asked') await live.activation.goOn()
      return
    }
    const work = this.#activate(run, occasion, live?.done).finally(() => this.#activating.delete(run))
    this.#activating.set(run, work)
    return work
  }

  async #activate(run: RunId, occasion: Occasion, left: Promise<unknown> | undefined): Promise<void> {
    await left
    const head = await freeHeadOf(this.store, run)
    if (isEnded(head)) return
    // Any process can pause a run that nobody drives: only one that goes on needs its flow, and its turn.
    if (occasion !== 'pause') this.registry.get(head)
    if (occasion !== 'pause' && this.#queues.has(head.flow)) {
      this.#upkeep.keepTicking()
      if (occasion === 'asked') this.#asked.add(run)
      return this.#queues.want(head).catch((error) => {
        this.#asked.delete(run)
        throw error
      })
    }
    await this.#goOn({ head, lease: await leaseOf(head, this.#takeUpOptions), isNew: false }, occasion)
  }

  /** Drives a run whose lease was taken, unless it stands still. */
  async #goOn(admitted: AdmittedRun, occasion: Occasion): Promise<void> {
    const taken = await takeUp(admitted, occasion, this.#takeUpOptions)
    if (!taken) return this.#standings.leave(admitted.lease.run)
    for (const entry of taken.added) this.feed.show(taken.head.run, { type: 'entry', entry })
    this.#drive(taken.head, taken.flow, taken.record, await seedOf(this.store, taken.record))
  }

  /**
   * Leaves a message for a run, whoever drives it.
   * @throws RUN_NOT_FOUND | RUN_FINISHED
   */
  async post(run: RunId, message: InboxMessage): Promise<Reception> {
    await this.open()
    const head = await freeHeadOf(this.store, run)
    if (isEnded(head))
      throw new TuttiError('RUN_FINISHED', `the run '${run}' has ${head.status} and takes no ${message.type}`, { data: { run, status: head.status } })
    const reception = message.type === 'signal' ? await receptionOf(message, this.#openWaits(head), () => this.store.read(run)) : 'delivered'
    if (reception === 'late' || reception === 'duplicate') return reception
    const answer = await this.store.post(run, message, this.clock.now())
    failpoint('signal posted, not poked', run)
    if (answer === 'duplicate') return 'duplicate'
    if (message.type === 'cancel' && head.status === 'queued' && (await this.#endQueued(head, message))) return 'delivered'
    await this.#poke(head, message.type)
    return reception
  }

  /** What it waits for, as far as that is known without reading its record. */
  #openWaits({ run, waiting }: RunHead): readonly OpenWait[] {
    return this.#live.get(run)?.openWaits() ?? waiting ?? []
  }

  async #endQueued(head: RunHead, message: Extract<InboxMessage, { type: 'cancel' }>): Promise<boolean> {
    const entries = await cancelQueued(this.store, head, message, this.clock.now())
    for (const entry of entries ?? []) this.feed.show(head.run, { type: 'entry', entry })
    this.#standings.leave(head.run)
    return entries !== undefined
  }

  /** A suspended run waits for a person; of all messages only one that ends it moves it. */
  async #poke({ run, status }: RunHead, type: InboxMessage['type']): Promise<void> {
    const live = this.#live.get(run)
    if (live && !live.activation.over) return live.activation.poke()
    if (status === 'suspended' && type !== 'cancel') return
    await this.#takeUp(run, type === 'pause' ? 'pause' : 'due').catch((error) => {
      if (!isElsewhere(error)) throw error
    })
  }

  /**
   * Lets a run stand still until a person goes on with it or cancels it: nothing new begins, and once what is under way is recorded it is suspended. One that
   * stands still already is left as it is. @throws RUN_NOT_FOUND | RUN_FINISHED
   */
  async pause(run: RunId, reason: string): Promise<void> {
    await this.open()
    if ((await headOf(this.store, run)).status === 'suspended') return
    await this.post(run, { id: messageId(), type: 'pause', reason })
  }

  async stranded(): Promise<readonly StrandedRun[]> {
    await this.open()
    return strandedRuns(this.store, this.registry)
  }

  standing(run: RunId): Standing | undefined {
    return this.#standings.of(run)
  }

  /** Calls `changed` whenever the standing of this run changes here. */
  watchStanding(run: RunId, changed: () => void, o?: WatchOptions): () => void {
    this.#upkeep.keepTicking()
    return this.#standings.watch(run, changed, o)
  }

  /** Tells of every run that is driven here: `undefined` when it was let go. */
  watchStandings(see: (run: RunId, standing: Standing | undefined, flow: string | undefined) => void): void {
    this.#standings.watchAll = (run, standing) => see(run, standing, this.#live.get(run)?.flow.name)
  }

  grant(run: RunId, more: Budget): Promise<unknown> {
    return this.post(run, { id: messageId(), type: 'grant', more: encode(more) })
  }

  /**
   * Stops taking work, lets what is under way finish for as long as `graceMs` (default 5,000), then gives every run up so that it can be resumed. For half of
   * that time runs go on, and may end; then no step begins any more, so that none is cut off that does not take longer.
   */
  close(o: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(o.graceMs ?? 5_000)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    this.#upkeep.stop()
    this.#unwatch?.()
    await this.#opened?.catch(() => {})
    await Promise.allSettled([this.#scheduler?.stop(), this.#queues.stop(), ...this.#activating.values()])
    const lives = [...this.#live.values()]
    const finished = Promise.all(lives.map((live) => live.done))
    await letFinish(lives, graceMs)
    const givenUp = Promise.allSettled(lives.map((live) => live.activation.suspend('drain'))).then(() => finished)
    await within(LAST_WORD_MS, givenUp)
    await leaveStore(this.store, this)
    this.#standings.tell()
  }

  blob(hash: string, run: RunId): Promise<string> {
    return this.store.blob(hash, run)
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  get leaseMs(): number {
    return this.#o.leaseMs ?? 10_000
  }

  #drive(head: RunHead, flow: AnyFlow, record: readonly Entry[], seed?: Seed, heed?: () => void): void {
    const { run, stalls, epoch } = head
    const { store, clock, leaseMs } = this
    const o: LiveRunOptions = {
      ...{ run, flow, record, stalls, epoch, store, clock, leaseMs },
      leaseUntil: head.leaseUntil ?? clock.now() + leaseMs,
      services: this.#servicesOf(run, record),
      ...{ seed, heed, budgets: this.#o.budgets, patienceMs: this.#o.patienceMs },
      sight: showing({ run, activation: epoch, last: record.at(-1)?.seq ?? 0, parts: store.parts, show: (sighting) => this.feed.show(run, sighting) }),
      rest: (waits, wakeAt) => this.#rest(run, waits, wakeAt),
      wake: () => this.#standings.set(run, { type: 'running' }),
    }
    if (stalls >= (this.#o.maxStalls ?? 5)) return void stopCrashLoop(o).then((standing) => this.#standings.set(run, standing))
    const live = new LiveRun(o)
    this.#live.set(run, live)
    this.#standings.set(run, { type: 'running' })
    this.#upkeep.keepTicking()
    live.done.then((end) => {
      if (this.#live.get(run) === live) this.#live.delete(run)
      this.#queues.left(flow.name)
      this.#scheduler?.left()
      if (end.type === 'ended') this.#standings.set(run, end)
      else if (end.type === 'stopped' && end.error.code !== 'JOURNAL_FENCED') this.#standings.set(run, { type: 'stopped', error: end.error })
      else this.#standings.leave(run)
    })
  }

  #servicesOf(run: RunId, record: readonly Entry[]): Services {
    const forked = forkOf(record)
    return (forked?.retuned && this.#o.retune?.(run, forked)) ?? this.#o.services ?? new Map()
  }

  /** A run that only waits is given up after a while; its signals and timers wake it. */
  #rest(run: RunId, waits: readonly OpenWait[], wakeAt: number | undefined): void {
    const restMs = this.#o.restMs ?? 1_000
    const soon = wakeAt !== undefined && wakeAt - this.clock.now() < restMs * 2
    if (soon && waits.length === 0) return
    this.#standings.set(run, { type: 'waiting', waits })
    if (soon) return
    const live = this.#live.get(run)
    if (live) this.#giveUpIn(restMs, live, run)
  }

  /** What it takes from its inbox meanwhile need not wake it: it is looked at again. */
  #giveUpIn(restMs: number, live: LiveRun, run: RunId): void {
    systemClock.alarm(systemClock.now() + restMs, () => {
      if (this.#live.get(run) !== live || this.#standings.of(run)?.type !== 'waiting') return
      if (!live.activation.resting) return this.#giveUpIn(restMs, live, run)
      failpoint('rest decided, not suspended', run)
      live.activation.suspend('waiting').catch(() => {})
    })
  }
}
