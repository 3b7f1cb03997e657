/** A policy in the way of a call (a breaker, a limiter, a cache), as the call knows it. Types only. */
import type { Amounts } from '../budget/index.ts'
import type { TuttiError } from '../errors/index.ts'
import type { Clock, RunId, Scope } from '../primitives/index.ts'
import type { Latency } from './latency.ts'
import type { GuardPolicy, Link } from './links.ts'
import type { Candidate, ModelRequest, RawAnswer } from './model.port.ts'

/** A call that is about to be made. */
export interface GuardedCall {
  /** 'provider/model'. */
  readonly model: string
  readonly request: ModelRequest
  /** Its worst case. */
  readonly hold: Amounts
  readonly run: RunId
  readonly scope: Readonly<Scope>
  /** Aborts when nobody wants the call any more. */
  readonly signal: AbortSignal
  /** It would be made beside another, so it is made now or not at all. */
  readonly isHedge: boolean
}

/** What became of a call that was let through. */
export type CallOutcome =
  | { readonly type: 'answered'; readonly answer: RawAnswer; readonly used: Amounts }
  | { readonly type: 'failed'; readonly error: TuttiError; readonly used: Amounts }
  /** It was never made, or (`made`) nobody wanted its answer any more. */
  | { readonly type: 'dropped'; readonly made: boolean }

/** A call was let through; it is told once what became of it. */
export interface Passage {
  done(outcome: CallOutcome): void
}

/** An answer that need not be asked for. */
export interface CachedAnswer {
  readonly cached: RawAnswer
  /** Who answered then: 'provider/model'. */
  readonly model: string
  readonly why: string
}

export interface Guard {
  /** @throws a TuttiError of the MODEL family: this model is passed over, and the next one of the chain is asked */
  admit(call: GuardedCall): Passage | CachedAnswer | Promise<Passage | CachedAnswer>
}

/** What a call stands on: the part of the gateway that it uses. */
export interface CallGround {
  readonly clock: Clock
  /** @throws a TuttiError of the MODEL family when it cannot be asked */
  candidate(link: Link): Promise<{ readonly candidate: Candidate; readonly why: string | undefined }>
  /** The same, of a model that was declared and asked before. */
  known(link: Link): Candidate | undefined
  /** The same for the same declaration, wherever it is written. */
  guard(policy: GuardPolicy): Guard
  /** How long this model takes to say something. */
  latency(model: string): Latency
}
