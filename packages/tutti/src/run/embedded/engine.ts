/**
 * The embedded engine: drives runs in this process over a journal store.
 *
 * Owns: which runs are driven here, giving up runs at rest, draining on shutdown.
 * Does not own: delivery (the pump), execution (the activation), storage (the store), leases and waking (the upkeep).
 * Invariants: I2 (a run is driven only under a lease), I9 (a run is driven only by the version of its flow that it began
 * with). On a crash: leases run out, and whoever opens the store next finds the runs through `due`.
 */
import type { Budget } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import type { AdmittedRun, Entry, InboxMessage, JournalStore, Lease, NewRun, OpenWait, RunForked, RunHead } from '../../journal/index.ts'
import { type Clock, encode, failpoint, newId, type RunId, systemClock } from '../../primitives/index.ts'
import type { Services } from '../core.port.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { StartOptions } from '../handle.port.ts'
import { readRun } from '../read-run.ts'
import { cancelQueued } from './cancel-queued.ts'
import { Feed } from './feed.ts'
import { beginFork, type ForkRequest } from './fork.ts'
import { LiveRun } from './live-run.ts'
import { newRun } from './new-run.ts'
import { isGone, newOwner } from './owner.ts'
import { Queues } from './queues.ts'
import { Registry } from './registry.ts'
import { forkOf, seedOf } from './seed.ts'
import type { Seed } from './seed-answers.ts'
import { type Standing, Standings } from './standings.ts'
import { isElsewhere, Upkeep } from './upkeep.ts'

export interface EmbeddedOptions {
  readonly store: JournalStore
  readonly flows: readonly AnyFlow[]
  readonly services?: Services | undefined
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
  readonly #queues: Queues
  #activating = new Map<RunId, Promise<void>>()
  #unwatch: (() => void) | undefined
  #opened: Promise<void> | undefined
  #closed = false

  constructor(o: EmbeddedOptions) {
    this.#o = o
    this.store = o.store
    this.clock = o.clock ?? systemClock
    this.registry = new Registry(o.flows)
    const { store, clock, registry, leaseMs } = this
    const takeUp = (run: RunId): Promise<void> => this.#takeUp(run)
    const common = { store, clock, registry, leaseMs, resume: o.resume !== false }
    const isLive = (run: RunId): boolean => this.#live.has(run)
    const drive = (admitted: AdmittedRun): Promise<void> => this.#goOn(admitted.head, admitted.lease, admitted.isNew)
    const failed = (run: RunId, error: unknown): void => this.#upkeep.notTakenUp(run, error)
    this.#queues = new Queues({ ...common, owner: this.#owner, isLive, drive, failed })
    this.#upkeep = new Upkeep({ ...common, standings: this.#standings, live: this.#live, queues: this.#queues, takeUp })
  }

