/** What an effect and the inbox stand on: the part of an activation that they use. Types only. */
import type { Ledger, Refusal } from '../../budget/index.ts'
import type { ErrorRecord } from '../../errors/index.ts'
import type { Commit, InboxMessage, RunStarted, Value } from '../../journal/index.ts'
import type { Clock, Json, RunId, SparseMap } from '../../primitives/index.ts'
import type { EffectOp, Sighting, WaitOp } from '../engine.port.ts'
import type { BudgetRoom } from './budget-room.ts'
import type { Draft } from './draft.ts'
import type { OwnLease } from './own-lease.ts'
import type { Pause } from './pause.ts'
import type { Otherwise, StandingHolds } from './standing-holds.ts'

/** What the journal knows of an effect that has no outcome yet. */
export interface PriorAttempts {
  /** The highest attempt that is recorded. */
  readonly attempt: number
  /** Those that started, and nothing says how they went: one, or more where the effect was hedged. */
  readonly open: readonly number[]
  readonly doubted: boolean
  readonly retryAt: number | undefined
  readonly last: ErrorRecord | undefined
  /** It was begun as one that may happen once only. */
  readonly once?: boolean | undefined
  /** Default true: the record of this activation says what was asked. */
  readonly isAsked?: boolean | undefined
}

/** What a person says of an effect in doubt. */
export type Verdict = Extract<InboxMessage, { type: 'resolve' }>
export interface Doubt {
  /** Which attempt is in doubt, and why. */
  readonly data: { readonly code: string; readonly message: string; readonly attempt: number }
  readonly resolve: (verdict: Verdict) => void
}

/** What is written in the same transaction as the entries. */
export type Beside = Partial<Pick<Commit, 'head' | 'blobs' | 'taken' | 'release'>> & {
  /** What the first entry becomes when what it is to hold does not fit the accounts that outlive the run. */
  readonly otherwise?: Otherwise | undefined
}

export interface RunGround {
  readonly run: RunId
  readonly started: RunStarted
  readonly clock: Clock
  readonly ledger: Ledger
  readonly standing: StandingHolds
  readonly priors: ReadonlyMap<string, PriorAttempts>
  readonly waits: ReadonlyMap<string, WaitOp>
  /** Effects whose doubt waits for a person, by key. */
  readonly doubts: ReadonlyMap<string, Doubt>
  /** Effects with an undo that were driven here, by key: each resolves once nothing more will be recorded of it, or once only a person can tell. */
  readonly decisions: SparseMap<string, Promise<void>>
  /** When this activation, or the run itself, began (epoch ms). */
  readonly resumedAt: number
  readonly over: boolean
  readonly lease: OwnLease
  readonly pause: Pause
  /** What the idempotency key of this effect is made of. */
  identityOf(op: EffectOp): string
  /** True when it was shown to somebody who watches for parts. */
  sight(sighting: Sighting): boolean
  load(value: Value): Json | Promise<Json>
  /** Appends entries and, once they are durable, queues those that are outcomes. */
  append(drafts: readonly Draft[], beside?: Beside): Promise<void>
  /** Something is under way that will bring an outcome. */
  begin(): void
  finish(): void
  /** Ends the activation at once: the lease is lost, or the store fails. */
  fail(error: unknown): void
  /** What a person says of an effect in doubt; the run may rest until then. */
  doubt(key: string, data: Doubt['data']): Promise<Verdict>
  readonly room: BudgetRoom
  /** Until there may be room for what was refused; the run may rest until then. */
  untilRoom(key: string, refusal: Refusal): Promise<void>
  /** A wait is answered: nothing else may answer it. */
  answered(key: string): void
}
