/** What was used of standing budgets, as a person or a program reads it: a reading of the accounts of a store. */
import type { AccountState, Amounts, Budget, Every, Per, StandingBudgets } from './budget/index.ts'
import type { JournalStore } from './journal/index.ts'

export interface SpendingFilter {
  readonly per?: Per | undefined
  readonly tenant?: string | undefined
  readonly user?: string | undefined
  readonly flow?: string | undefined
  /** Also periods that are over, as long as they are remembered: hours 35 days, days 400. Default: only those of now. */
  readonly past?: boolean | undefined
}

/** What may be used of each amount, what was, and what calls under way may still use. Money in USD. */
export interface SpentAmounts {
  readonly usd: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly modelCalls: number
  readonly toolCalls: number
}

/** An account: what one tenant, user or flow used in one period. */
export interface Spending {
  readonly per: Per
  readonly every: Every
  readonly tenant?: string | undefined
  /** Of a user's account; left out: the runs of the tenant that have no user. */
  readonly user?: string | undefined
  readonly flow?: string | undefined
  /** Whose it was is erased: what it used stays counted. */
  readonly isErased?: true | undefined
  /** As in `2026-11-30`. */
  readonly period: string
  readonly from: Date
  readonly until: Date
  readonly spent: SpentAmounts
  /** The worst case of calls under way. */
  readonly held: SpentAmounts
  /** Of this app; of a budget that it does not declare, what the last call was held to. */
  readonly limit: Omit<Budget, 'onExhausted'>
}

export async function readSpending(
  store: JournalStore,
  { budgets, now, past, ...filter }: SpendingFilter & { readonly budgets?: StandingBudgets | undefined; readonly now: number },
): Promise<readonly Spending[]> {
  const states = await store.accounts({ ...filter, at: past ? undefined : now })
  return states.map((state) => spendingOf(state, budgets))
}

function spendingOf({ id: _, keepUntil: __, from, until, spent, held, limits, ...account }: AccountState, budgets: StandingBudgets | undefined): Spending {
  const { microUsd, ...others } = budgets?.limitsOf(account) ?? limits
  const limit = { ...(microUsd !== undefined && { usd: microUsd / 1_000_000 }), ...others }
  return { ...account, from: new Date(from), until: new Date(until), spent: amountsOf(spent), held: amountsOf(held), limit }
}

const amountsOf = ({ microUsd, inputTokens, outputTokens, modelCalls, toolCalls }: Amounts): SpentAmounts => ({
  usd: microUsd / 1_000_000,
  inputTokens,
  outputTokens,
  modelCalls,
  toolCalls,
})
