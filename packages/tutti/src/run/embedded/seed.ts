/**
 * The seed of a fork: what the run it was forked from already knows. A live ask that the seed answers executes nothing; it is appended as an outcome of this
 * run, marked with the entry it is from, and so goes the way of every outcome (I1, I4).
 *
 * What was delivered before the outcome of the step where the fork leaves (`at`) cannot depend on it: it stands, as long as it is asked with the same
 * input. What came after stands as long as it is asked the same in every respect: a failure is tried again, other instructions or another model are asked again,
 * and a person who was waited for is asked again. A sleep that is over stays over.
 * A fork from the beginning (no `at`) has all of it before it: what is asked the same in every respect stands, answers of people too, and a failure that the
 * run got over. Only what made a run fail is tried again.
 * Invariants: I3 (one answer a key), I8 (a `once` effect of the seed is taken over, whatever changed around it; asked with another input, it is refused).
 * On a crash: the seed is read again from the store; what was taken over already is in the record of the fork.
 */
import { type ErrorCode, type ErrorRecord, TuttiError } from '../../errors/index.ts'
import type { Asked, Entry, JournalStore, RunForked, Value } from '../../journal/index.ts'
import { encode } from '../../primitives/index.ts'
import { DEADLINE_KEY } from '../deadline.ts'
import type { EffectOp, Op, TimerOp, WaitOp } from '../engine.port.ts'
import { readRun } from '../read-run.ts'
import { type RecordedStep, recordedSteps } from '../recorded-step.ts'
import type { Draft } from './draft.ts'

type Seeded = RecordedStep & { readonly outcome: Entry }

export class ForkSeed {
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
  /** `once` effects by name and input, for those that are asked at another place now. */
  readonly #once = new Map<string, RecordedStep[]>()

  /** @param own the record of the fork itself, as far as it has come */
  constructor(forked: RunForked, seed: readonly Entry[], own: readonly Entry[]) {
    this.#forked = forked
    const known = seed.filter(({ seq }) => seq <= (forked.through ?? seq))
    this.#steps = recordedSteps(known)
    this.#isWhole = forked.at === undefined
    this.#gotOver = this.#isWhole && known.some(({ type }) => type === 'run.completed')
    this.#leavesAt = forked.at === undefined ? 0 : (this.#steps.get(forked.at)?.outcome?.seq ?? Number.POSITIVE_INFINITY)
    for (const entry of own) if ('reused' in entry && entry.reused) this.#taken.add(entry.reused.seq)
    for (const step of this.#steps.values()) {
      if (step.effect !== 'once') continue
      const same = sameness(step.key, step.fingerprint)
      this.#once.set(same, [...(this.#once.get(same) ?? []), step])
    }
  }

