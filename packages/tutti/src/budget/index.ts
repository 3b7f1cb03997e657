export {
  type AccountClaim,
  type AccountRefusal,
  type AccountState,
  accountExceeded,
  emptySums,
  type OpenHold,
  type Per,
  refusalOf,
  withHeld,
  withSettled,
} from './account.ts'
export { type Amounts, type Budget, type Exhaustion, exhaustionPolicies, nothing, type OnExhausted, sum, tighter, type Usage, unsound } from './amounts.ts'
export { checkGrant, declaredLimits, Ledger, type Limited, type Limits, type Refusal } from './ledger.ts'
export type { Every } from './period.ts'
export { sayLimited, sayNoRoom } from './say-limit.ts'
export { type StandingBudget, StandingBudgets } from './standing-budget.ts'
