export { LazyAbort, untilAborted } from './abort.ts'
export { type Clock, systemClock } from './clock.ts'
export { type Duration, durationMs } from './duration.ts'
export { type Failpoint, failpoint, failpoints, watchFailpoints } from './failpoint.ts'
export { hash128, hashFraction, hashOften, hashUuid } from './hash.ts'
export { newId, newRunId, type RunId } from './ids.ts'
export { canonical, decode, encode, type Json } from './json.ts'
export { nearest } from './near-name.ts'
export { is, type OptionKind } from './option-kind.ts'
export { checkOptions, checkValue, type Declared, type Elsewhere, insteadOf, sayGiven, sayKnown, sayText } from './options.ts'
export {
  type Checked,
  type Complaint,
  check,
  type InOf,
  type JsonSchema,
  jsonSchemaOf,
  type ModelSchema,
  type OutOf,
  type Schema,
  sayComplaints,
  validate,
} from './schema.ts'
export type { Scope } from './scope.ts'
export { shownJson, shownText } from './shown.ts'
export { slipOf } from './slip.ts'
export { SparseMap, SparseSet } from './sparse.ts'