  /** What is to be appended instead of doing it; `undefined`: it is to be done. */
  answer(op: Op): readonly Draft[] | undefined {
    if (op.op === 'note') return undefined
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
    if (!isSeeded(step) || step.fingerprint !== op.fingerprint) return undefined
    if (this.#stands(step)) return this.#take(op, step)
    if (op.key === this.#forked.at || this.#forked.redo?.includes(nameOf(op.key)) || step.tunable !== op.spec.tunable) return undefined
    if (step.outcome.type === 'step.failed' && !this.#gotOver) return undefined
    return this.#take(op, step)
  }

  #answerOnce(op: EffectOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (step?.effect !== 'once') return undefined
    if (this.#forked.once === 'again' && !(isSeeded(step) && this.#stands(step))) return undefined
    const { from } = this.#forked
    if (step.fingerprint !== op.fingerprint)
      return refused(op, 'RUN_FORK_ONCE', `'${op.key}' may happen once only; it happened in ${from}, and is asked with another input now`)
    if (!isSeeded(step)) return refused(op, 'TOOL_IN_DOUBT', `'${op.key}' may happen once only; it was begun in ${from}, and nobody knows whether it happened`)
    if (neverHappened(step) && !this.#stands(step) && !this.#gotOver) return undefined
    return this.#take(op, step)
  }

  /** The same effect with the same input, that stood at another place. */
  #moved(op: EffectOp): RecordedStep | undefined {
    return this.#once.get(sameness(op.key, op.fingerprint))?.find(({ outcome }) => outcome === undefined || !this.#taken.has(outcome.seq))
  }

  #answerWait(op: WaitOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    if (!isSeeded(step) || step.fingerprint !== op.fingerprint || !(this.#isWhole || this.#stands(step))) return undefined
    const { outcome } = step
    if (outcome.type === 'timer.fired') return [awaited(op), { type: 'timer.fired', key: op.key }]
    return outcome.type === 'signal.received' ? received(op, outcome.id, outcome.value) : undefined
  }

  #answerTimer(op: TimerOp, step: RecordedStep | undefined): readonly Draft[] | undefined {
    const { key, at, fingerprint, fireAt } = op
    if (!isSeeded(step) || step.fingerprint !== fingerprint || key === this.#forked.at || key.endsWith(DEADLINE_KEY)) return undefined
    return [
      { type: 'timer.set', key, at, fingerprint, fireAt },
      { type: 'timer.fired', key },
    ]
  }

  #stands({ key, outcome }: Seeded): boolean {
    return key !== this.#forked.at && outcome.seq < this.#leavesAt
  }

  #take(op: EffectOp, { first, outcome }: Seeded): readonly Draft[] {
    this.#taken.add(outcome.seq)
    const { tunable, kind, effect, label } = first as Partial<Asked>
    const asked = { key: op.key, at: op.at, fingerprint: op.fingerprint, tunable, kind, effect, label }
    const reused = { run: this.#forked.from, seq: outcome.seq }
    if (outcome.type === 'step.failed') return [{ ...asked, type: 'step.failed', attempt: 1, error: outcome.error, final: true, reused }]
    return [{ ...asked, type: 'step.completed', value: valueIn(outcome) ?? encode(undefined), reused }]
  }
}

/** The seed of a run that was forked; `undefined` for every other. */
export async function seedOf(store: JournalStore, record: readonly Entry[]): Promise<ForkSeed | undefined> {
  const forked = forkOf(record)
  return forked && new ForkSeed(forked, await readRun(store, forked.from), record)
}

/** How a run was forked, if it was. */
export function forkOf(record: readonly Entry[]): RunForked | undefined {
  const second = record[1]
  return second?.type === 'run.forked' ? second : undefined
}

const isSeeded = (step: RecordedStep | undefined): step is Seeded => step?.outcome !== undefined

const valueIn = (entry: Entry): Value | undefined => ('value' in entry ? entry.value : undefined)

/** The last part of a key without its ordinal: what the flow calls it. */
const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1).replace(/#\d+$/, '')
const sameness = (key: string, fingerprint: string): string => `${nameOf(key)}|${fingerprint}`

/** Kinds whose effects are what the user's own code does. A model call is `idempotent` too, but changes nothing. */
const ofOurOwn: ReadonlySet<string> = new Set(['code', 'tool', 'memory'])

/** A failure before the first attempt, or one that the tool vouches for. */
const neverHappened = ({ outcome, attempts, first }: Seeded): boolean =>
  outcome.type === 'step.failed' && (outcome.error.code === 'TOOL_NOT_DONE' || (attempts <= 1 && first.type !== 'step.started'))

function askedNow({ key, at, fingerprint, spec }: EffectOp): Asked {
  const { tunable, kind, effect, label } = spec
  return { key, at, fingerprint, tunable, kind: kind === 'code' ? undefined : kind, effect: effect === 'read' ? undefined : effect, label }
}

function refused(op: EffectOp, code: ErrorCode, message: string): readonly Draft[] {
  const error: ErrorRecord = new TuttiError(code, message, { data: { key: op.key } }).toJSON()
  return [{ ...askedNow(op), type: 'step.failed', attempt: 1, error, final: true }]
}

const awaited = ({ key, at, fingerprint, signal, until, data }: WaitOp): Draft => ({ type: 'signal.awaited', key, at, fingerprint, signal, until, data })

const received = (op: WaitOp, id: string, value: Value): readonly Draft[] => [
  awaited(op),
  { type: 'signal.received', key: op.key, signal: op.signal, id, value },
]
