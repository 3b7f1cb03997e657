/**
 * One attempt at a run that an outside engine hosts: the engine keeps the log, this drives the run and says what is to be logged next.
 *
 * Protocol, from the engine: `recall` each group that the log holds from earlier attempts, in order; then, again and again, `next` and, once its answer is in the log,
 * `committed`. After a group with `rest` or `over: 'still'` the engine waits until it is told of a message (or for `rest.wakeAt`) before it asks again; what is
 * sent to a run that is under way is found in the store, whoever `poke`s. after `over: 'ended'` it waits for `flushed` and is done. `release` when the attempt is over.
 * Owns: the activation, the record so far. Does not own: the log, when it is called.
 * Invariants: all of `embedded/` (I1–I8), because the same activation drives the run; what is asked of the engine depends on the log alone, so that an attempt by
 * other code is judged by tutti's own rules (divergence, changes, migrations) and never by the engine's.
 */
import type { StandingBudgets } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { type Blobs, type Entry, type InboxMessage, isTerminal, type JournalStore, joinValue, type OpenWait, type RunHead } from '../../journal/index.ts'
import { type Clock, type RunId, systemClock } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { Services } from '../effect.port.ts'
import { carryOver } from '../embedded/carry-over.ts'
import { stopCrashLoop } from '../embedded/crash-loop.ts'
import { type Draft, goesFurther } from '../embedded/draft.ts'
import { LAST_WORD_MS, letFinish, within } from '../embedded/drain.ts'
import { LiveRun, type LiveRunOptions } from '../embedded/live-run.ts'
import { waitsIn } from '../embedded/open-waits.ts'
import type { Registry } from '../embedded/registry.ts'
import { seedOf } from '../embedded/seed.ts'
import { showing } from '../embedded/showing.ts'
import type { Standing } from '../embedded/standings.ts'
import { nextStand } from '../embedded/standstill.ts'
import { Suspended } from '../embedded/suspension.ts'
import type { Sighting } from '../engine.port.ts'
import type { Beat } from './beat.ts'
import type { Group, LoggedHead } from './group.port.ts'
import { LogStore } from './log-store.ts'
import { Projection } from './projection.ts'

export interface HostedRunOptions {
  readonly run: RunId
  /** The entries that the run begins with. */
  readonly first: readonly Entry[]
  /** Where the journal that others read is written. */
  readonly store: JournalStore
  readonly registry: Registry
  readonly clock: Clock
  /** This process, as the journal names it. */
  readonly owner: string
  /** What accounts that outlive the run limit. */
  readonly budgets?: StandingBudgets | undefined
  servicesOf(run: RunId, record: readonly Entry[]): Services
  sight(run: RunId, sighting: Sighting): boolean
  /** The store holds more of it than it did. */
  written(what: 'progress' | 'standing'): void
  /** When what was gathered is written. */
  readonly beat: Beat
  /** How long a run that waits is kept before the engine is told that it rests. Default 250 ms. */
  readonly restMs?: number | undefined
  /** Attempts in a row that add nothing before a run is suspended as RUN_CRASH_LOOP. Default 5. */
  readonly maxStalls?: number | undefined
  readonly patienceMs?: number | undefined
}

const REST_MS = 250
const MAX_STALLS = 5

export class HostedRun {
  readonly #o: HostedRunOptions
  readonly #log: LogStore
  readonly #projection: Projection
  readonly #record: Entry[]
  #live: LiveRun | undefined
  /** What is to be done once it is in the log that it is about to be. */
  #toStart: (() => Promise<void>) | undefined
  #begun = false
  #isNew = true
  #asked = false
  #released = false
  #forgetRest: () => void = () => {}

