/** What a regression over past runs says. Types only. */
import type { Usage } from '../budget/index.ts'
import type { RunId } from '../primitives/index.ts'
import type { ValueChange } from '../run/index.ts'
import type { Mean, Share } from './statistics.ts'

/**
 * `same`: step by step; `diverged`: by other steps to the same end; `changed`: another output, or another failure; `failed`: it had completed, and fails now;
 * `mended`: it had failed, and completes now; `incomparable`: nobody can say, see `why`; `unpaid`: the budget did not reach so far.
 */
export type RegressVerdict = 'same' | 'diverged' | 'changed' | 'failed' | 'mended' | 'incomparable' | 'unpaid'

export interface RegressedRun {
  readonly run: RunId
  /** The fork that was made of it, to look at with show, diff and why. */
  readonly fork: RunId | undefined
  readonly verdict: RegressVerdict
  readonly why?: string | undefined
  /** The key of the first step that is not the same. */
  readonly firstDivergence?: string | undefined
  /** Where its end is another than it was. */
  readonly output: readonly ValueChange[]
  /** Steps that were taken over, and those that were done. */
  readonly reused: number
  readonly executed: number
  /** What the run would cost and take now, more than it did. */
  readonly usd: number
  readonly ms: number
  /** How much better its output is now, as `score` has it. */
  readonly score?: number | undefined
}

export interface RegressReport {
  readonly id: string
  readonly flow: string
  readonly runs: readonly RegressedRun[]
  /** Runs that were to be looked at and were not, because it was interrupted. */
  readonly left: number
  readonly counts: Readonly<Record<RegressVerdict, number>>
  /** Those that end as they did, of those that can be compared, with the 95 % interval of Wilson. */
  readonly unchanged: Share
  /** The mean difference of a run that completed before and now, with the 95 % interval of Student's t over the pairs. */
  readonly usd: Mean
  readonly ms: Mean
  /** The same of `score`, and how likely such a difference would be by chance. */
  readonly score: (Mean & { readonly chance: number }) | undefined
  /** What the regression itself cost. */
  readonly spent: Omit<Usage, 'activeMs'>
  /** Whether nothing happened that a gate is to stop. Where nothing could be compared, nothing is passed. */
  passed(failOn?: readonly RegressGate[]): boolean
  toString(): string
}

/** `changed`: any run ends otherwise, or would do an effect that it did not do, or ask a person what it did not ask; `failed`: any that had completed fails; `cost`: runs cost more, beyond what chance explains. */
export type RegressGate = 'changed' | 'failed' | 'cost'
