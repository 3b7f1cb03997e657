/**
 * Where journals live. Types only; `conformance.ts` in `testing/` holds the suite that every implementation passes.
 *
 * Owns: entries, blobs, the head of each run, leases, and the inbox through which others reach a run.
 * Does not own: what entries mean. It never decodes a value.
 * Invariants: I1 (an `append` resolves only when its entries are durable), I2 (an append with an older epoch is refused with
 * JOURNAL_FENCED and the rest of its commit group is not harmed), I6 (a failing disk rejects with JOURNAL_UNWRITABLE; nothing
 * later is accepted for that run until it is read again), I10 (constant time per append, linear time per read).
 */
import type { AccountState } from '../budget/index.ts'
import type { Json, RunId, Scope } from '../primitives/index.ts'
import type { Subject } from './encryption.port.ts'
import type { Entry, Value } from './entry.ts'
import type { LimitBook } from './limit.port.ts'
import type { PartBook } from './part.port.ts'
import type { Admission, QueuePlace } from './queue.port.ts'
import type { ScheduleChange, ScheduleState } from './schedule.port.ts'
import type { AccountFilter, StandingChange } from './standing.port.ts'

/** `queued`: of a flow with a queue, and not begun yet. */
export type RunStatus = 'queued' | 'running' | 'waiting' | 'suspended' | 'completed' | 'failed' | 'cancelled'

/** The line a store keeps of a run, so that runs can be listed and woken without reading their journals. */
export interface RunHead {
  readonly run: RunId
  readonly flow: string
  readonly version: string
  readonly scope: Scope
  readonly status: RunStatus
  readonly createdAt: number
  readonly updatedAt: number
  /** Hash of flow, version and input: tells a repeated start from a clash of ids. */
  readonly startHash: string
  readonly labels: Readonly<Record<string, string>>
  /** Highest `seq` appended. */
  readonly lastSeq: number
  /** When a run at rest wants to be activated (epoch ms): the earliest of its timers. */
  readonly wakeAt?: number | undefined
  /** The signals a run at rest waits for. */
  readonly waiting?: readonly OpenWait[] | undefined
  /** Activations in a row that appended nothing but `run.resumed`. */
  readonly stalls: number
  readonly epoch: number
  readonly owner?: string | undefined
  /** Epoch ms. */
  readonly leaseUntil?: number | undefined
  /** In a list: this line does not hold what was written, so nothing in it can be relied on; `head` of this run is refused as JOURNAL_CORRUPT. */
  readonly damaged?: true | undefined
}

export interface OpenWait {
  readonly signal: string
  readonly key: string
  readonly until?: number | undefined
  readonly data?: Json | undefined
}

/** What a writer may change of the head of its run. A field that is there and `undefined` clears `wakeAt` or `waiting`; one that is left out stays. */
export type HeadChange = Partial<Pick<RunHead, 'status' | 'wakeAt' | 'waiting' | 'stalls' | 'version'>>

export interface NewRun extends Pick<RunHead, 'run' | 'flow' | 'version' | 'scope' | 'createdAt' | 'startHash' | 'labels'> {
  /** The first entries, `seq` from 1. */
  readonly entries: readonly Entry[]
  readonly blobs?: Blobs | undefined
  /** How it stands: `queued`, or, of a run that comes from another store, as it stood there. Default: `running`, and nothing waited for. */
  readonly head?: HeadChange | undefined
  /** Of a run that comes from another store: the messages it had not taken. */
  readonly inbox?: readonly InboxMessage[] | undefined
  /** The lease that the creator takes with it; left out, the run waits to be activated. */
  readonly lease?: { readonly owner: string; readonly until: number } | undefined
}

/** Text by `hash128`. */
export type Blobs = ReadonlyMap<string, string>

export interface Commit {
  readonly run: RunId
  /** The epoch of the lease under which it is written; a run that was never leased (epoch 0) is not written to. */
  readonly epoch: number
  /** `seq` is given by the writer and goes on from `lastSeq`; may be empty when only the head changes. */
  readonly entries: readonly Entry[]
  /** The same as `entryText` writes them, where that was done already: it need not be done again. */
  readonly lines?: readonly string[] | undefined
  readonly blobs?: Blobs | undefined
  readonly head?: HeadChange | undefined
  /** Inbox messages that these entries answer; removed in the same transaction. */
  readonly taken?: readonly string[] | undefined
  /** Gives up the lease in the same transaction. The epoch stays the fence: until somebody takes the run, its last holder may still write. */
  readonly release?: boolean | undefined
  /** What it asks of accounts that outlive the run, in the same transaction. */
  readonly standing?: StandingChange | undefined
}

