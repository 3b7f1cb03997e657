/** What a seed appends instead of doing what was asked: entries of this run, marked with the entry they are from. */
import { type ErrorCode, type ErrorRecord, TuttiError } from '../../errors/index.ts'
import type { Asked, Entry, Value } from '../../journal/index.ts'
import { encode, type RunId } from '../../primitives/index.ts'
import type { EffectOp, TimerOp, WaitOp } from '../engine.port.ts'
import type { RecordedStep } from '../recorded-step.ts'
import type { Draft } from './draft.ts'
import type { PriorAttempts } from './ground.port.ts'
import type { RecordedOrder } from './recorded-order.ts'

type AskedOp = EffectOp | TimerOp | WaitOp

/** What is known of a run before it does anything itself. */
export interface Seed {
  /** In which order its outcomes came. */
  readonly order: RecordedOrder
  /**
   * What is to be appended instead of doing it, or how it is gone on with; `undefined`: it is to be done.
   * @param time what the flow takes the time to be (epoch ms)
   */
  answer(op: AskedOp, time: number): readonly Draft[] | GoOn | undefined
  /** True when it answers a wait at this key with what was sent then. */
  told(key: string, fingerprint: string): boolean
  /** What the record told the flow without being asked, and its place there. */
  unasked?(): readonly { readonly position: number; readonly draft: Draft }[]
  /** What the idempotency key of an effect is made of. Default: its key. */
  identityOf?(op: EffectOp): string
  /** What is to be said when the run ends, well or otherwise, of what it never asked for. */
  leftOver?(isWell: boolean): readonly Draft[]
}

/** An ask that was begun already, and is gone on with from there. */
export interface GoOn {
  readonly op: AskedOp
  readonly begun: readonly Draft[]
  readonly prior?: PriorAttempts | undefined
}

export const isGoOn = (answer: readonly Draft[] | GoOn): answer is GoOn => 'op' in answer

/** A step whose outcome is known. */
export type Settled = RecordedStep & { readonly outcome: Entry }

export const isSettled = (step: RecordedStep | undefined): step is Settled => step?.outcome !== undefined

/** The last part of a key without its ordinal: what the flow calls it. */
export const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1).replace(/#\d+$/, '')

export function askedNow({ key, at, fingerprint, spec }: EffectOp): Asked {
  const { tunable, kind, effect, label } = spec
  return { key, at, fingerprint, tunable, kind: kind === 'code' ? undefined : kind, effect: effect === 'read' ? undefined : effect, label }
}

/** The outcome that `run` holds, as an outcome of this run. @param time when it came, where that is what the flow is to be told */
export function takenOver(op: EffectOp, { first, outcome }: Settled, run: RunId, time?: number): readonly Draft[] {
  const { tunable, kind, effect, label } = first as Partial<Asked>
  const asked = { key: op.key, at: op.at, fingerprint: op.fingerprint, tunable, kind, effect, label }
  const reused = { run, seq: outcome.seq, time }
  if (outcome.type === 'step.failed') return [{ ...asked, type: 'step.failed', attempt: 1, error: outcome.error, final: true, reused }]
  return [{ ...asked, type: 'step.completed', value: valueIn(outcome) ?? encode(undefined), reused }]
}

export function refused(op: EffectOp, code: ErrorCode, message: string, hint?: string): readonly Draft[] {
  const error: ErrorRecord = new TuttiError(code, message, { data: { key: op.key }, ...(hint === undefined ? {} : { hint }) }).toJSON()
  return [{ ...askedNow(op), type: 'step.failed', attempt: 1, error, final: true }]
}

const awaited = ({ key, at, fingerprint, signal, until, data }: WaitOp): Draft => ({ type: 'signal.awaited', key, at, fingerprint, signal, until, data })

export const received = (op: WaitOp, id: string, value: Value): readonly Draft[] => [
  awaited(op),
  { type: 'signal.received', key: op.key, signal: op.signal, id, value },
]

/** What became of a wait, said again. */
export function waitedFor(op: WaitOp, outcome: Entry): readonly Draft[] | undefined {
  if (outcome.type === 'timer.fired') return [awaited(op), { type: 'timer.fired', key: op.key }]
  return outcome.type === 'signal.received' ? received(op, outcome.id, outcome.value) : undefined
}

/** A sleep that is over. */
export const slept = ({ key, at, fingerprint, fireAt }: TimerOp): readonly Draft[] => [
  { type: 'timer.set', key, at, fingerprint, fireAt },
  { type: 'timer.fired', key },
]

/** A failure before the first attempt, or one that the tool vouches for. */
export const neverHappened = ({ outcome, attempts, first }: Settled): boolean =>
  outcome.type === 'step.failed' && (outcome.error.code === 'TOOL_NOT_DONE' || (attempts <= 1 && first.type !== 'step.started'))

const valueIn = (entry: Entry): Value | undefined => ('value' in entry ? entry.value : undefined)
