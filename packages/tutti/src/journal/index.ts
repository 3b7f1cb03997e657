export { admit, type Held, type Line, type QueueFacts } from './admission.ts'
export { exportToFile } from './archive.ts'
export { checkBlob, corruptEntry, entryText, INLINE_BYTES, joinValue, parseEntry, type SplitValue, splitValue } from './codec.ts'
export { CommitQueue } from './commit-queue.ts'
export type { EncryptionOptions, Subject } from './encryption.port.ts'
export {
  type Asked,
  type At,
  type BlobRef,
  type Effect,
  type Entry,
  type EntryOf,
  type EntryType,
  isBlobRef,
  isTerminal,
  JOURNAL_FORMAT,
  type NotUndone,
  type Retuned,
  type Reused,
  type RunForked,
  type RunPatched,
  type RunStarted,
  type SignalAwaited,
  type StepCompleted,
  type StepFailed,
  type StepKind,
  type StepStarted,
  type Value,
} from './entry.ts'
export { type Erased, type EraseOptions, eraseSubject } from './erase.ts'
export { everyRun } from './every-run.ts'
export {
  type AcquireJob,
  type AdmitJob,
  type Answer,
  type AppendJob,
  appendJob,
  type BlobPair,
  type Created,
  type CreateJob,
  createJob,
  isToBegin,
  type Job,
  type KeepScheduleJob,
  type PostJob,
  postJob,
  type RemoveJob,
  type RenewJob,
  refuseAppend,
  refuseUnknown,
  removedMeanwhile,
  type ShredJob,
  withInstead,
} from './job.ts'
export { hasLabels } from './labels.ts'
export type { LimitAnswer, LimitAsk, LimitBook, LimitChange } from './limit.port.ts'
export { changeIn, memoryLimits, type Slot, takeFrom } from './limit-window.ts'
export { MemoryBooks } from './memory-books.ts'
export { booksStore, memoryStore } from './memory-store.ts'
export { isMade, messageId } from './message-id.ts'
export { LIST_LIMIT, nextTurn, READ_PAGE } from './page.ts'
export type { PartBook, PartReader, ShownPart } from './part.port.ts'
export { type Pruned, type PruneKept, type PruneOptions, type PruneProgress, pruneRuns } from './prune.ts'
export { checkCriteria, type EndedStatus, type RunCriteria } from './prune-criteria.ts'
export type { Admission, QueueLimits, QueuePlace, Rate } from './queue.port.ts'
export { type LineLength, placeAmong } from './queue-place.ts'
export type { ScheduleChange, ScheduleState } from './schedule.port.ts'
export { SCHEMA_VERSION } from './sqlite-schema.ts'
export { type SqliteOptions, type SqliteStats, type SqliteStore, sqliteStore } from './sqlite-store.ts'
export type { AccountFilter, AccountTable, StandingChange, StandingHold, StandingSettle } from './standing.port.ts'
export { type AccountColumns, accountIn, byPeriod, FORGOTTEN_AT_ONCE, isRefusedText, isWanted, judge, parseSums, refusedText, sumsText } from './standing.ts'
export { endedStatuses, hasEnded } from './status.ts'
export type {
  Admitted,
  AdmittedRun,
  Blobs,
  Commit,
  FlowVersion,
  HeadChange,
  InboxMessage,
  JournalStore,
  KeptRun,
  Lease,
  NewRun,
  OpenWait,
  Removal,
  RunFilter,
  RunHead,
  RunStatus,
} from './store.port.ts'
export { exportRun, type Imported, importRun } from './transfer.ts'
export { rotateKey } from './vault.ts'
