/**
 * What a store is asked to write, as plain data: one job per call, so that a group of them is one transaction, on this thread or another.
 * A job is a copy: what the caller does to its entries afterwards does not reach the journal.
 */
import { type ErrorRecord, recordError, TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'
import { entryText } from './codec.ts'
import type { Subject } from './encryption.port.ts'
import type { Entry } from './entry.ts'
import type { LimitAnswer, LimitAsk, LimitChange } from './limit.port.ts'
import type { Admission } from './queue.port.ts'
import { blobsOf } from './reference.ts'
import type { ScheduleChange } from './schedule.port.ts'
import type { StandingChange } from './standing.port.ts'
import type { Admitted, Blobs, Commit, HeadChange, InboxMessage, Lease, NewRun, Removal, RunHead } from './store.port.ts'

export interface CreateJob {
  readonly op: 'create'
  readonly run: RunId
  readonly head: RunHead
  readonly bodies: readonly string[]
  readonly blobs: readonly BlobPair[]
  readonly uses: readonly string[]
  readonly inbox: readonly LetterPair[]
  /** Of a queued run: higher goes first. */
  readonly priority: number
  /** The run it is a fork of. */
  readonly source: RunId | undefined
}

export interface AppendJob {
  readonly op: 'append'
  readonly run: RunId
  readonly epoch: number
  /** `seq` of the first body; the others follow it. */
  readonly first: number
  readonly bodies: readonly string[]
  readonly blobs: readonly BlobPair[]
  /** Every blob that the run needs from now on, those beside included. */
  readonly uses: readonly string[]
  readonly head: HeadChange | undefined
  readonly taken: readonly string[]
  readonly release: boolean
  /** Time of the last entry (epoch ms). */
  readonly time: number
  readonly standing: StandingChange | undefined
}

export interface AcquireJob {
  readonly op: 'acquire'
  readonly run: RunId
  readonly owner: string
  readonly now: number
  readonly until: number
}

export interface AdmitJob extends Admission {
  readonly op: 'admit'
}

export interface RenewJob {
  readonly op: 'renew'
  readonly leases: readonly Lease[]
  readonly until: number
}

export interface PostJob {
  readonly op: 'post'
  readonly run: RunId
  readonly id: string
  readonly body: string
}

export interface RemoveJob {
  readonly op: 'remove'
  readonly runs: readonly RunId[]
  readonly dryRun: boolean
  /** Also those that have not ended, and those that a fork reads. */
  readonly force: boolean
}

/** Around an erasure: `begin` retires the keys of the subject, `end` destroys those. */
export interface ShredJob {
  readonly op: 'shred'
  readonly subject: Subject
  readonly step: 'begin' | 'end'
}

export interface KeepScheduleJob {
  readonly op: 'keep-schedule'
  readonly name: string
  readonly change: ScheduleChange
}

export interface DropScheduleJob {
  readonly op: 'drop-schedule'
  readonly name: string
}

export interface TakeLimitJob extends LimitAsk {
  readonly op: 'take-limit'
}

export interface ChangeLimitJob extends LimitChange {
  readonly op: 'change-limit'
}

export type BlobPair = readonly [hash: string, text: string]
export type LetterPair = readonly [id: string, body: string]
export type Job =
  | CreateJob
  | AppendJob
  | AcquireJob
  | AdmitJob
  | RenewJob
  | PostJob
  | RemoveJob
  | ShredJob
  | KeepScheduleJob
  | DropScheduleJob
  | TakeLimitJob
  | ChangeLimitJob

/** One job was refused; the rest of its group is not harmed. */
export interface Refusal {
  readonly refused: ErrorRecord
}
export interface Created {
  readonly created: boolean
  readonly head: RunHead
}
/**
 * What each job is answered, in the order of the jobs. An append that went well is answered `undefined`; one whose hold did not fit, the line that was written
 * instead of its first entry.
 */
export type Answer = undefined | boolean | number | string | Created | Lease | Admitted | readonly RunId[] | Removal | LimitAnswer | Refusal

/** Writes the jobs in one transaction, in order. Throws when none of them was written. */
export type WriteGroup = (jobs: readonly Job[]) => readonly Answer[] | Promise<readonly Answer[]>

export const isRefusal = (answer: Answer): answer is Refusal => typeof answer === 'object' && 'refused' in answer

const nothing: readonly never[] = []

const priorityOf = ([started]: readonly Entry[]): number => (started?.type === 'run.started' ? (started.priority ?? 0) : 0)

export function createJob(start: NewRun): CreateJob {
  const { run, flow, version, createdAt, startHash, entries, lease } = start
  const bodies = bodiesOf(run, entries, 1)
  const { scope, labels } = JSON.parse(JSON.stringify({ scope: start.scope, labels: start.labels })) as Pick<NewRun, 'scope' | 'labels'>
  const { status = 'running', stalls = 0, wakeAt, waiting } = start.head ? copyChange(start.head) : {}
  const head: RunHead = {
    run,
    flow,
    version,
    scope,
    status,
    createdAt,
    updatedAt: entries.at(-1)?.time ?? createdAt,
    startHash,
    labels,
    lastSeq: entries.length,
    ...(wakeAt !== undefined && { wakeAt }),
    ...(waiting && { waiting }),
    stalls,
    epoch: lease ? 1 : 0,
    ...(lease && { owner: lease.owner, leaseUntil: lease.until }),
  }
  return {
    op: 'create',
    run,
    head,
    bodies,
    blobs: start.blobs ? [...start.blobs] : nothing,
    uses: usesOf([...entries, ...(start.inbox ?? nothing)], start.blobs),
    inbox: start.inbox?.map((message) => [message.id, JSON.stringify(message)]) ?? nothing,
    priority: priorityOf(entries),
    source: entries[1]?.type === 'run.forked' ? entries[1].from : undefined,
  }
}

export function appendJob(commit: Commit): AppendJob {
  const { run, epoch, entries, lines, blobs, head, taken, release, standing } = commit
  const first = entries.length > 0 ? (entries[0] as Entry).seq : 0
  return {
    op: 'append',
    run,
    epoch,
    first,
    bodies: bodiesOf(run, entries, first, lines),
    blobs: blobs ? [...blobs] : nothing,
    uses: usesOf(entries, blobs),
    head: head && copyChange(head),
    taken: taken ? [...taken] : nothing,
    release: release === true,
    time: entries.at(-1)?.time ?? 0,
    standing,
  }
}

/** Bodies of an append whose hold did not fit; one that writes no entries writes none of it either. */
export const withInstead = (bodies: readonly string[], instead: string): readonly string[] => (bodies.length === 0 ? bodies : [instead, ...bodies.slice(1)])

export const postJob = (run: RunId, message: InboxMessage): PostJob => ({ op: 'post', run, id: message.id, body: JSON.stringify(message) })

/** At most so many entries in one transaction; a single commit with more is one by itself. */
export const GROUP_ENTRIES = 512

/** What follows in the same turn when a run is created, its flow begun, costs about as much as so many steps. */
const CREATE_WEIGHT = 4

/** How many entries a job brings to its transaction. A removal is as many as a group may hold: nothing waits behind it longer than for itself. */
export function entriesOf(job: Job): number {
  if (job.op === 'remove') return GROUP_ENTRIES
  if (job.op === 'create') return job.bodies.length * CREATE_WEIGHT
  return job.op === 'append' ? job.bodies.length : 0
}

export function refuseUnknown(run: RunId): Refusal {
  return { refused: recordError(new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })) }
}

