/**
 * One activation of a run in this process: it executes what the pump submits, appends the outcomes, and hands them back once they are durable.
 *
 * Owns: the next `seq`, the ledger, timers and waits of the run, the queue of outcomes that are durable and not yet delivered.
 * Does not own: the order in which the flow sees them (the pump's), the lease (the engine's).
 * Invariants: I1 (an outcome is queued once `append` resolved), I2 (every append carries the lease's epoch), I6 (a failing append ends it), I7, I8 (`effect.ts`).
 * On a crash: timers, waits and open attempts are read again from the journal by the next activation.
 */
import type { Amounts, Budget, Ledger, Refusal, Usage } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { type Blobs, type Commit, type Entry, isBlobRef, type RunStarted, type Value } from '../../journal/index.ts'
import { type Clock, failpoint, type Json, type RunId, SparseMap } from '../../primitives/index.ts'
import { carriedRecord } from '../carried-record.ts'
import type { Activation, EffectOp, Op, OutcomeTaker, RunResult, TimerOp, WaitOp } from '../engine.port.ts'
import { isOutcome } from '../record.ts'
import type { ActivationOptions } from './activation.port.ts'
import { activeMsOf } from './active-time.ts'
import { Alarms } from './alarms.ts'
import { BudgetRoom } from './budget-room.ts'
import { type Draft, goesFurther, noteDraft, terminalDraft, timerDraft, waitDraft } from './draft.ts'
import { DurableOutcomes } from './durable-outcomes.ts'
import { driveEffect } from './effect.ts'
import { Exhaustions } from './exhaustion.ts'
import type { Beside, Doubt, PriorAttempts, RunGround, Verdict } from './ground.port.ts'
import { Inbox } from './inbox.ts'
import { restsFor } from './open-waits.ts'
import { OwnLease } from './own-lease.ts'
import { Pause } from './pause.ts'
import { priorAttempts } from './prior-attempts.ts'
import { ledgerOf } from './restored-ledger.ts'
import { StandingHolds } from './standing-holds.ts'
import { finished, Suspended, suspensionOf } from './suspension.ts'
import { UnderWay } from './under-way.ts'
import { givenUp } from './undo-fate.ts'

export class EmbeddedActivation implements Activation, RunGround {
  readonly started: RunStarted & { readonly time: number }
  readonly record: readonly Entry[]
  readonly ledger: Ledger
  readonly standing: StandingHolds
  readonly run: RunId
  readonly epoch: number
  readonly clock: Clock
  readonly priors: SparseMap<string, PriorAttempts>
  readonly waits = new SparseMap<string, WaitOp>()
  /** Effects whose doubt waits for a person, by key. */
  readonly doubts = new SparseMap<string, Doubt>()
  readonly room: BudgetRoom
  readonly decisions = new SparseMap<string, Promise<void>>()
  /** When this activation, or the run itself, began (epoch ms). */
  readonly resumedAt: number
  readonly sight: ActivationOptions['sight']
  readonly pause: Pause
  readonly lease: OwnLease
  readonly #o: ActivationOptions
  readonly #inbox: Inbox
  readonly #alarms: Alarms
  readonly #exhaustions: Exhaustions
  readonly underWay: UnderWay
  /** The entry that ended the run, once it is durable. */
  last: Entry | undefined
  readonly #outcomes = new DurableOutcomes()
  #over: { error: unknown } | undefined
  #parting: Promise<unknown> = Promise.resolve()
  #seq: number
  #stalls: number
  #rested = false
  /** The pump has delivered the whole record and asks for more. */
  #live = false

