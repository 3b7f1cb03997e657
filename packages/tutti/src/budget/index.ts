export {
  type AccountClaim,
  type AccountKey,
  type AccountRefusal,
  type AccountState,
  type AccountSums,
  accountExceeded,
  accountName,
  emptySums,
  type OpenHold,
  type Per,
  refusalOf,
  withHeld,
  withSettled,
} from './account.ts'
export { type Amounts, type Budget, type Exhaustion, nothing, type OnExhausted, sum, tighter, type Usage, unsound } from './amounts.ts'
export { Ledger, type Limited, type Limits, type Refusal } from './ledger.ts'
export type { Every } from './period.ts'
export { type Drawn, type StandingBudget, StandingBudgets } from './standing-budget.ts'
