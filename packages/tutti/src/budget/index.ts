export { type Amounts, type Budget, type Exhaustion, nothing, type OnExhausted, sum, tighter, type Usage } from './amounts.ts'
export { Ledger, type Limited, type Refusal } from './ledger.ts'
