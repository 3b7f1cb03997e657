export { type Amounts, type Budget, nothing, sum, type Usage } from './amounts.ts'