  constructor(o: ActivationOptions) {
    const { present, whole } = carriedRecord(o.record)
    const first = present[0]
    if (first?.type !== 'run.started') throw new TuttiError('JOURNAL_CORRUPT', `the journal of ${o.run} does not begin with run.started`)
    this.#o = o
    this.run = o.run
    this.epoch = o.epoch
    this.clock = o.clock
    this.sight = o.sight
    this.lease = new OwnLease(o)
    this.started = first
    this.record = present
    this.resumedAt = o.record.findLast(({ type }) => type === 'run.resumed')?.time ?? first.time
    this.#seq = (o.record.at(-1)?.seq ?? 0) + 1
    this.#stalls = o.stalls
    this.ledger = ledgerOf(first.budget, whole)
    this.standing = new StandingHolds(o.budgets, first, whole)
    this.#exhaustions = new Exhaustions(whole)
    this.room = new BudgetRoom(present)
    this.priors = priorAttempts(present)
    this.#inbox = new Inbox(this, o.store, whole)
    this.underWay = new UnderWay(o.clock)
    this.pause = new Pause(o.clock, () => this.#pauseSoon())
    this.#alarms = new Alarms(o.clock, present, (key) => this.#ring(key))
  }

  /** Resolves once a suspension is durable, or has failed. */
  get parting(): Promise<unknown> {
    return this.#parting.catch(() => {})
  }

  get over(): boolean {
    return this.#over !== undefined
  }

  submit(op: Op): void {
    if (this.#over || this.pause.hold(op.key, () => this.submit(op))) return
    switch (op.op) {
      case 'effect':
        return driveEffect(this, op)
      case 'timer':
        return this.#setTimer(op)
      case 'wait':
        return this.#await(op)
      case 'note': {
        const { draft, blobs } = noteDraft(op)
        return this.#appendSafely([draft], blobs)
      }
      case 'mark':
        return this.#appendSafely([{ type: 'run.patched', id: op.id, scope: op.scope }])
    }
  }

  identityOf(op: EffectOp): string {
    return this.#o.seed?.identityOf?.(op) ?? op.key
  }

  /** The record of this very run knows of it already, so no seed speaks for it. */
  knows(key: string): boolean {
    return this.priors.has(key) || this.#alarms.recorded(key) !== undefined
  }

  /** The record is delivered: from here on the run takes what others sent, and its deadline counts. */
  open(): void {
    if (this.#live) return
    this.#live = true
    this.#alarms.setDeadline(this.started.deadline)
    if (this.#o.heed) this.#o.heed()
    else this.poke().catch((error) => this.fail(error))
  }

  isSent(signal: string): boolean {
    return this.#inbox.isEarly(signal)
  }

  abandon(key: string): void {
    this.answered(key)
    this.doubts.delete(key)
    this.room.forget(key)
    this.pause.forget(key)
  }

  next(taker: OutcomeTaker): void {
    if (!this.#o.seed) this.open()
    const ready = this.#outcomes.take()
    if (ready) return taker.take(ready)
    if (this.#over) return taker.fail(this.#over.error)
    this.#restSoon()
    this.#outcomes.wait(taker)
  }

  load(value: Value): Json | Promise<Json> {
    return isBlobRef(value) ? this.#outcomes.load(value, (hash) => this.#o.store.blob(hash, this.run)) : value
  }

  openAccount(path: string, budget: unknown): void {
    this.ledger.open(path, budget as Budget)
  }

  left(draws: readonly string[]): Partial<Record<string, number>> {
    return this.standing.limit(this.ledger.left(draws))
  }

  refusal(draws: readonly string[], worst: Amounts): Refusal | undefined {
    return this.ledger.refusal(draws, worst)
  }

  /** @param before what is said before the end, in the same transaction */
  async end(result: RunResult, before: readonly Draft[] = []): Promise<void> {
    this.#finish(finished)
    if (this.standing.undecided) await this.standing.undecided
    for (const [token] of this.ledger.unsettled()) this.ledger.settle(token)
    const usage = this.usage()
    const { draft, blobs } = terminalDraft(result, usage)
    failpoint('terminal entry built, not durable', this.run)
    const written = await this.#write([...before, draft], { head: { status: result.status, wakeAt: undefined, waiting: undefined }, blobs, release: true })
    failpoint('terminal entry durable, caller not told', this.run)
    this.last = written.at(-1)
  }

  /** One that was given up since it broke ends, for it can do nothing else. */
  async stop(error: TuttiError): Promise<void> {
    const end = givenUp(this.#o.record)
    if (end) return this.end(end.result, end.before)
    this.#finish(error)
    failpoint('divergence found, not suspended', this.run)
    await this.#write([{ type: 'run.suspended', why: error.code === 'RUN_CRASH_LOOP' ? 'crash-loop' : 'diverged', error: error.toJSON() }], {
      head: { status: 'suspended' },
      release: true,
    })
  }

  /** Withdraws a pause that has not come about yet. */
  async goOn(): Promise<void> {
    const { asked } = this.pause
    if (!asked || this.#over) return
    await this.append([], { taken: asked.taken })
    this.pause.withdraw()
  }

  /** Gives the run up so that it can be activated again, here or elsewhere; one that is being paused, only when a person asks for it. */
  async suspend(why: 'waiting' | 'drain'): Promise<void> {
    if (this.#over) return
    const busy = this.underWay.count > 0 || this.pause.holds
    const rest = { waiting: restsFor(this), wakeAt: this.#alarms.earliest, busy, useless: this.#inbox.useless() }
    this.#finish(new Suspended())
    const { draft, beside } = suspensionOf(why, this.pause.asked, rest)
    this.#parting = this.#write([draft], beside)
    await this.#parting
    failpoint('suspension written, run not let go', this.run)
  }

  /** Ends the activation at once: the lease is lost, or the store fails. */
  fail(error: unknown): void {
    this.#finish(error)
  }

  /** Takes what others sent; before the record is delivered nothing could wait for it yet. */
  poke(): Promise<void> {
    if (!this.#live || this.#over) return Promise.resolve()
    this.begin()
    return this.#inbox.take().finally(() => this.finish())
  }

  usage(): Usage {
    const { microUsd, ...counts } = this.ledger.spent()
    return { usd: microUsd / 1_000_000, ...counts, activeMs: activeMsOf(this.#o.record) + this.underWay.spentMs, ...this.#exhaustions.inUsage }
  }

  /** Appends entries and, once they are durable, queues those that are outcomes. */
  append(drafts: readonly Draft[], o: Beside = {}): Promise<void> {
    if (this.#over) return Promise.reject(this.#over.error)
    this.begin()
    const commit = this.#number(drafts, o)
    return this.standing.asking(this.#o.store.append(commit), o.otherwise).then(
      (line) => this.#appended(line, commit, o),
      (error) => {
        this.#finish(error)
        this.finish()
        throw error
      },
    )
  }

  #appended(line: string | undefined, commit: Commit, o: Beside): void {
    failpoint('outcome recorded, not delivered', this.run)
    const entries = line === undefined ? commit.entries : this.standing.refused(line, commit, o.otherwise)
    this.#show(entries)
    for (const entry of entries.filter(isOutcome)) {
      this.#wake()
      this.#outcomes.add(entry, o.blobs)
    }
    this.finish()
  }

  /** Appends what nobody waits for in this activation. */
  async #write(drafts: readonly Draft[], o: Beside): Promise<readonly Entry[]> {
    const commit = this.#number(drafts, o)
    await this.#o.store.append(commit)
    this.#show(commit.entries)
    return commit.entries
  }

  #number(drafts: readonly Draft[], { head, blobs, taken, release, otherwise }: Beside): Commit {
    const time = this.clock.now()
    // The spread comes first: V8 copies it as a whole, where it would otherwise go field by field.
    const entries: Entry[] = []
    for (const draft of drafts) entries.push({ ...draft, seq: this.#seq++, time } as Entry)
    const goesOn = this.#stalls > 0 && drafts.some(goesFurther)
    if (goesOn) this.#stalls = 0
    const standing = this.standing.changeFor(entries, otherwise?.instead)
    return { run: this.run, epoch: this.#o.epoch, entries, head: goesOn ? { ...head, stalls: 0 } : head, blobs, taken, release, standing }
  }

  #show(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#exhaustions.see(entry)
      this.sight({ type: 'entry', entry })
    }
  }

  #wake(): void {
    if (!this.#rested) return
    this.#rested = false
    this.#o.wake()
  }

  #finish(error: unknown): void {
    if (this.#over) return
    this.#over = { error }
    this.#alarms.forgetAll()
    this.#outcomes.fail(error)
  }

  /** Something is under way that will bring an outcome. */
  begin(): void {
    this.underWay.begin()
  }

  finish(): void {
    this.underWay.finish()
    if (this.#outcomes.awaited) this.#restSoon()
  }

  /** One that rests is to stand still instead. */
  #pauseSoon(): void {
    if (this.pause.asked) this.#wake()
    this.#restSoon()
  }

  #restSoon(): void {
    const mayRest = this.underWay.count === 0 && this.#waitsForOthers
    if (!mayRest && !this.#mayPause) return
    setImmediate(() => {
      if (this.#mayPause && this.#outcomes.awaited) this.suspend('waiting').catch(() => {})
      if (!this.resting || this.#rested) return
      this.#rested = true
      this.#o.rest(restsFor(this), this.#alarms.earliest)
    })
  }

  /** Nothing under way but waits and timers: it may be given up until one of them comes. */
  get resting(): boolean {
    return !this.#over && this.underWay.count === 0 && this.#outcomes.awaited && this.#waitsForOthers
  }

  get #waitsForOthers(): boolean {
    return this.waits.size > 0 || this.doubts.size > 0 || this.room.size > 0 || this.#alarms.size > 0
  }

  get #mayPause(): boolean {
    return !this.#over && this.pause.asked !== undefined && this.underWay.count === this.pause.asleep
  }

  #setTimer(op: TimerOp): void {
    const recorded = this.#alarms.recorded(op.key)
    this.#alarms.set(op.key, recorded ?? op.fireAt)
    if (recorded === undefined) this.#appendSafely([timerDraft(op)])
  }

  #await(op: WaitOp): void {
    const recorded = this.#alarms.recorded(op.key)
    const until = recorded ?? op.until
    this.waits.set(op.key, op)
    if (until !== undefined && Number.isFinite(until)) this.#alarms.set(op.key, until)
    if (recorded === undefined) this.#appendSafely([waitDraft(op)])
    this.#inbox.offerEarly(op)
  }

  #ring(key: string): void {
    this.waits.delete(key)
    failpoint('timer due, timer.fired not written', this.run, key)
    this.#appendSafely([{ type: 'timer.fired', key }])
  }

  /** What a person says of an effect in doubt; the run may rest until then. */
  async doubt(key: string, data: Doubt['data']): Promise<Verdict> {
    const verdict = await this.#restUntil(new Promise<Verdict>((resolve) => this.doubts.set(key, { data, resolve })))
    this.doubts.delete(key)
    return verdict
  }

  async untilRoom(key: string, refusal: Refusal): Promise<void> {
    const changed = this.room.wait(key, refusal)
    const asks = this.room.ask(key, refusal)
    if (asks) await this.append([asks])
    await this.#restUntil(changed)
  }

  /** Nothing is done for this until others have said something. */
  async #restUntil<T>(said: Promise<T>): Promise<T> {
    this.finish()
    this.poke().catch((error) => this.fail(error))
    const word = await said
    this.begin()
    this.#wake()
    return word
  }

  /** A wait is answered: nothing else may answer it. */
  answered(key: string): void {
    this.waits.delete(key)
    this.#alarms.forget(key)
  }

  /** A failed append has already ended the activation, and whoever waits hears of it through `next`. */
  #appendSafely(drafts: readonly Draft[], blobs?: Blobs | undefined): void {
    this.append(drafts, { blobs }).catch(() => {})
  }
}
