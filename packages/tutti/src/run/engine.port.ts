/**
 * The engine port: a completion queue, so that one pump serves every engine. Types only.
 *
 * Two-way protocol: the pump `submit`s what the flow asks for, synchronously; the activation answers whoever asked for what is `next`, with exactly one durable outcome
 * at a time, in the order of the journal. An outcome is named by its key, which is unique in a run; cancellation and the deadline have none.
 */
import type { Amounts, Refusal } from '../budget/index.ts'
import type { ErrorRecord, TuttiError } from '../errors/index.ts'
import type { Entry, EntryOf, NotUndone, RunStarted, Value } from '../journal/index.ts'
import type { Json, RunId, Schema } from '../primitives/index.ts'
import type { EffectSpec, StreamPart } from './effect.port.ts'

interface Placed {
  readonly key: string
  readonly at: readonly number[]
  readonly fingerprint: string
}
export interface EffectOp extends Placed {
  readonly op: 'effect'
  readonly spec: EffectSpec<unknown>
  /** Made when it is first asked for. */
  readonly signal: AbortSignal
  /** True once nobody wants the outcome. */
  readonly abandoned: boolean
  /** Accounts it draws on, beside the run's. */
  readonly draws: readonly string[]
}
export interface TimerOp extends Placed {
  readonly op: 'timer'
  /** Epoch ms. */
  readonly fireAt: number
}
export interface WaitOp extends Placed {
  readonly op: 'wait'
  readonly signal: string
  readonly schema: Schema
  readonly until: number | undefined
  readonly data: Json | undefined
}
/** Recorded, and nothing comes back. */
export interface NoteOp extends Placed {
  readonly op: 'note'
  readonly name: string | undefined
  readonly text: string | undefined
  readonly data: Json | undefined
}
/** Recorded before anything that is submitted after it, and nothing comes back: code that was put in later goes its new way here. */
export interface MarkOp {
  readonly op: 'mark'
  /** Of nothing recorded: it tells one mark from another. */
  readonly key: string
  /** The key of the scope; left out, the flow itself. */
  readonly scope: string | undefined
  readonly id: string
}
/** What has a place in the run. */
export type AskOp = EffectOp | TimerOp | WaitOp | NoteOp
export type Op = AskOp | MarkOp

/** What the pump delivers. `timer.fired` with the key `~deadline` is the deadline of the run; `<scope>/~deadline` that of a scope. */
export type Outcome = EntryOf<'step.completed' | 'step.failed' | 'step.resolved' | 'timer.fired' | 'signal.received' | 'run.cancelling'>

export type RunResult =
  | { readonly status: 'completed'; readonly output: Json }
  | { readonly status: 'failed'; readonly error: ErrorRecord; readonly partial: Json | undefined }
  | { readonly status: 'cancelled'; readonly reason: string; readonly notUndone?: readonly NotUndone[] | undefined }

/** Who asked for the next outcome. A promise would come in between twice for each of them, a dozen times in a turn of an agent. */
export interface OutcomeTaker {
  take(outcome: Outcome): void
  /** There will be none: the activation is over (suspended, fenced, store failed). */
  fail(error: unknown): void
}

export interface Activation {
  readonly started: RunStarted & { readonly time: number }
  /** History, or the seed of a fork: from the first entry on. */
  readonly record: readonly Entry[]
  /** Synchronous: starts work, or queues it. Only after the whole record was delivered. */
  submit(op: Op): void
  /** Nobody wants the outcome of this key any more. */
  abandon(key: string): void
  /** Something of this name was sent that no wait has taken, or a seed answers the wait at this key: asked now, it is answered. */
  isSent(signal: string, asked: () => { readonly key: string; readonly fingerprint: string }): boolean
  /** Gives exactly one, durable, in final order: at once where it is there, else once it is. Asked again only when it was given. */
  next(taker: OutcomeTaker): void
  /** The text behind a value: at once, or from its blob. */
  load(value: Value): Json | Promise<Json>
  /** A limit of its own for a scope. */
  openAccount(path: string, budget: unknown): void
  left(draws: readonly string[]): Partial<Record<string, number>>
  /** Why a hold of so much would be refused. */
  refusal(draws: readonly string[], worst: Amounts): Refusal | undefined
  end(result: RunResult): Promise<void>
  /** The flow cannot go on with this record; nothing is appended but the reason. */
  stop(error: TuttiError): Promise<void>
}

/** What reaches whoever watches: durable entries, and provisional parts of the step that is under way. */
export type Sighting =
  | { readonly type: 'entry'; readonly entry: Entry }
  | {
      readonly type: 'part'
      readonly run: RunId
      readonly key: string
      readonly attempt: number
      readonly part: StreamPart
      /** Which activation of the run showed it. */
      readonly activation?: number | undefined
    }
