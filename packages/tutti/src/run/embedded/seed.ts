/**
 * The seed of a fork: what the run it was forked from already knows. A live ask that the seed answers executes nothing; it is appended as an outcome of this
 * run, marked with the entry it is from, and so goes the way of every outcome (I1, I4).
 *
 * What was delivered before the outcome of the step where the fork leaves (`at`) cannot depend on it: it stands, as long as it is asked with the same
 * input. What came after stands as long as it is asked the same in every respect: other instructions or another model are asked again, and a person who was
 * waited for is asked again. A sleep that is over stays over, and so does a failure that the run got over; only what made a run fail is tried again.
 * A step without an input stands only while nothing delivered before it is other than in that record.
 * A fork from the beginning (no `at`) has all of it before it: what is asked the same in every respect stands, answers of people too.
 * A step that its run has undone is as if it had never been: it is done anew, unless the fork must leave the world as it is.
 * Invariants: I3 (one answer a key), I8 (a `once` effect of the seed is taken over, whatever changed around it; asked with another input, it is refused).
 * On a crash: the seed is read again from the store; what was taken over already is in the record of the fork.
 */
import type { Entry, JournalStore, RunForked } from '../../journal/index.ts'
import { carriedRecord, knownFrom } from '../carried-record.ts'
import { DEADLINE_KEY } from '../deadline.ts'
import type { EffectOp, TimerOp, WaitOp } from '../engine.port.ts'
import { readRun } from '../read-run.ts'
import { type RecordedStep, recordedSteps } from '../recorded-step.ts'
import { isLastWord } from '../undone.ts'
import { CarriedSeed } from './carried-seed.ts'
import type { Draft } from './draft.ts'
import { RecordedOrder } from './recorded-order.ts'
import { askedNow, isSettled, nameOf, neverHappened, received, refused, type Seed, type Settled, slept, takenOver, waitedFor } from './seed-answers.ts'

class ForkSeed implements Seed {
  readonly order: RecordedOrder
  readonly #forked: RunForked
  readonly #steps: ReadonlyMap<string, RecordedStep>
  /** Where the fork leaves the record: what was delivered up to here stands. */
  readonly #leavesAt: number
  /** It leaves the record at its beginning. */
  readonly #isWhole: boolean
  /** The failures in that record were no end of it. */
  readonly #gotOver: boolean
  /** Entries of the seed that were taken over. */
  readonly #taken = new Set<number>()
  /** `once` effects by input, for those that are asked at another place, or under another name. */
  readonly #once = new Map<string, RecordedStep[]>()

  /** @param own the record of the fork itself, as far as it has come */
  constructor(forked: RunForked, seed: readonly Entry[], own: readonly Entry[]) {
    this.#forked = forked
    const known = knownFrom(seed.filter(({ seq }) => seq <= (forked.through ?? seq)))
    const steps = new Map(recordedSteps(known))
    this.order = new RecordedOrder(known, inputText(known) !== inputText(own))
    this.#isWhole = forked.at === undefined
    this.#gotOver = known.some(({ type }) => type === 'run.completed')
    this.#leavesAt = forked.at === undefined ? 0 : (steps.get(forked.at)?.outcome?.seq ?? Number.POSITIVE_INFINITY)
    if (forked.once !== 'never') for (const entry of known) if (isLastWord(entry) && !entry.error) steps.delete(entry.key)
    this.#steps = steps
    for (const entry of own) if ('reused' in entry && entry.reused) this.#taken.add(entry.reused.seq)
    for (const step of this.#steps.values()) {
      if (step.effect !== 'once') continue
      this.#once.set(step.fingerprint, [...(this.#once.get(step.fingerprint) ?? []), step])
    }
  }

  /** What is to be appended instead of doing it; `undefined`: it is to be done. */
  answer(op: EffectOp | TimerOp | WaitOp): readonly Draft[] | undefined {
    const edited = op.key === this.#forked.at ? this.#forked.output : undefined
    const step = this.#steps.get(op.key)
    switch (op.op) {
      case 'effect':
        if (edited !== undefined) return [{ ...askedNow(op), type: 'step.completed', value: edited }]
        return this.#answerWork(op, step) ?? this.#refuseNew(op)
      case 'wait':
        return edited === undefined ? this.#answerWait(op, step) : received(op, 'fork', edited)
      case 'timer':
        return this.#answerTimer(op, step)
    }
  }

  told(key: string, fingerprint: string): boolean {
    const step = this.#steps.get(key)
    return isSettled(step) && step.fingerprint === fingerprint && (this.#isWhole || this.#stands(step))
  }

  #answerWork(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    return op.spec.effect === 'once' || step?.effect === 'once' ? this.#answerOnce(op, step ?? this.#moved(op)) : this.#answerEffect(op, step)
  }

