/** What a queue lets through, and who may ask. Types only. */
import type { RunId } from '../primitives/index.ts'

/** At most so many runs begin in any stretch of `ms`. */
export interface Rate {
  readonly runs: number
  readonly ms: number
}

/** The limits of one flow, over all processes on the store. What is left out is not limited. */
export interface QueueLimits {
  /** Runs that are driven at once; one at rest does not count. */
  readonly concurrency?: number | undefined
  /** The same, of one tenant. */
  readonly perTenant?: number | undefined
  readonly rate?: Rate | undefined
  readonly ratePerTenant?: Rate | undefined
}

export interface Admission {
  readonly flow: string
  /** Those the caller can drive. */
  readonly versions: readonly string[]
  readonly limits: QueueLimits
  /** Runs that go before the lines: those at rest that could go on. */
  readonly first: readonly RunId[]
  /** Take from the lines too. */
  readonly lines: boolean
  readonly owner: string
  /** Epoch ms, as `until`. */
  readonly now: number
  readonly until: number
  /** No more than so many. */
  readonly most: number
  /** Owners that are known to be gone: what they hold is free. */
  readonly gone: readonly string[]
}

/** Where a queued run stands. */
export interface QueuePlace {
  /** 1 is the next to begin, limits per tenant aside. */
  readonly position: number
  /** Runs that are queued for this flow. */
  readonly queued: number
}