export interface Lease {
  readonly run: RunId
  readonly epoch: number
  readonly until: number
  /** Of the run, when it was taken: where the store says it along. */
  readonly lastSeq?: number | undefined
}

export interface Admitted {
  readonly runs: readonly AdmittedRun[]
  /** Those of `first` that cannot be taken, however much room there is: another owner holds them, they have ended, or are not there. */
  readonly elsewhere: readonly RunId[]
  /** Nothing is left in the lines for these versions. */
  readonly drained: boolean
  /** Who holds what this queue lets through at once: a process of theirs that is gone need not be waited for. */
  readonly holders: readonly string[]
  /** When the rate lets the next one begin (epoch ms), if it is the rate that holds one back. */
  readonly nextAt?: number | undefined
}

export interface AdmittedRun {
  readonly lease: Lease
  /** With the lease. */
  readonly head: RunHead
  /** It was queued: nobody has driven it yet. */
  readonly isNew: boolean
}

/** How others reach a run, whoever drives it. `id` makes it idempotent within its run; one that tutti made (`messageId()`) is forgotten once it is taken. */
export type InboxMessage =
  | { readonly id: string; readonly type: 'signal'; readonly signal: string; readonly key?: string | undefined; readonly value: Value }
  | { readonly id: string; readonly type: 'cancel'; readonly reason: string }
  | { readonly id: string; readonly type: 'pause'; readonly reason: string }
  | { readonly id: string; readonly type: 'grant'; readonly more: Json }
  | {
      readonly id: string
      readonly type: 'resolve'
      readonly key: string
      /** The attempt that was looked into. Left out: whichever is in doubt when it is read. */
      readonly attempt?: number | undefined
      readonly verdict: 'done' | 'not-done'
      readonly value?: Value | undefined
    }

/** A flow in one of its versions: what a run is pinned to (I9). */
export type FlowVersion = Pick<RunHead, 'flow' | 'version'>

export interface RunFilter {
  readonly flow?: string | undefined
  readonly tenant?: string | undefined
  readonly status?: readonly RunStatus[] | undefined
  /** With all of these. No index holds them: it costs linear time in the runs that fit otherwise, until the limit is reached. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Newest first; default 100. */
  readonly limit?: number | undefined
  readonly before?: number | undefined
}

/** What `remove` did, or would do: of a removed run nothing is left, of a kept one nothing is touched. */
export interface Removal {
  readonly removed: readonly RunId[]
  readonly kept: readonly KeptRun[]
  /** Of the removed runs. */
  readonly entries: number
  /** Text of their entries and messages, and of the blobs that went with them. */
  readonly bytes: number
}

export interface KeptRun {
  readonly run: RunId
  /** `forked`: the run `by` was forked from it, has not ended, and reads its record when it is resumed. */
  readonly why: 'not-found' | 'not-ended' | 'forked'
  readonly by?: RunId | undefined
}

