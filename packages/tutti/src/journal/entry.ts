/**
 * The entries of a run's journal: the format, version 1.
 *
 * Layout: one JSON object per entry, on disk with its commonest names written short (`short-names.ts`); `seq` is contiguous from 1 within a
 * run; `time` is epoch milliseconds. Fields that are absent mean their default, named beside them. Entries are never changed or removed; a
 * reader ignores fields it does not know and refuses types it does not know (`JOURNAL_NEWER`).
 * Validity: entry 1 is `run.started` and holds `format`; nothing follows a terminal entry but `budget.settled`.
 * Between the last outcome that the flow was given and `run.failed` or `run.cancelled` lie the `step.compensated` of the run, in the reverse order of the
 * outcomes they undo; no flow is ever given one. One of them ends the compensation of its step, unless it says `final: false`.
 * After a crash a journal is a prefix of what was appended: every outcome anybody saw is in it (I1).
 */
import type { Amounts, Budget, Exhaustion, Usage } from '../budget/index.ts'
import type { ErrorRecord } from '../errors/index.ts'
import type { Json, RunId, Scope } from '../primitives/index.ts'

export const JOURNAL_FORMAT = 1

/** A recorded value: `encode`d JSON in place, or, above 1 KiB, a reference to a blob that holds that JSON's text. */
export type Value = Json | BlobRef
export interface BlobRef {
  /** `hash128` of the text. */
  readonly '~blob': string
  /** Bytes of the text (UTF-8). */
  readonly bytes: number
}
export const isBlobRef = (value: Value | undefined): value is BlobRef => typeof value === 'object' && value !== null && '~blob' in value

/** What an effect does to the world: nothing; something that may be repeated with its key; something that must not be repeated. */
export type Effect = 'read' | 'idempotent' | 'once'

/** What sort of work a step is; projections (trace, studio, costs) read it. Default `'code'`. */
export type StepKind = 'code' | 'model' | 'tool' | 'retrieval' | 'guardrail' | 'memory' | 'embedding'

/** The place of an ask: the number of each scope in its parent, then the number of the ask in its scope. */
export type At = readonly number[]

interface Written {
  readonly seq: number
  readonly time: number
}

/** What was asked: repeated on the first entry of a step, so that divergence can be found from any of them. */
export interface Asked {
  readonly key: string
  readonly at: At
  /** Hash of what was asked; compared on replay. */
  readonly fingerprint: string
  /** Hash of what may change without diverging (instructions, model, settings). */
  readonly tunable?: string | undefined
  readonly kind?: StepKind | undefined
  /** Default `'read'`. */
  readonly effect?: Effect | undefined
  /** What a projection shows beside the key: model id, tool name, and the like. */
  readonly label?: Json | undefined
}

export type Entry = Written &
  (
    | RunStarted
    | { readonly type: 'run.completed'; readonly output: Value; readonly usage: Usage }
    | { readonly type: 'run.failed'; readonly error: ErrorRecord; readonly partial?: Value | undefined; readonly usage: Usage }
    | { readonly type: 'run.cancelling'; readonly reason: string }
    | RunCancelled
    | {
        readonly type: 'run.suspended'
        readonly why: 'waiting' | 'crash-loop' | 'drain' | 'paused' | 'diverged'
        readonly error?: ErrorRecord | undefined
        /** Of a pause. */
        readonly reason?: string | undefined
      }
    | { readonly type: 'run.resumed'; readonly owner: string; readonly epoch: number }
    | RunForked
    | RunPatched
    | StepStarted
    | StepCompleted
    | StepFailed
    | { readonly type: 'step.doubted'; readonly key: string; readonly attempt: number; readonly why: ErrorRecord }
    | {
        readonly type: 'step.resolved'
        readonly key: string
        readonly attempt: number
        readonly by: 'hook' | 'person'
        readonly verdict: 'done' | 'not-done'
        readonly value?: Value | undefined
      }
    | StepCompensated
    | { readonly type: 'budget.settled'; readonly key: string; readonly attempt: number; readonly settle: Amounts }
    | { readonly type: 'budget.granted'; readonly key: string; readonly more: Budget }
    | BudgetExhausted
    | { readonly type: 'timer.set'; readonly key: string; readonly at: At; readonly fingerprint: string; readonly fireAt: number }
    | { readonly type: 'timer.fired'; readonly key: string }
    | SignalAwaited
    | SignalReceived
    | SignalRefused
    | { readonly type: 'thread.compacted'; readonly key: string; readonly data: Json }
    | {
        readonly type: 'note'
        readonly key: string
        readonly at: At
        readonly fingerprint: string
        readonly name?: string | undefined
        readonly text?: string | undefined
        readonly data?: Value | undefined
      }
  )

