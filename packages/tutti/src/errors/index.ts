export { catalogue, type Disposition, type ErrorCode, type KnownErrorCode } from './catalogue.ts'
export { sayThrown } from './thrown.ts'
export { type ErrorData, type ErrorDetail, type ErrorRecord, notDone, rebuildError, recordError, TuttiError } from './tutti-error.ts'