  /** Opens the store and takes up what nobody drives. */
  open(): Promise<void> {
    if (this.#closed) return Promise.reject(new TuttiError('ENGINE_CLOSED', 'the app was closed'))
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<void> {
    await this.store.open()
    this.#unwatch = this.store.watch(() => this.#upkeep.changed())
    await this.#upkeep.begin()
  }

  /** Another engine over another store, with all else as it is here; it takes up nothing by itself. */
  beside(store: JournalStore): EmbeddedEngine {
    return new EmbeddedEngine({ ...this.#o, store, resume: false })
  }

  async start(flow: AnyFlow, input: unknown, o: StartOptions = {}): Promise<RunId> {
    await this.open()
    const now = this.clock.now()
    this.registry.add(flow)
    const made = newRun(flow, input, o, now)
    const { run, startHash } = made
    const answer = await this.#create(made, now)
    failpoint('run created, not driven', run)
    if (answer.created && this.#queues.has(flow.name)) return run
    if (answer.created) this.#drive(answer.head, flow, made.entries)
    else if (answer.head.startHash !== startHash)
      throw new TuttiError(
        'RUN_ID_TAKEN',
        `the run '${run}' exists: it is a '${answer.head.flow}', version ${answer.head.version}, and its flow, version, tenant or input is another one`,
        {
          data: { run, flow: answer.head.flow },
        },
      )
    else await this.activate(run).catch(() => {})
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
    const { head } = await this.#create(fork, now)
    failpoint('run created, not driven', fork.run)
    if (!this.#queues.has(flow.name)) this.#drive(head, flow, fork.entries, seed)
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
   * Goes on with a run, unless it has ended or is driven already.
   * @throws RUN_NOT_FOUND | CONFIG_FLOW_UNKNOWN | RUN_VERSION_MISMATCH | RUN_BUSY
   */
  async activate(run: RunId): Promise<void> {
    await this.open()
    return this.#takeUp(run)
  }

  /** As `activate`, once the store is open. */
  async #takeUp(run: RunId): Promise<void> {
    if (this.#closed) throw new TuttiError('ENGINE_CLOSED', 'the app was closed')
    if (this.#live.has(run)) return
    const already = this.#activating.get(run)
    if (already) return already
    const work = this.#activate(run).finally(() => this.#activating.delete(run))
    this.#activating.set(run, work)
    return work
  }

  async #activate(run: RunId): Promise<void> {
    const head = await this.#head(run)
    if (isEnded(head)) return
    this.registry.get(head)
    if (this.#queues.has(head.flow)) {
      this.#upkeep.keepTicking()
      return this.#queues.want(head)
    }
    const lease = await this.#acquire(head, this.clock.now())
    if (!lease)
      throw new TuttiError('RUN_BUSY', `the run '${run}' is driven by ${head.owner ?? 'another process'}`, { data: { run, owner: head.owner ?? null } })
    await this.#goOn(head, lease)
  }

  /** Drives a run whose lease was taken. @param isNew nobody has driven it yet, so there is nothing to go on with */
  async #goOn(head: RunHead, { run, epoch }: Lease, isNew = false): Promise<void> {
    failpoint('lease taken, run.resumed not written', run)
    const flow = this.registry.get(head)
    const record: Entry[] = []
    for await (const entry of this.store.read(run)) record.push(entry)
    const stalls = head.stalls + (isNew ? 0 : 1)
    if (!isNew) {
      const resumed: Entry = { seq: (record.at(-1)?.seq ?? 0) + 1, time: this.clock.now(), type: 'run.resumed', owner: this.#owner, epoch }
      await this.store.append({ run, epoch, entries: [resumed], head: { status: 'running', stalls, wakeAt: undefined, waiting: undefined } })
      failpoint('run.resumed written, run not driven', run)
      record.push(resumed)
      this.feed.show(run, { type: 'entry', entry: resumed })
    }
    this.#drive({ ...head, stalls, epoch }, flow, record, await seedOf(this.store, record))
  }

  /** The lease of a process of this machine that is gone need not run out first; should it live after all, its appends are refused (I2). */
  async #acquire(head: RunHead, now: number): Promise<Lease | undefined> {
    const lease = await this.store.acquire(head.run, this.#owner, now, now + this.leaseMs)
    if (lease || !isGone(head.owner)) return lease
    return this.store.acquire(head.run, this.#owner, Math.max(now, (head.leaseUntil ?? now) + 1), now + this.leaseMs)
  }

  /** Leaves a message for a run, whoever drives it. */
  async post(run: RunId, message: InboxMessage): Promise<'delivered' | 'duplicate' | 'early'> {
    await this.open()
    const head = await this.#head(run)
    if (isEnded(head))
      throw new TuttiError('RUN_FINISHED', `the run '${run}' has ${head.status} and takes no ${message.type}`, { data: { run, status: head.status } })
    const waits = this.#live.get(run)?.activation.openWaits() ?? head.waiting ?? []
    const answer = await this.store.post(run, message, this.clock.now())
    failpoint('signal posted, not poked', run)
    if (answer === 'duplicate') return 'duplicate'
    if (message.type === 'cancel' && head.status === 'queued' && (await this.#endQueued(head, message))) return 'delivered'
    await this.#poke(run)
    if (message.type !== 'signal') return 'delivered'
    return waits.some((wait) => (message.key === undefined ? wait.signal === message.signal : wait.key === message.key)) ? 'delivered' : 'early'
  }

  async #endQueued(head: RunHead, message: Extract<InboxMessage, { type: 'cancel' }>): Promise<boolean> {
    const entries = await cancelQueued(this.store, head, message, this.clock.now())
    for (const entry of entries ?? []) this.feed.show(head.run, { type: 'entry', entry })
    this.#standings.leave(head.run)
    return entries !== undefined
  }

  async #poke(run: RunId): Promise<void> {
    const live = this.#live.get(run)
    if (live) return live.activation.poke()
    await this.activate(run).catch((error) => {
      if (!isElsewhere(error)) throw error
    })
  }

  standing(run: RunId): Standing | undefined {
    return this.#standings.of(run)
  }

  /** Calls `changed` whenever the standing of this run changes here. */
  watchStanding(run: RunId, changed: () => void): () => void {
    this.#upkeep.keepTicking()
    return this.#standings.watch(run, changed)
  }

  grant(run: RunId, more: Budget): Promise<unknown> {
    return this.post(run, { id: newId('grant', this.clock.now()), type: 'grant', more: encode(more) })
  }

  /**
   * Stops taking work, lets what is under way finish for as long as `graceMs` (default 5,000), then gives every run up so that it can be resumed.
   */
  async close(o: { graceMs?: number } = {}): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#upkeep.stop()
    this.#unwatch?.()
    await this.#opened?.catch(() => {})
    await Promise.allSettled([this.#queues.stop(), ...this.#activating.values()])
    const lives = [...this.#live.values()]
    const finished = Promise.all(lives.map((live) => live.done))
    let late = lives.some((live) => !live.activation.resting)
    const forget = systemClock.alarm(systemClock.now() + (o.graceMs ?? 5_000), () => {
      late = false
    })
    while (late && lives.some((live) => !live.activation.over && !live.activation.resting)) await turn(5)
    forget()
    const givenUp = Promise.allSettled(lives.map((live) => live.activation.suspend('drain'))).then(() => finished)
    await within(LAST_WORD_MS, givenUp)
    if (this.#opened) await this.store.close()
    this.#standings.tell()
  }

  get closed(): boolean {
    return this.#closed
  }

  get leaseMs(): number {
    return this.#o.leaseMs ?? 10_000
  }

  #drive(head: RunHead, flow: AnyFlow, record: readonly Entry[], seed?: Seed): void {
    const { run } = head
    if (head.stalls >= (this.#o.maxStalls ?? 5)) return this.#suspendCrashLoop(head, flow, record)
    const live = new LiveRun({
      run,
      flow,
      record,
      stalls: head.stalls,
      epoch: head.epoch,
      store: this.store,
      clock: this.clock,
      services: this.#servicesOf(run, record),
      seed,
      patienceMs: this.#o.patienceMs,
      sight: (sighting) => this.feed.show(run, sighting),
      rest: (waits, wakeAt) => this.#rest(run, waits, wakeAt),
      wake: () => this.#standings.set(run, { type: 'running' }),
    })
    this.#live.set(run, live)
    this.#standings.set(run, { type: 'running' })
    this.#upkeep.keepTicking()
    live.done.then((end) => {
      if (this.#live.get(run) === live) this.#live.delete(run)
      this.#queues.left(flow.name)
      if (end.type === 'ended') this.#standings.set(run, end)
      else if (end.type === 'stopped' && end.error.code !== 'JOURNAL_FENCED') this.#standings.set(run, { type: 'stopped', error: end.error })
      else this.#standings.leave(run)
    })
  }

  #servicesOf(run: RunId, record: readonly Entry[]): Services {
    const forked = forkOf(record)
    return (forked?.retuned && this.#o.retune?.(run, forked)) ?? this.#o.services ?? new Map()
  }

  #suspendCrashLoop(head: RunHead, flow: AnyFlow, record: readonly Entry[]): void {
    const error = new TuttiError(
      'RUN_CRASH_LOOP',
      `the run '${head.run}' was activated ${head.stalls} times and got no further than entry ${record.at(-1)?.seq ?? 0}`,
      { data: { run: head.run, flow: flow.name } },
    )
    failpoint('crash loop found, not suspended', head.run)
    this.#standings.set(head.run, { type: 'stopped', error })
    const suspended: Entry = { seq: (record.at(-1)?.seq ?? 0) + 1, time: this.clock.now(), type: 'run.suspended', why: 'crash-loop', error: error.toJSON() }
    this.store.append({ run: head.run, epoch: head.epoch, entries: [suspended], head: { status: 'suspended', stalls: 0 }, release: true }).catch(() => {})
  }

  /** A run that only waits is given up after a while; its signals and timers wake it. */
  #rest(run: RunId, waits: readonly OpenWait[], wakeAt: number | undefined): void {
    const restMs = this.#o.restMs ?? 1_000
    const soon = wakeAt !== undefined && wakeAt - this.clock.now() < restMs * 2
    if (soon && waits.length === 0) return
    this.#standings.set(run, { type: 'waiting', waits })
    if (soon) return
    const live = this.#live.get(run)
    systemClock.alarm(systemClock.now() + restMs, () => {
      if (!live || this.#live.get(run) !== live || !live.activation.resting) return
      failpoint('rest decided, not suspended', run)
      live.activation.suspend('waiting').catch(() => {})
    })
  }

  async #head(run: RunId): Promise<RunHead> {
    const head = await this.store.head(run)
    if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })
    return head
  }
}

const isEnded = (head: RunHead): boolean => head.status === 'completed' || head.status === 'failed' || head.status === 'cancelled'

/** So long a store has for the last entries of the runs that are given up: one that does not answer must not keep the process from ending. */
const LAST_WORD_MS = 2_000

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let forget = (): void => {}
  const over = new Promise<void>((resolve) => {
    forget = systemClock.alarm(systemClock.now() + ms, resolve)
  })
  await Promise.race([work, over]).finally(() => forget())
}

const turn = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.alarm(systemClock.now() + ms, resolve))
