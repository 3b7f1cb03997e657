/**
 * The seed of a run that was carried over to another version of its flow: its own record, until then.
 *
 * What is asked under the same key with the same fingerprint stands, whatever it was: an outcome, a failure, an answer, a sleep. What was under way is gone on with: an open
 * wait until its own end, a sleep until its own, a step after its last attempt. What was asked of the run as a whole (its cancellation) is said again in its place.
 * Invariants: I3 (what is asked the same never executes again), I7 (no attempt is counted twice: they go on counting), I8 (a `once` effect that happened is never done
 * again, under whatever name or input: it is taken over or refused; one that was cut off is in doubt still).
 */
import type { Entry } from '../../journal/index.ts'
import type { CarriedRecord } from '../carried-record.ts'
import { DEADLINE_KEY } from '../deadline.ts'
import type { EffectOp, TimerOp, WaitOp } from '../engine.port.ts'
import { isOutcome, NOWHERE } from '../record.ts'
import { type RecordedStep, recordedSteps } from '../recorded-step.ts'
import type { Draft } from './draft.ts'
import type { PriorAttempts } from './ground.port.ts'
import { priorAttempts } from './prior-attempts.ts'
import { RecordedOrder } from './recorded-order.ts'
import { askedNow, type GoOn, isSettled, nameOf, neverHappened, refused, type Seed, type Settled, slept, takenOver, waitedFor } from './seed-answers.ts'

const oneEach =
  "If it is the same, say so: rename: { 'old': 'new' } in the migration. If it is another, let the old one keep its name there: rename: { 'old': 'old' }."

export class CarriedSeed implements Seed {
  readonly order: RecordedOrder
  readonly #carried: CarriedRecord
  readonly #mark: NonNullable<CarriedRecord['mark']>
  readonly #steps: ReadonlyMap<string, RecordedStep>
  readonly #priors: ReadonlyMap<string, PriorAttempts>
  /** The last attempt at each key in the whole record. */
  readonly #attempts: ReadonlyMap<string, number>
  /** Keys that the present version asked for, and entries that it took over. */
  readonly #asked: Set<string>
  readonly #taken = new Set<number>()

  constructor(carried: CarriedRecord, mark: NonNullable<CarriedRecord['mark']>) {
    this.#carried = carried
    this.#mark = mark
    this.#steps = recordedSteps(carried.before)
    this.#priors = priorAttempts(carried.before)
    this.#attempts = attemptsIn(carried.whole)
    this.#asked = new Set(carried.present.flatMap((entry) => ('key' in entry && entry.key !== undefined ? [entry.key] : [])))
    for (const entry of carried.present) if ('reused' in entry && entry.reused) this.#taken.add(entry.reused.seq)
    this.order = new RecordedOrder(carried.before, mark.input !== undefined)
  }

  answer(op: EffectOp | TimerOp | WaitOp, time: number): readonly Draft[] | GoOn | undefined {
    this.#asked.add(op.key)
    const step = this.#steps.get(op.key)
    switch (op.op) {
      case 'effect':
        return op.spec.effect === 'once' || step?.effect === 'once' ? this.#answerOnce(op, step ?? this.#moved(op)) : this.#answerEffect(op, step)
      case 'wait':
        return this.#answerWait(op, step, time)
      case 'timer':
        return this.#answerTimer(op, step, time)
    }
  }

  told(key: string, fingerprint: string): boolean {
    const step = this.#steps.get(key)
    return isSettled(step) && step.fingerprint === fingerprint
  }

  /** What nobody asks for: the run was being cancelled, or its deadline had passed. */
  unasked(): readonly { readonly position: number; readonly draft: Draft }[] {
    const { before, present } = this.#carried
    const isOfRun = (entry: Entry): boolean => entry.type === 'run.cancelling' || (entry.type === 'timer.fired' && entry.key === DEADLINE_KEY)
    if (present.some(isOfRun)) return []
    return before.filter(isOutcome).flatMap((entry, position) => (isOfRun(entry) ? [{ position, draft: draftOf(entry) }] : []))
  }

  /** What its idempotency key is made of: an attempt at the same is the same work, under whatever name; with another input it is other work. */
  identityOf({ key, fingerprint }: EffectOp): string {
    const step = this.#steps.get(key)
    if (!step) return key
    const first = this.#carried.firstKeyOf(key)
    return step.fingerprint === fingerprint ? first : `${first}@${this.#mark.to}`
  }

  /** Effects that happened and that the present version never asked for, each said once: one that the run owed an undo has had its last word. */
  leftOver(isWell: boolean): readonly Draft[] {
    const isOwed = ({ first }: RecordedStep): boolean => !isWell && first.type === 'step.started' && first.undo === true
    const { from, to } = this.#mark
    const text = `happened before the run was carried over from version ${from} to version ${to}, which never asked for it`
    const left = [...this.#steps.values()].filter(
      (step) => changedTheWorld(step) && !isOwed(step) && !this.#asked.has(step.key) && !this.#taken.has(step.outcome?.seq ?? 0),
    )
    return left.map(({ key, fingerprint }) => ({ type: 'note', key: this.#carried.firstKeyOf(key), at: NOWHERE, fingerprint, text }))
  }

  #answerEffect(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | GoOn | undefined {
    const isSame = step?.fingerprint === op.fingerprint && !(op.spec.restsOnAll && this.order.differs)
    if (isSame && isSettled(step)) return this.#take(op, step)
    return this.#goOn(op, isSame)
  }

  /** Attempts go on counting: each is held and settled under its own number. */
  #goOn(op: EffectOp, isSame: boolean): GoOn | undefined {
    const attempt = this.#attempts.get(op.key)
    if (attempt === undefined) return undefined
    const fresh: PriorAttempts = { attempt, open: [], doubted: false, retryAt: undefined, last: undefined, isAsked: false }
    const before = isSame ? this.#priors.get(op.key) : undefined
    return { op, begun: [], prior: before ? { ...before, attempt, open: [], isAsked: false } : fresh }
  }

  #answerOnce(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | GoOn | undefined {
    if (!step) return this.#refuseRenamed(op)
    if (step.effect !== 'once') return this.#goOn(op, false)
    const { from, to } = this.#mark
    const prior = this.#priors.get(step.key)
    const mayGoOn = isSettled(step) ? neverHappened(step) : (prior?.open.length ?? 0) === 0
    if (step.fingerprint !== op.fingerprint) {
      if (mayGoOn) return this.#goOn(op, false)
      return refused(op, 'RUN_FORK_ONCE', `'${op.key}' may happen once only; it was done by version ${from}, and version ${to} asks it with another input`)
    }
    if (isSettled(step)) return this.#take(op, step)
    return mayGoOn || !prior ? this.#goOn(op, true) : this.#stillOpen(op, step, prior)
  }

