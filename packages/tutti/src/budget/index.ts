export { type Amounts, type Budget, nothing, sum, tighter, type Usage } from './amounts.ts'
export { Ledger, type Limited, type Refusal } from './ledger.ts'