  constructor(o: HostedRunOptions) {
    this.#o = o
    this.#record = [...o.first]
    this.#projection = new Projection(o.store, o.run, {
      first: o.first,
      beat: o.beat,
      written: (what) => o.written(what),
      lost: (error) => this.#log.fail(error),
    })
    this.#log = new LogStore(o.store, this.#projection)
  }

  /** A group of an earlier attempt, or of this one before it came to rest. */
  recall(group: Group): void {
    this.#isNew = false
    // Whoever asked for it to go on was answered by what follows.
    this.#asked = false
    this.#log.took(group.taken ?? [])
    this.#log.recall(group.blobs ?? [])
    this.#keep(group)
  }

  /** What is to be logged next. Rejects when this attempt comes to nothing, and another is to be made. */
  next(): Promise<Group> {
    return this.#begun ? this.#log.take() : this.#begin().then((first) => first ?? this.#log.take())
  }

  /** The last answer of `next` is in the log. */
  committed(group: Group): void {
    this.#isNew = false
    this.#keep(group)
    this.#log.durable()
    if (group.over === 'still') this.#begun = false
    const start = this.#toStart
    this.#toStart = undefined
    start?.().catch((error) => this.#log.fail(error))
  }

  /** There may be something in its inbox. */
  poke(): void {
    this.#log.look()
    const live = this.#live?.activation
    if (!live || live.over) return
    const rest = this.#log.unrest()
    if (rest) this.#restSoon(rest.head?.waiting ?? [], rest.rest?.wakeAt)
    live.poke().catch((error) => live.fail(error))
  }

  /** A person asks for it to go on. */
  resume(): void {
    this.#asked = true
    const live = this.#live?.activation
    if (live && !live.over) live.goOn().catch((error) => live.fail(error))
  }

  /** The engine cancels it. Every attempt is told so in the same place of the log. */
  cancel(reason: string): void {
    this.#log.tell({ id: 'hosted/cancel', type: 'cancel', reason })
    this.poke()
  }

  /** Where the log leaves it, when that is its end. */
  get standing(): Standing | undefined {
    const last = this.#record.at(-1)
    return last && isTerminal(last) ? { type: 'ended', last } : undefined
  }

  /** Resolves once all that the log holds is in the store. */
  flushed(): Promise<void> {
    return this.#projection.flushed()
  }

  /** Lets what is under way be recorded, and begins nothing any more; then the attempt is over. A store that does not answer is not waited for longer than that. */
  async drain(graceMs: number): Promise<void> {
    if (this.#live) await letFinish([this.#live], graceMs)
    await within(Math.min(graceMs, LAST_WORD_MS), this.#projection.flushed()).catch(() => {})
    this.release(new TuttiError('ENGINE_CLOSED', 'the process that drove the run was closed'))
  }

  /** The attempt is over here; what is under way is told so. */
  release(why: unknown = new Suspended()): void {
    if (this.#released) return
    this.#released = true
    this.#forgetRest()
    this.#live?.activation.fail(why)
    this.#projection.close()
    this.#log.fail(why instanceof Suspended ? new TuttiError('ENGINE_CLOSED', 'the attempt was given up') : why)
  }

  #keep(group: Group): void {
    this.#record.push(...group.entries)
    this.#projection.add(group)
  }

  /** Answers what is to be in the log before anything is done, if there is something. */
  async #begin(): Promise<Group | undefined> {
    const { registry, clock, run } = this.#o
    const record = [...this.#record]
    const asked = this.#asked
    this.#asked = false
    const { goesOn, drafts, taken } = nextStand(record, await this.#inbox(), asked)
    const number = (added: readonly Draft[]): Entry[] =>
      added.map((draft, i) => ({ ...draft, seq: (record.at(-1)?.seq ?? 0) + 1 + i, time: clock.now() }) as Entry)
    if (!goesOn) {
      const standing: LoggedHead | undefined = drafts.length > 0 ? { status: 'suspended', wakeAt: null, waiting: (await waitsIn(record)).open } : undefined
      return { entries: number(drafts), head: standing, taken: taken.length > 0 ? taken : undefined, over: 'still' }
    }
    const head = headIn(run, record)
    const flow = registry.get(head)
    const carried = flow.version === head.version ? undefined : await carryOver(record, flow, (value) => joinValue(value, (hash) => this.#log.blob(hash, run)))
    const attempts = record.filter(({ type }) => type === 'run.resumed').length + 1
    const resumed: readonly Draft[] = this.#isNew && !carried ? [] : [{ type: 'run.resumed', owner: this.#o.owner, epoch: attempts }]
    const added = number(carried ? [...drafts, ...carried.drafts, ...resumed] : [...resumed, ...drafts])
    const stalls = this.#isNew ? 0 : stallsIn(record) + 1
    this.#begun = true
    const start = (): Promise<void> => this.#start(flow, [...record, ...added], stalls)
    if (added.length === 0) {
      await start()
      return undefined
    }
    this.#toStart = start
    const change: LoggedHead = { status: 'running', version: flow.version, stalls, wakeAt: null, waiting: null }
    return { entries: added, blobs: pairs(carried?.blobs), head: change, taken: taken.length > 0 ? taken : undefined }
  }

  /** As often as it takes: nothing is done against what somebody said. */
  async #inbox(): Promise<readonly InboxMessage[]> {
    if (!this.#isNew) this.#log.look()
    return this.#projection.persistently(() => this.#log.inbox(this.#o.run))
  }

  async #start(flow: AnyFlow, record: readonly Entry[], stalls: number): Promise<void> {
    const { run, clock, maxStalls = MAX_STALLS, patienceMs } = this.#o
    const activation = 1 + record.filter(({ type }) => type === 'run.resumed').length
    const options: LiveRunOptions = {
      ...{ run, flow, record, stalls, clock, patienceMs },
      ...{ store: this.#log, epoch: 1, leaseMs: Number.POSITIVE_INFINITY, leaseUntil: Number.POSITIVE_INFINITY },
      services: this.#o.servicesOf(run, record),
      seed: await seedOf(this.#o.store, record),
      budgets: this.#o.budgets,
      sight: showing({ run, activation, last: record.at(-1)?.seq ?? 0, parts: this.#o.store.parts, show: (sighting) => this.#o.sight(run, sighting) }),
      rest: (waits, wakeAt) => this.#restSoon(waits, wakeAt),
      wake: () => this.#unrest(),
    }
    if (this.#released) return
    if (stalls >= maxStalls) return void stopCrashLoop(options)
    const live = new LiveRun(options)
    this.#live = live
    live.done.then((end) => {
      if (end.type === 'stopped' && this.#live === live && end.error.code !== 'JOURNAL_DIVERGED') this.#log.fail(end.error)
    })
  }

  #restSoon(waits: readonly OpenWait[], wakeAt: number | undefined): void {
    this.#forgetRest()
    const ms = this.#o.restMs ?? REST_MS
    this.#forgetRest = systemClock.alarm(systemClock.now() + ms, () => {
      const live = this.#live?.activation
      if (!live || live.over) return
      // It looks into its inbox just now, say: what it takes from there need not wake it.
      if (!live.resting) return this.#restSoon(waits, wakeAt)
      const now = this.#o.clock.now()
      if (wakeAt !== undefined && wakeAt <= now + ms) return this.#restSoon(waits, wakeAt)
      this.#log.rest({ entries: [], head: { status: 'waiting', waiting: waits, wakeAt: null }, rest: { wakeAt, now } })
    })
  }

  #unrest(): void {
    this.#forgetRest()
    this.#log.unrest()
  }
}

const pairs = (blobs: Blobs | undefined): Group['blobs'] => blobs && [...blobs]

/** The version that the run is of now. */
function headIn(run: RunId, record: readonly Entry[]): Pick<RunHead, 'run' | 'flow' | 'version'> {
  const [started] = record
  if (started?.type !== 'run.started') throw new TuttiError('JOURNAL_CORRUPT', `the log of ${run} does not begin with run.started`, { data: { run } })
  const carried = record.findLast((entry) => entry.type === 'run.patched' && entry.to !== undefined)
  return { run, flow: started.flow, version: (carried?.type === 'run.patched' && carried.to) || started.version }
}

/** Attempts in a row, at the end of the record, that added nothing. */
function stallsIn(record: readonly Entry[]): number {
  let stalls = 0
  for (const entry of record.toReversed()) {
    if (entry.type === 'run.resumed') stalls++
    else if (goesFurther(entry)) break
  }
  return stalls
}
