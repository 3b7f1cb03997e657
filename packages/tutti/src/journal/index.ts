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
  type StepKind,
  type Value,
} from './entry.ts'
export type { Blobs, Commit, HeadChange, InboxMessage, JournalStore, Lease, NewRun, OpenWait, RunFilter, RunHead, RunStatus } from './store.port.ts'
