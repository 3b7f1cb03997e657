/** The ledger of a run as its journal tells it. */
import { type Amounts, type Budget, Ledger } from '../../budget/index.ts'
import type { Entry } from '../../journal/index.ts'

export function ledgerOf(budget: Budget | undefined, record: readonly Entry[]): Ledger {
  const ledger = new Ledger(budget)
  for (const entry of record) {
    if (entry.type === 'step.started' && entry.hold) ledger.restoreHold(entry.draws ?? [], tokenOf(entry.key, entry.attempt), entry.hold)
    else if (entry.type === 'step.completed' || entry.type === 'step.failed') settleFrom(ledger, entry.key, entry.attempt ?? 1, entry.settle)
    else if (entry.type === 'budget.settled') ledger.settle(tokenOf(entry.key, entry.attempt), entry.settle)
    else if (entry.type === 'budget.granted') ledger.grant(entry.key, entry.more)
  }
  return ledger
}

export const tokenOf = (key: string, attempt: number): string => `${key}@${attempt}`

function settleFrom(ledger: Ledger, key: string, attempt: number, settle: Amounts | undefined): void {
  const token = tokenOf(key, attempt)
  if (ledger.holding(token)) ledger.settle(token, settle)
  else if (settle) ledger.spend([], settle)
}