export interface JournalStore {
  /** Which kind of store, for messages: `memory`, `sqlite`, … */
  readonly '~store': string
  /** Opens it when it is not open yet; every other call does so too. @throws JOURNAL_NEWER | JOURNAL_CORRUPT | JOURNAL_UNWRITABLE | JOURNAL_LOCKED */
  open(): Promise<void>
  /**
   * Writes a run and its first entries, or answers the run that already has this id.
   * @throws RUN_NOT_FOUND when it is begun, under a lease or queued, as the fork of a run that is not here (any more)
   */
  create(run: NewRun): Promise<{ readonly created: true; readonly head: RunHead } | { readonly created: false; readonly head: RunHead }>
  /**
   * Durable when it resolves. All that is appended in one turn of the event loop is one transaction (at most 512 entries each). Answers the line that was written
   * instead of the first entry, when what it was to hold does not fit. @throws JOURNAL_FENCED | JOURNAL_UNWRITABLE
   */
  append(commit: Commit): Promise<string | undefined>
  /**
   * In `seq` order; reads in pages, so that a long journal does not block the event loop. Default: from the beginning.
   * @throws RUN_NOT_FOUND when the run is removed while it is read
   */
  read(run: RunId, o?: { readonly after?: number | undefined }): AsyncIterable<Entry>
  /** @param run that names it: an encrypted store finds it quicker. @throws JOURNAL_CORRUPT when the blob is missing or does not have its hash. */
  blob(hash: string, run?: RunId): Promise<string>
  /** @throws JOURNAL_CORRUPT when its line is damaged. */
  head(run: RunId): Promise<RunHead | undefined>
  /** A damaged line is marked; of one tenant's runs, or of those with a label, it is left out, because it cannot be known to be one of them. */
  list(filter?: RunFilter): Promise<readonly RunHead[]>
  /**
   * Takes the lease of a run that has none, or whose lease ran out: epoch + 1. The owner who holds it may take it again, which fences what it did before.
   * A run that was queued is `running` from then on. `undefined` when another owner holds it, the run has ended, or there is no such run. `now` and
   * `until` are epoch ms.
   */
  acquire(run: RunId, owner: string, now: number, until: number): Promise<Lease | undefined>
  /** Takes the leases of as many runs of one flow as its queue lets through now, in one transaction, whichever process asks. */
  admit(admission: Admission): Promise<Admitted>
  /** Where a queued run stands in its queue; `undefined` when it is not queued. */
  place(run: RunId): Promise<QueuePlace | undefined>
  /** Answers the runs whose lease is lost. One that ran out is renewed too, unless somebody has the run, or its place in a queue, by then. */
  renew(leases: readonly Lease[], until: number): Promise<readonly RunId[]>
  /** The accounts that runs have held in, and that are still remembered: those of the newest periods first. */
  accounts(filter?: AccountFilter): Promise<readonly AccountState[]>
  /** Puts a message in the inbox of a run; `duplicate` when this id was ever posted to it. @throws RUN_NOT_FOUND */
  post(run: RunId, message: InboxMessage, now: number): Promise<'posted' | 'duplicate'>
  inbox(run: RunId): Promise<readonly InboxMessage[]>
  /**
   * Runs of these flows, in these versions, that nobody drives and that could go on: `running` without a living lease, `wakeAt` passed, or with
   * something in the inbox. A `suspended` run waits for a person, so it is due only when its inbox holds a `cancel`. Of those that are `queued` one a
   * flow and version, which says that there are some. A damaged line is left out.
   */
  due(flows: readonly FlowVersion[], now: number, limit: number): Promise<readonly RunHead[]>
  /** Runs of these flows that have not ended and hold a message that nobody took yet, whoever drives them. A damaged line is left out. */
  unheard(flows: readonly string[], limit: number): Promise<readonly RunHead[]>
  schedules(): Promise<readonly ScheduleState[]>
  /** Notes something of a schedule, making it when it is not there; `considered` never goes back. */
  keepSchedule(name: string, change: ScheduleChange): Promise<void>
  /** False when there was none. */
  dropSchedule(name: string): Promise<boolean>
  /**
   * Removes runs that have ended, in one transaction: entries, head, inbox, and the blobs that no other run names. A run that may not be removed is kept,
   * and said why. `dryRun`: says what it would do, and does not do it. `force`: also runs that have not ended, whose drivers are refused from then on.
   */
  remove(runs: readonly RunId[], o?: { readonly dryRun?: boolean | undefined; readonly force?: boolean | undefined }): Promise<Removal>
  /**
   * Around an erasure. `begin`: what comes from now on of this subject is sealed with other keys. `end`, once its runs are removed: destroys the keys of before, and
   * overwrites whatever is left of removed rows. Answers how many keys were destroyed; a store that is not encrypted has none.
   * @throws JOURNAL_LOCKED when another process still reads what is to be overwritten
   */
  shred(subject: Subject, step: 'begin' | 'end'): Promise<number>
  /** Gives the room of what was removed back, a part at a time; others have their turn in between. */
  compact(): Promise<void>
  /**
   * Calls `changed` when another process may have changed the store, a message was posted or a schedule changed; may call it too often. With a run: only
   * that one has changed; `'progress'`: it holds more entries, and neither rests nor has ended nor was sent anything. Returns how to stop.
   */
  watch(changed: (run?: RunId, what?: 'progress') => void): () => void
  /** How much was asked of models in the last minute, over all processes on the store. Left out: each process counts for itself. */
  readonly limits?: LimitBook | undefined
  /** What is shown of steps under way, for other processes on the store. Left out: it is seen in the process that drives the run, and nowhere else. */
  readonly parts?: PartBook | undefined
  /** Waits for what was appended, then closes; a later call opens it again. */
  close(): Promise<void>
}