export interface RunStarted {
  readonly type: 'run.started'
  readonly format: typeof JOURNAL_FORMAT
  readonly run: RunId
  readonly flow: string
  readonly version: string
  readonly scope: Scope
  readonly input: Value
  readonly budget?: Budget | undefined
  /** Epoch ms. */
  readonly deadline?: number | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** In the queue of its flow: higher goes first. Default 0. */
  readonly priority?: number | undefined
}

/** The second entry of a fork: whose record it is seeded with, and what is other than there. */
export interface RunForked {
  readonly type: 'run.forked'
  readonly from: RunId
  /** The key of the step where it leaves that record. Left out: at its beginning, so everything that is asked the same again is taken over. */
  readonly at?: string | undefined
  /** The last entry of that record that it is seeded with. */
  readonly through?: number | undefined
  /** What the step is given instead of its outcome. */
  readonly output?: Value | undefined
  /** What is asked otherwise, and by whom. `model: null`: one that only the process that forked it had. */
  readonly retuned?: Retuned | undefined
  /**
   * Default: an effect that may happen once only is taken over, never repeated. `'never'`: nor is one done that is not in that record, nor any other that
   * changes the world (tools and steps that are `idempotent`, which `idempotent: 'again'` allows).
   */
  readonly once?: 'again' | 'never' | undefined
  readonly idempotent?: 'again' | undefined
  /** Names of steps that are done again though they are asked the same: their code is another. */
  readonly redo?: readonly string[] | undefined
  /** What chance is drawn from: the run at the root of all forks, so that a fork draws what that run drew. Default: the fork itself. */
  readonly chance?: RunId | undefined
}

/**
 * From here on `run.changed(id)` is true in this scope. With `to`: from here on the run is driven by that version of its flow, and what was recorded before is
 * what that version need not do again.
 */
export interface RunPatched {
  readonly type: 'run.patched'
  /** What was changed; `version`, when it is the whole flow. */
  readonly id: string
  /** Left out: the flow itself. */
  readonly scope?: string | undefined
  /** The version it was driven by, and the one that it is driven by from here on. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** What steps and scopes of the record are called by the new version: old key, new key. */
  readonly rename?: Readonly<Record<string, string>> | undefined
  /** What the new version is given. Default: what the old one was given. */
  readonly input?: Value | undefined
}

export interface Retuned {
  /** The agent of this scope; left out, every one. */
  readonly scope?: string | undefined
  /** The agent of this name; left out, every one. */
  readonly agent?: string | undefined
  readonly instructions?: string | undefined
  readonly model?: Json | undefined
}

/** Of what a fork, or a run that was carried over, took over: the entry it is from. It cost nothing here. */
export interface Reused {
  readonly run: RunId
  readonly seq: number
  /** Of a run that took it over from its own record: when it came, which is the time it tells the flow. */
  readonly time?: number | undefined
}

/** What a run that ended otherwise than well could not undo. */
export interface NotUndone {
  readonly key: string
  readonly error: ErrorRecord
}

export interface RunCancelled {
  readonly type: 'run.cancelled'
  readonly reason: string
  readonly usage: Usage
  readonly notUndone?: readonly NotUndone[] | undefined
}

