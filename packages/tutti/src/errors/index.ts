export { catalogue, type Disposition, type ErrorCode, type KnownErrorCode } from './catalogue.ts'
export { type ErrorData, type ErrorRecord, notDone, rebuildError, recordError, TuttiError } from './tutti-error.ts'