  /** Nobody knows whether it happened: it is found begun here too, and asked about. */
  #stillOpen(op: EffectOp, { first }: RecordedStep, prior: PriorAttempts): GoOn {
    const { attempt, doubted, last } = prior
    const reused = { run: this.#run, seq: first.seq }
    const started: Draft = { ...askedNow(op), type: 'step.started', effect: 'once', attempt, reused }
    const doubt: readonly Draft[] = doubted && last ? [{ type: 'step.doubted', key: op.key, attempt, why: last }] : []
    return { op, begun: [started, ...doubt], prior }
  }

  /** The same effect with the same input, that stood at another place. */
  #moved({ key, fingerprint }: EffectOp): RecordedStep | undefined {
    return this.#onceUntaken(fingerprint).find((step) => nameOf(step.key) === nameOf(key) && isSettled(step))
  }

  #refuseRenamed(op: EffectOp): readonly Draft[] | undefined {
    const [same] = this.#onceUntaken(op.fingerprint).filter(({ key }) => this.#mark.rename?.[key] !== key)
    if (!same) return undefined
    const message = `'${op.key}' may happen once only, and so may '${same.key}', which was begun with the same input before the run was carried over: it may be the same effect`
    return refused(op, 'RUN_FORK_ONCE', message, oneEach)
  }

  /** Effects that may happen once, that happened or may have, and that nothing stands for yet. */
  #onceUntaken(fingerprint: string): readonly RecordedStep[] {
    return [...this.#steps.values()].filter(
      (step) =>
        step.effect === 'once' &&
        step.fingerprint === fingerprint &&
        changedTheWorld(step) &&
        !this.#asked.has(step.key) &&
        !this.#taken.has(step.outcome?.seq ?? 0),
    )
  }

  /** Who answered, answered; how long they might have taken does not matter any more. */
  #answerWait(op: WaitOp, step: RecordedStep | undefined, time: number): readonly Draft[] | GoOn | undefined {
    const first = step?.first.type === 'signal.awaited' ? step.first : undefined
    if (!step || first?.signal !== op.signal) return { op: { ...op, until: op.until && this.#fromNow(op.until, time) }, begun: [] }
    const isSame = step.fingerprint === op.fingerprint
    if (isSettled(step) && (isSame || step.outcome.type === 'signal.received')) return waitedFor(op, step.outcome)
    return { op: { ...op, until: isSame ? first.until : op.until && this.#fromNow(op.until, time) }, begun: [] }
  }

  #answerTimer(op: TimerOp, step: RecordedStep | undefined, time: number): readonly Draft[] | GoOn | undefined {
    const first = step?.first.type === 'timer.set' ? step.first : undefined
    if (!first || first.fingerprint !== op.fingerprint) return { op: { ...op, fireAt: this.#fromNow(op.fireAt, time) }, begun: [] }
    const kept = { ...op, fireAt: first.fireAt }
    return isSettled(step) ? slept(kept) : { op: kept, begun: [] }
  }

  /** What begins now is counted from now, though the flow stands at the time of what was taken over. */
  #fromNow(end: number, time: number): number {
    return end + Math.max(0, this.#mark.time - time)
  }

  get #run(): Parameters<typeof takenOver>[2] {
    const [started] = this.#carried.present
    return (started?.type === 'run.started' ? started.run : '') as Parameters<typeof takenOver>[2]
  }

  #take(op: EffectOp, step: Settled): readonly Draft[] {
    this.#taken.add(step.outcome.seq)
    const { time } = step.outcome
    const when = ('reused' in step.outcome ? step.outcome.reused?.time : undefined) ?? time
    return takenOver(op, step, this.#run, when)
  }
}

/** It was begun, and is of a kind that changes something: a model call is `idempotent` too, but changes nothing. */
function changedTheWorld(step: RecordedStep): boolean {
  if (step.effect === 'read' || step.kind === 'model') return false
  return isSettled(step) ? !neverHappened(step) : step.first.type === 'step.started'
}

function attemptsIn(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const attempts = new Map<string, number>()
  for (const entry of entries) {
    if (!(entry.type === 'step.started' || entry.type === 'step.failed' || entry.type === 'step.completed') || entry.reused) continue
    const before = attempts.get(entry.key)
    if (before !== undefined || entry.type === 'step.started' || !('final' in entry && entry.final))
      attempts.set(entry.key, Math.max(before ?? 0, entry.attempt ?? 1))
  }
  return attempts
}

function draftOf({ seq: _, time: __, ...draft }: Entry): Draft {
  return draft as Draft
}
