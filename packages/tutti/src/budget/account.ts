/**
 * Accounts that outlive runs: what a tenant, a user or a flow may use in an hour, a day or a month, over all its runs and all processes on one store.
 *
 * Owns: the arithmetic. Does not own: where accounts are kept, what locks them (the stores).
 * Invariants: a hold is granted by all accounts it names, or by none; spent + held of an account never passes the limit that a hold was judged by. An account counts
 * what was held in its period, whenever that is settled.
 */
import { type ErrorRecord, recordError, TuttiError } from '../errors/index.ts'
import { type Amounts, nothing, sum } from './amounts.ts'
import { amountOf, type Limited, type Limits, limitedNames, minus } from './ledger.ts'
import type { Every } from './period.ts'
import { sayNoRoom } from './say-limit.ts'

export type Per = 'tenant' | 'user' | 'flow'

/** Which account it is. */
export interface AccountKey {
  /** Hash of all that tells it from others. */
  readonly id: string
  readonly per: Per
  readonly every: Every
  /** Not of a flow. */
  readonly tenant?: string | undefined
  /** Of a user's; left out where a run has none. */
  readonly user?: string | undefined
  readonly flow?: string | undefined
  readonly period: string
  /** Epoch ms: the first instant of the period, the first after it, and when nobody need remember it any more. */
  readonly from: number
  readonly until: number
  readonly keepUntil: number
}

/** An account as a hold asks it, with what it may use in all. */
export interface AccountClaim extends AccountKey {
  readonly limits: Limits
}

export interface AccountSums {
  readonly spent: Amounts
  readonly held: Amounts
}

/** What a store keeps of an account. */
export interface AccountState extends AccountKey, AccountSums {
  /** What the last hold in it was judged by. */
  readonly limits: Limits
  /** Whose it is was erased, or is sealed with a key that is gone. */
  readonly isErased?: true | undefined
}

/** What is held for one attempt, and where. */
export interface OpenHold {
  readonly accounts: readonly string[]
  readonly amounts: Amounts
}

export interface AccountRefusal {
  readonly claim: AccountClaim
  readonly limit: Limited
  readonly allowed: number
  readonly taken: number
  readonly asked: number
}

export const emptySums: AccountSums = { spent: nothing, held: nothing }

/** Why this may not be held there, if it may not. */
export function refusalOf(claim: AccountClaim, { spent, held }: AccountSums, amounts: Amounts): AccountRefusal | undefined {
  for (const limit of limitedNames) {
    const allowed = claim.limits[limit]
    if (allowed === undefined) continue
    const asked = amountOf(amounts, limit)
    const taken = amountOf(spent, limit) + amountOf(held, limit)
    if (asked > 0 && taken + asked > allowed) return { claim, limit, allowed, taken, asked }
  }
  return undefined
}

export const withHeld = ({ spent, held }: AccountSums, amounts: Amounts): AccountSums => ({ spent, held: sum(held, amounts) })

export const withSettled = ({ spent, held }: AccountSums, hold: Amounts, used: Amounts): AccountSums => ({ spent: sum(spent, used), held: minus(held, hold) })

/** As a person names it: `tenant 'acme', day 2026-11-30`. */
function accountName({ per, tenant, user, flow, every, period }: AccountKey): string {
  const whose =
    per === 'flow'
      ? `flow '${flow ?? '?'}'`
      : per === 'tenant'
        ? `tenant '${tenant ?? '?'}'`
        : user === undefined
          ? `nobody of '${tenant ?? '?'}'`
          : `user '${user}' of '${tenant ?? '?'}'`
  return `${whose}, ${every} ${period}`
}

/** What the call is told that was not made. */
export function accountExceeded(refusal: AccountRefusal, key: string): ErrorRecord {
  const { claim, limit, allowed, taken, asked } = refusal
  const account = accountName(claim)
  const until = new Date(claim.until).toISOString()
  return recordError(
    new TuttiError('BUDGET_EXCEEDED', `'${key}' ${sayNoRoom(refusal, account)}`, {
      data: { account, limit, allowed, taken, asked, until },
      hint: `The next ${claim.every} begins at ${until}. A higher limit in tutti({ budgets }) holds at once.`,
    }),
  )
}
