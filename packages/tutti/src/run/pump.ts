/**
 * The pump of one activation: it takes what the flow asks, compares it with the record, and delivers outcomes one at a time.
 *
 * Owns: the asks of the run, the cursor in its record, the time the flow sees. Does not own: execution and storage (the activation's),
 * what the outcomes mean (the flow's).
 * Protocol: flow → `ask` → pump → `submit` → activation; activation → `next` → pump → `deliver` → flow.
 * Invariants: I3 (what the record answers is never submitted), I4 (one outcome, then all microtasks, then the next, in journal order, live and
 * on replay by the same code), I5 (divergence is found before anything executes).
 * On a crash nothing here is lost, because nothing here is the truth: the next activation rebuilds it from the journal.
 */
import { rebuildError, TuttiError } from '../errors/index.ts'
import { type Clock, type Json, SparseMap } from '../primitives/index.ts'
import { Ask } from './ask.ts'
import { goesOnAfter, markOf } from './change.ts'
import { DEADLINE_KEY } from './deadline.ts'
import { Divergence } from './divergence.ts'
import type { Activation, AskOp, EffectOp, MarkOp, Outcome, OutcomeTaker } from './engine.port.ts'
import { placeOf, RunRecord } from './record.ts'
import type { RunScope } from './scope.ts'

/** Replay lets the event loop turn after so many entries. */
const YIELD_EVERY = 256

export interface PumpOptions {
  readonly clock: Clock
  /** How long a recorded key may stay unasked before the run counts as diverged. Default 5,000 ms. */
  readonly patienceMs?: number | undefined
}

export type FlowEnd = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly error: unknown }

export class Pump implements OutcomeTaker {
  /** Epoch ms of the last delivered entry. */
  time: number
  /** What a failing run had reached: the value delivered last, or what a call made of it since. */
  reached: Json | (() => Json | undefined) | undefined
  /** What a composition had when it failed, told until something else comes: more than the last value alone. */
  gathered: Json | undefined
  /** The steps asked for that can be undone, by key, whatever became of them. */
  readonly undoable = new SparseMap<string, EffectOp>()
  readonly #activation: Activation
  readonly #record: RunRecord
  readonly #divergence: Divergence
  readonly #options: PumpOptions
  readonly #asks = new Map<string, Ask>()
  readonly #scopes = new Set<RunScope>()
  #parked: Ask[] = []
  /** Of changes that are decided before the whole record is delivered. */
  #marks: MarkOp[] = []
  #cursor = 0
  #live = false
  #over = false
  #cancelled: TuttiError | undefined
  #waitingFor: { key: string; go: () => void } | undefined
  #forgetPatience: () => void = () => {}
  /** Rejects what `drive` answered: the run cannot go on here (diverged, fenced, suspended). */
  #stop: (error: unknown) => void = () => {}

  constructor(activation: Activation, options: PumpOptions) {
    this.#activation = activation
    this.#record = new RunRecord(activation.record)
    this.#divergence = new Divergence(this.#record)
    this.#options = options
    this.time = activation.started.time
  }

  get activation(): Activation {
    return this.#activation
  }

