/** What a commit asks of the accounts that outlive its run: part of the same transaction. Types only. */
import type { AccountClaim, AccountState, Amounts, OpenHold, Per } from '../budget/index.ts'
import type { EntryOf } from './entry.ts'

/** First what is settled, then the hold. */
export interface StandingChange {
  readonly hold?: StandingHold | undefined
  readonly settles?: readonly StandingSettle[] | undefined
  /** What the run still holds is settled in full: nothing of it is called any more. */
  readonly closes?: boolean | undefined
}

export interface StandingHold {
  /** Names the attempt within its run. Asked again, it is judged anew and held once. */
  readonly token: string
  /** From the root to the leaves. */
  readonly claims: readonly AccountClaim[]
  readonly amounts: Amounts
  /** What is written in the place of the first entry when it does not fit: a failure, whose error the store says. */
  readonly instead: Omit<EntryOf<'step.failed'>, 'error'>
}

export interface StandingSettle {
  readonly token: string
  /** Left out: all of it was used. */
  readonly actual?: Amounts | undefined
}

export interface AccountFilter {
  readonly per?: Per | undefined
  readonly tenant?: string | undefined
  readonly user?: string | undefined
  readonly flow?: string | undefined
  /** Only of periods that this instant lies in, or that come after it (epoch ms). */
  readonly at?: number | undefined
}

/** Accounts and holds as the judge of a commit sees them, inside its transaction. What is changed through it is written with the commit. */
export interface AccountTable {
  /** @throws JOURNAL_CORRUPT */
  state(id: string): AccountState | undefined
  keep(state: AccountState): void
  hold(token: string): OpenHold | undefined
  /** Tokens of the run that are not settled. */
  open(): readonly string[]
  keepHold(token: string, hold: OpenHold): void
  dropHold(token: string): void
}
