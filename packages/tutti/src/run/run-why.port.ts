/** What is said of why an output came to be. Types only. */
import type { RunId } from '../primitives/index.ts'
import type { RecordedStep } from './recorded-step.ts'

export interface StepWhy {
  readonly key: string
  readonly kind: RecordedStep['kind']
  readonly usd: number
  /** From when it was asked until its outcome: waits, attempts and pauses between them included. */
  readonly ms: number
  /** Of `ms`: attempts that failed, and the pauses after them. */
  readonly lostMs?: number | undefined
  /** Of `ms`: until a person had said what became of it. */
  readonly doubtMs?: number | undefined
  /** More than one. */
  readonly attempts?: number | undefined
  /** The model that answered, the tool that was called, the signal that was waited for. */
  readonly who?: string | undefined
  /** What it gave, shortened: of a model what it said and which tools it called; of a failure its code and message. */
  readonly gave?: string | undefined
  /** The run it was taken over from; it cost nothing here. */
  readonly reused?: RunId | undefined
}

export interface RunEnd {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'unfinished'
  /** Why it failed or was cancelled. */
  readonly why?: string | undefined
  /** The step that it failed in. */
  readonly at?: string | undefined
  /** What was under way or waited for when the record ends. */
  readonly open: readonly string[]
}

export interface RunWhy {
  /** The step that was asked about; `undefined`: the end of the run. */
  readonly key: string | undefined
  readonly flow: string | undefined
  readonly end: RunEnd
  /** Of a fork: the run it is of. */
  readonly forkOf: RunId | undefined
  /** All that stands behind it, the step itself last, in the order of delivery. */
  readonly steps: readonly StepWhy[]
  /** The chain that took the longest, where its time went, and `wallMs` from the start of the run to its end or the outcome of the step. */
  readonly time: {
    readonly path: readonly StepWhy[]
    readonly ms: number
    readonly workedMs: number
    /** For people: signals, approvals, doubts. */
    readonly waitedMs: number
    readonly sleptMs: number
    readonly lostMs: number
    readonly wallMs: number
  }
  /** The chain that cost the most, empty when nothing cost anything; and what each step cost, dearest first, with its share of `totalUsd`. */
  readonly money: {
    readonly path: readonly StepWhy[]
    readonly usd: number
    readonly totalUsd: number
    readonly steps: readonly { readonly key: string; readonly usd: number; readonly share: number }[]
  }
  toString(): string
}