export interface StepStarted extends Asked {
  readonly type: 'step.started'
  readonly attempt: number
  /** The worst case, held in the ledger until the attempt is settled. */
  readonly hold?: Amounts | undefined
  /** The scopes whose budgets it draws on, outermost first; the run itself is always drawn on. */
  readonly draws?: readonly string[] | undefined
  /** It is also held in the accounts that outlive the run. */
  readonly standing?: true | undefined
  /** Why it is made otherwise than asked for, or late. */
  readonly exhausted?: Omit<Exhaustion, 'key'> | undefined
  /** It has an undo, which the run owes when it ends otherwise than well. */
  readonly undo?: true | undefined
  /** It was begun there, and nothing was begun here. */
  readonly reused?: Reused | undefined
}

export interface StepCompleted extends Partial<Asked> {
  readonly type: 'step.completed'
  readonly key: string
  /** Default 1. */
  readonly attempt?: number | undefined
  readonly value: Value
  readonly settle?: Amounts | undefined
  /** How long the attempt took. Left out: less than a millisecond. */
  readonly ms?: number | undefined
  readonly reused?: Reused | undefined
}

export interface StepFailed extends Partial<Asked> {
  readonly type: 'step.failed'
  readonly key: string
  readonly attempt: number
  readonly error: ErrorRecord
  /** Only a final failure reaches the flow. */
  readonly final: boolean
  /** Epoch ms of the next attempt, when it is not final. */
  readonly retryAt?: number | undefined
  readonly settle?: Amounts | undefined
  readonly ms?: number | undefined
  readonly reused?: Reused | undefined
}

/** An attempt at undoing a step. An attempt that a process took with it is not counted, as that of a `read` is not. */
export interface StepCompensated {
  readonly type: 'step.compensated'
  /** The step that is undone. */
  readonly key: string
  /** Default 1. */
  readonly attempt?: number | undefined
  /** Why it is not undone; absent when it is. */
  readonly error?: ErrorRecord | undefined
  /** `false`: it is tried again at `retryAt`. Default true. */
  readonly final?: false | undefined
  /** Epoch ms of the next attempt. */
  readonly retryAt?: number | undefined
  readonly ms?: number | undefined
}

/** The next call of this step does not fit, and somebody is asked for more (`budget.granted`). Said again when the figures are others. */
export interface BudgetExhausted {
  readonly type: 'budget.exhausted'
  readonly key: string
  /** Whose limit it is: the key of a scope, or '' for the run. */
  readonly account: string
  readonly limit: string
  readonly allowed: number
  readonly taken: number
  readonly asked: number
}

export interface SignalAwaited {
  readonly type: 'signal.awaited'
  readonly key: string
  readonly at: At
  readonly fingerprint: string
  readonly signal: string
  /** Epoch ms. */
  readonly until?: number | undefined
  /** What whoever answers is shown. */
  readonly data?: Json | undefined
}

export interface SignalReceived {
  readonly type: 'signal.received'
  /** The wait it answers; absent when it came before anyone waited for it. */
  readonly key?: string | undefined
  readonly signal: string
  readonly id: string
  readonly value: Value
  /** Of one that came early: the only wait it is for. */
  readonly to?: string | undefined
}

/** What was sent does not fit what the wait asks for: the run waits on, and what was sent is not lost. */
export interface SignalRefused {
  readonly type: 'signal.refused'
  /** The wait that refused it. */
  readonly key: string
  readonly signal: string
  readonly id: string
  readonly error: ErrorRecord
  readonly value: Value
}

export type EntryType = Entry['type']
export type EntryOf<T extends EntryType> = Extract<Entry, { readonly type: T }>

/** After one of these a run executes nothing ever again. */
export const isTerminal = (entry: Entry): entry is EntryOf<'run.completed' | 'run.failed' | 'run.cancelled'> =>
  entry.type === 'run.completed' || entry.type === 'run.failed' || entry.type === 'run.cancelled'