  /** A fork that must leave the world as it is does nothing to it that the record does not hold. */
  #refuseNew(op: EffectOp): readonly Draft[] | undefined {
    const { once, idempotent, from } = this.#forked
    const { effect } = op.spec
    if (once !== 'never' || !(effect === 'once' || (effect === 'idempotent' && idempotent !== 'again' && ofOurOwn.has(op.spec.kind)))) return undefined
    return refused(op, 'RUN_FORK_ONCE', `'${op.key}' would change the world (${effect}); in ${from} it was not done, or asked with another input`)
  }

  #answerEffect(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (!isSettled(step) || step.fingerprint !== op.fingerprint || this.#restsOnOther(op)) return undefined
    if (this.#stands(step)) return this.#take(op, step)
    if (op.key === this.#forked.at || this.#forked.redo?.includes(nameOf(op.key)) || step.tunable !== op.spec.tunable) return undefined
    if (step.outcome.type === 'step.failed' && !this.#gotOver) return undefined
    return this.#take(op, step)
  }

  #answerOnce(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (!step) return this.#refuseRenamed(op)
    if (step.effect !== 'once') return undefined
    if (this.#forked.once === 'again' && !(isSettled(step) && this.#stands(step))) return undefined
    const { from } = this.#forked
    if (step.fingerprint !== op.fingerprint || this.#restsOnOther(op))
      return refused(op, 'RUN_FORK_ONCE', `'${op.key}' may happen once only; it happened in ${from}, and is asked with another input now`)
    if (!isSettled(step)) return refused(op, 'TOOL_IN_DOUBT', `'${op.key}' may happen once only; it was begun in ${from}, and nobody knows whether it happened`)
    if (neverHappened(step) && !this.#stands(step) && !this.#gotOver) return undefined
    return this.#take(op, step)
  }

  /** Nothing is known of a step without an input but that it came after everything before it. */
  #restsOnOther({ spec }: EffectOp): boolean {
    return spec.restsOnAll === true && this.order.differs
  }

  /** The same effect with the same input, that stood at another place. */
  #moved({ key, fingerprint }: EffectOp): RecordedStep | undefined {
    return this.#untaken(fingerprint).find((step) => nameOf(step.key) === nameOf(key))
  }

  /** One that the record holds under another name, and that nothing else was: the same thing twice would be worse than not at all. */
  #refuseRenamed(op: EffectOp): readonly Draft[] | undefined {
    const [same] = this.#untaken(op.fingerprint)
    if (!same || this.#forked.once === 'again') return undefined
    const message = `'${op.key}' may happen once only, and so may '${same.key}', which was asked the same in ${this.#forked.from}: it may be the same effect`
    return refused(op, 'RUN_FORK_ONCE', message)
  }

  #untaken(fingerprint: string): readonly RecordedStep[] {
    return (this.#once.get(fingerprint) ?? []).filter(({ outcome }) => outcome === undefined || !this.#taken.has(outcome.seq))
  }

  #answerWait(op: WaitOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (!isSettled(step) || step.fingerprint !== op.fingerprint || !(this.#isWhole || this.#stands(step))) return undefined
    return waitedFor(op, step.outcome)
  }

  #answerTimer(op: TimerOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (!isSettled(step) || step.fingerprint !== op.fingerprint || op.key === this.#forked.at || op.key.endsWith(DEADLINE_KEY)) return undefined
    return slept(op)
  }

  #stands({ key, outcome }: Settled): boolean {
    return key !== this.#forked.at && outcome.seq < this.#leavesAt
  }

  #take(op: EffectOp, step: Settled): readonly Draft[] {
    this.#taken.add(step.outcome.seq)
    return takenOver(op, step, this.#forked.from)
  }
}

/** The seed of a run that was forked, or carried over; `undefined` for every other. */
export async function seedOf(store: JournalStore, record: readonly Entry[]): Promise<Seed | undefined> {
  const carried = carriedRecord(record)
  if (carried.mark) return new CarriedSeed(carried, carried.mark)
  const forked = forkOf(record)
  return forked && new ForkSeed(forked, await readRun(store, forked.from), record)
}

/** How a run was forked, if it was. */
export function forkOf(record: readonly Entry[]): RunForked | undefined {
  const second = record[1]
  return second?.type === 'run.forked' ? second : undefined
}

/** What a run was given, as text. */
function inputText([started]: readonly Entry[]): string {
  return started?.type === 'run.started' ? JSON.stringify(started.input) : ''
}

/** Kinds whose effects are what the user's own code does. A model call is `idempotent` too, but changes nothing. */
const ofOurOwn: ReadonlySet<string> = new Set(['code', 'tool', 'memory'])