  openScope(scope: RunScope): void {
    this.#scopes.add(scope)
    if (!this.#live && !this.#over) this.#orStop(() => this.#divergence.checkScope(scope))
  }

  /** Its code failed: nobody can take what is still under way in it, so that is not done, and not paid, to the end. */
  failScope(scope: RunScope): void {
    if (this.#over || scope.abort.aborted) return
    this.cancelScope(scope, new TuttiError('RUN_CANCELLED', `'${scope.key}' failed, so what was under way in it is not needed`))
  }

  closeScope(scope: RunScope): void {
    scope.closed = true
    this.#scopes.delete(scope)
  }

  /** Takes an ask. What it answers to is known before anything executes. */
  ask(scope: RunScope, key: string, make: (ask: Ask) => AskOp, tunable?: string): Ask {
    const ask = new Ask(scope, key)
    if (this.#over) return ask
    if (this.#cancelled || scope.abort.aborted) {
      ask.cancel(this.#cancelled ?? (scope.abort.signal.reason as TuttiError))
      return ask
    }
    const op = make(ask)
    ask.op = op
    if (op.op === 'effect' && op.spec.undo) this.undoable.set(key, op)
    if (op.op !== 'note') this.#asks.set(key, ask)
    if (this.#live) this.#activation.submit(op)
    else this.#compare(ask, op, tunable)
    return ask
  }

  /** Whether code that was put in later goes its new way here. */
  changed(scope: RunScope, id: string): boolean {
    const decided = scope.changes?.get(id)
    if (decided !== undefined) return decided
    const mark = markOf(scope, id)
    const isMarked = this.#record.marked(mark.scope, id)
    const isNew = isMarked || this.#live || !goesOnAfter(this.#record, scope)
    scope.changes = (scope.changes ?? new Map()).set(id, isNew)
    if (isNew && !isMarked && !this.#over) this.#mark(mark)
    return isNew
  }

  /**
   * Whether something was sent that is to be taken at the next place of this scope: what the record says of that place; after it, what has come. Right after a restart,
   * before the record is delivered, nothing is: what came meanwhile is there at the next place.
   */
  isSent(scope: RunScope, signal: string, fingerprintOf: (signal: string) => string): boolean {
    if (this.#over || this.#cancelled || scope.abort.aborted) return false
    if (this.#live) return this.#activation.isSent(signal, () => ({ key: scope.peek(signal).key, fingerprint: fingerprintOf(signal) }))
    const { key, at } = scope.peek(signal)
    return this.#record.byAt(placeOf(at))?.key === key
  }

  #mark(mark: MarkOp): void {
    if (this.#live) this.#activation.submit(mark)
    else this.#marks.push(mark)
  }

  /** What the record says of an ask; without an answer there, it waits until the whole record is delivered. */
  #compare(ask: Ask, op: AskOp, tunable: string | undefined): void {
    const recorded = this.#record.byKey(ask.key)
    if (!this.#orStop(() => this.#divergence.check(op, recorded, ask.scope))) return
    if (recorded && tunable !== undefined) this.#divergence.compareTunable(op, recorded, tunable)
    if (op.op === 'note' ? !recorded : !recorded?.answered) this.#parked.push(ask)
    if (this.#waitingFor?.key === ask.key) this.#waitingFor.go()
  }

  #orStop(check: () => void): boolean {
    try {
      check()
      return true
    } catch (error) {
      this.stop(error)
      return false
    }
  }

  /** Drives the run until its flow has ended. @param begin begins it */
  drive(begin: () => Promise<Json>): Promise<FlowEnd> {
    return new Promise((resolve, reject) => {
      this.#stop = reject
      begin()
        .then(
          (value) => this.#ended({ ok: true, value }, resolve),
          (error) => this.#ended({ ok: false, error }, resolve),
        )
        .catch((error) => this.stop(error))
      this.#deliverAll().catch((error) => this.stop(error))
    })
  }

  #ended(end: FlowEnd, tell: (end: FlowEnd) => void): void {
    if (this.#over) return
    const left = this.#live ? undefined : this.#divergence.leftBehind(this.#scopes)
    if (left) return this.stop(left)
    this.#writeParkedNotes()
    this.#over = true
    this.#forgetPatience()
    this.#abortAsks(undefined)
    tell(end)
  }

  /** A flow that ended together with its record said these on its way out. */
  #writeParkedNotes(): void {
    if (this.#record.ended) return
    for (const mark of this.#marks) this.#activation.submit(mark)
    for (const { op } of this.#parked) if (op?.op === 'note') this.#activation.submit(op)
  }

  /** Nobody in the flow waits for these any more. */
  cancel(asks: Iterable<Ask>, reason: TuttiError): void {
    for (const ask of asks) {
      if (ask.settled) continue
      ask.cancel(reason)
      this.#activation.abandon(ask.key)
    }
  }

  /** Cancels all that is under way in a scope and below it. */
  cancelScope(scope: RunScope, reason: TuttiError): void {
    for (const open of this.#scopes) if (scope.holds(open)) open.abort.abort(reason)
    scope.abort.abort(reason)
    this.cancel(
      [...this.#asks.values()].filter((ask) => scope.holds(ask.scope)),
      reason,
    )
  }

  stop(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#forgetPatience()
    this.#abortAsks(error)
    this.#stop(error)
  }

  /** Tells the work that is still under way that nobody waits for it. */
  #abortAsks(why: unknown): void {
    if (this.#asks.size === 0) return
    const reason = TuttiError.is(why) ? why : new TuttiError('RUN_CANCELLED', 'the run has ended, or goes on elsewhere')
    for (const ask of this.#asks.values()) if (!ask.settled) ask.abort(reason)
  }

  async #deliverAll(): Promise<void> {
    await drained()
    while (this.#cursor < this.#record.outcomes.length) {
      const outcome = this.#record.outcomes[this.#cursor] as Outcome
      const unasked = this.#unasked(outcome)
      if (unasked !== undefined) await this.#untilAsked(unasked)
      if (this.#over) return
      this.#cursor++
      const loading = this.#release(outcome)
      if (loading) await loading
      await ticked()
      if (this.#cursor % YIELD_EVERY === 0) await turned()
    }
    for (const { key } of this.#record.asks()) {
      if (this.#over) return
      if (!this.#divergence.wasAsked(key)) await this.#untilAsked(key)
    }
    if (this.#over) return
    this.#goLive()
    if (this.#record.ended) return this.#failWhenStalled()
    this.#askForNext()
  }

  readonly #askForNext = (): void => {
    if (!this.#over) this.#activation.next(this)
  }

  readonly #askOnceDrained = (): void => process.nextTick(this.#askForNext)

  /** What came of something that the flow asked for; the next is taken after every microtask that this sets off. */
  take(outcome: Outcome): void {
    if (this.#over) return
    const delivered = this.#deliverSafely(outcome)
    if (delivered instanceof Promise) delivered.then(this.#askOnceDrained, (error) => this.stop(error))
    else settled.then(this.#askOnceDrained)
  }

  fail(error: unknown): void {
    this.stop(error)
  }

  #goLive(): void {
    if (this.#record.ended) return
    this.#live = true
    const parked = this.#parked
    this.#parked = []
    for (const mark of this.#marks.splice(0)) this.#activation.submit(mark)
    for (const note of this.#divergence.retuned) this.#activation.submit(note)
    for (const ask of parked) if (!ask.settled && ask.op) this.#activation.submit(ask.op)
  }

  /** Delivers one outcome, at once unless its value has to be fetched. */
  #release(outcome: Outcome): Promise<void> | undefined {
    const stored = 'value' in outcome ? outcome.value : undefined
    const loaded = stored === undefined ? undefined : this.#activation.load(stored)
    if (loaded instanceof Promise) return loaded.then((value) => this.#deliver(outcome, value))
    this.#deliver(outcome, loaded)
    return undefined
  }

  /** What goes wrong is not the fault of whoever brings the outcome. */
  #deliverSafely(outcome: Outcome): Promise<void> | undefined {
    try {
      return this.#release(outcome)
    } catch (error) {
      this.stop(error)
      return undefined
    }
  }

  #deliver(outcome: Outcome, value: Json | undefined): void {
    this.time = ('reused' in outcome ? outcome.reused?.time : undefined) ?? outcome.time
    this.gathered = undefined
    if (outcome.type === 'run.cancelling') return this.#cancelRun(new TuttiError('RUN_CANCELLED', outcome.reason))
    if (outcome.type === 'timer.fired' && outcome.key.endsWith(DEADLINE_KEY)) return this.#passDeadline(outcome.key)
    const key = outcome.key as string
    const ask = this.#asks.get(key)
    if (outcome.type === 'step.completed' && value !== undefined) this.#reach(value, ask)
    this.#asks.delete(key)
    if (!this.#live) this.#divergence.delivered(key)
    ask?.deliver(outcome, value)
    // A bound that does not hold bounds nothing any more: whatever the flow makes of it, the run is over.
    if (outcome.type === 'step.failed' && outcome.error.code === 'BUDGET_OVERRUN') this.#cancelRun(rebuildError(outcome.error))
  }

  #reach(value: Json, ask: Ask | undefined): void {
    const spec = ask?.op?.op === 'effect' ? ask.op.spec : undefined
    const reached = spec?.reached ? spec.reached(value) : value
    if (reached !== undefined) this.reached = reached
  }

  #passDeadline(key: string): void {
    const error = new TuttiError('RUN_DEADLINE_EXCEEDED', `the deadline passed at ${new Date(this.time).toISOString()}`)
    if (key === DEADLINE_KEY) return this.#cancelRun(error)
    for (const scope of this.#scopes) if (`${scope.key}/${DEADLINE_KEY}` === key) this.cancelScope(scope, error)
  }

  #cancelRun(error: TuttiError): void {
    this.#cancelled ??= error
    for (const scope of this.#scopes) scope.abort.abort(error)
    this.cancel(this.#asks.values(), error)
  }

  /** Why the run was cancelled, or what ended it whatever its flow does, once it was. */
  get cancelled(): TuttiError | undefined {
    return this.#cancelled
  }

  /** The key of an outcome that the flow has not asked for yet. */
  #unasked(outcome: Outcome): string | undefined {
    const key = 'key' in outcome ? outcome.key : undefined
    return key === undefined || key.endsWith(DEADLINE_KEY) || this.#asks.has(key) || this.#divergence.wasAsked(key) ? undefined : key
  }

  #untilAsked(key: string): Promise<void> {
    return new Promise((resolve) => {
      this.#losePatience(() => {
        this.stop(this.#divergence.neverAsked(key, this.#parked))
        resolve()
      })
      this.#waitingFor = {
        key,
        go: () => {
          this.#forgetPatience()
          this.#waitingFor = undefined
          drained().then(resolve)
        },
      }
    })
  }

  /** Rule 5: an ended run executes nothing, so a flow that still waits for something does not match its record. */
  #failWhenStalled(): void {
    const fail = (): void => this.stop(this.#divergence.endedButWaits(this.#parked))
    if (this.#divergence.beyond(this.#parked).length > 0) fail()
    else this.#losePatience(fail)
  }

  #losePatience(then: () => void): void {
    this.#forgetPatience = this.#options.clock.alarm(this.#options.clock.now() + (this.#options.patienceMs ?? 5_000), then)
  }
}

/** After every microtask that the last delivery set off. `nextTick` runs only once the microtasks are drained. */
function drained(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}

/** The same, where a microtask is running already, as after every `await`: the one more would only cost. */
function ticked(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

const settled = Promise.resolve()

function turned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