/** It is begun here, now or when its turn has come; what comes from another store goes on where it was. */
export const isToBegin = ({ owner, status }: RunHead): boolean => owner !== undefined || status === 'queued'

/** What whoever reads it is told. */
export const removedMeanwhile = (run: RunId): TuttiError =>
  new TuttiError('RUN_NOT_FOUND', `the run '${run}' was removed while it was read`, { data: { run }, hint: 'What was read of it is only its beginning.' })

export function refuseFull(run: RunId): Refusal {
  const hint = 'Split the work: let the flow call other flows, each a run of its own.'
  return { refused: recordError(new TuttiError('JOURNAL_UNWRITABLE', `run '${run}' holds as many entries as a run can`, { data: { run }, hint })) }
}

/** Why this append may not be written, if it may not: an older epoch (I2), or entries that do not go on from the last one. */
export function refuseAppend(job: AppendJob, held: { readonly epoch: number; readonly lastSeq: number }): Refusal | undefined {
  const { run, epoch, first, bodies } = job
  if (epoch !== held.epoch || epoch === 0) {
    const message =
      held.epoch === 0 ? `run '${run}' was written to without a lease` : `run '${run}' is held under epoch ${held.epoch}; epoch ${epoch} may not write any more`
    return { refused: recordError(new TuttiError('JOURNAL_FENCED', message, { data: { run, epoch, heldEpoch: held.epoch } })) }
  }
  if (bodies.length > 0 && first !== held.lastSeq + 1) {
    const message = `entry ${first} of run '${run}' does not follow entry ${held.lastSeq}, the last one written`
    return {
      refused: recordError(
        new TuttiError('JOURNAL_FENCED', message, {
          data: { run, seq: first, lastSeq: held.lastSeq },
          disposition: 'bug',
          hint: 'Read the run again before writing to it.',
        }),
      ),
    }
  }
  return undefined
}

function usesOf(holders: readonly (Entry | InboxMessage)[], blobs: Blobs | undefined): readonly string[] {
  let uses: Set<string> | undefined = blobs && blobs.size > 0 ? new Set(blobs.keys()) : undefined
  for (const holder of holders) for (const hash of blobsOf(holder)) uses = (uses ?? new Set()).add(hash)
  return uses ? [...uses] : nothing
}

function bodiesOf(run: RunId, entries: readonly Entry[], first: number, lines?: readonly string[]): readonly string[] {
  const bodies = new Array<string>(entries.length)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry
    if (entry.seq !== first + i)
      throw new TuttiError('JOURNAL_FENCED', `entry ${entry.seq} of run '${run}' stands where entry ${first + i} belongs`, {
        data: { run, seq: entry.seq },
        disposition: 'bug',
      })
    bodies[i] = lines?.[i] ?? entryText(entry)
  }
  return bodies
}

/** A field that is there and `undefined` clears what the head holds, so the copy keeps it. */
function copyChange(change: HeadChange): HeadChange {
  const { waiting } = change
  return waiting ? { ...change, waiting: JSON.parse(JSON.stringify(waiting)) as typeof waiting } : { ...change }
}
