/** What a memory store holds, and how a group of jobs changes it: the plain statement of what every store does. */
import type { RunId } from '../primitives/index.ts'
import { admit } from './admission.ts'
import type { Subject } from './encryption.port.ts'
import {
  type AcquireJob,
  type AdmitJob,
  type Answer,
  type AppendJob,
  type BlobPair,
  type CreateJob,
  isRefusal,
  isToBegin,
  type Job,
  type KeepScheduleJob,
  type PostJob,
  type RemoveJob,
  type RenewJob,
  refuseAppend,
  refuseUnknown,
  withInstead,
} from './job.ts'
import { hasLabels } from './labels.ts'
import { MemoryAccounts } from './memory-accounts.ts'
import { MemoryQueue } from './memory-queue.ts'
import { isMade } from './message-id.ts'
import { LIST_LIMIT } from './page.ts'
import type { ScheduleState } from './schedule.port.ts'
import { hasEnded } from './status.ts'
import type { AdmittedRun, FlowVersion, InboxMessage, KeptRun, Lease, Removal, RunFilter, RunHead } from './store.port.ts'

interface RunBook {
  head: RunHead
  readonly bodies: string[]
  /** By id, in the order they were posted; `undefined` once taken, so that a duplicate is still known, unless tutti made the id. */
  readonly inbox: Map<string, string | undefined>
  readonly source: RunId | undefined
  /** The blobs it names. */
  readonly uses: Set<string>
}

export class MemoryBooks {
  readonly runs = new Map<RunId, RunBook>()
  readonly blobs = new Map<string, string>()
  /** By blob: the runs that name it. */
  readonly #users = new Map<string, Set<RunId>>()
  readonly schedules = new Map<string, ScheduleState>()
  readonly accounts = new MemoryAccounts()
  readonly queue = new MemoryQueue({
    head: (run) => this.runs.get(run)?.head,
    lease: (run, job) => this.#admitOne(run, job),
    letGo: (run) => letGo(this.runs.get(run) as RunBook),
  })

  write(jobs: readonly Job[]): readonly Answer[] {
    return jobs.map((job) => this.#apply(job))
  }

  list({ flow, tenant, status, labels, limit = LIST_LIMIT, before = Number.POSITIVE_INFINITY }: RunFilter): RunHead[] {
    const wanted = ({ head }: RunBook): boolean =>
      head.createdAt < before &&
      (flow === undefined || head.flow === flow) &&
      (tenant === undefined || head.scope.tenant === tenant) &&
      (!status || status.includes(head.status)) &&
      hasLabels(head.labels, labels)
    const newestFirst = [...this.runs.values()].filter(wanted).reverse()
    return newestFirst
      .sort((a, b) => b.head.createdAt - a.head.createdAt)
      .slice(0, limit)
      .map(({ head }) => head)
  }

  due(flows: readonly FlowVersion[], now: number, limit: number): RunHead[] {
    const due: RunHead[] = []
    const isKnown = (head: RunHead): boolean => flows.some(({ flow, version }) => flow === head.flow && version === head.version)
    for (const { head, inbox } of this.runs.values()) {
      if (due.length === limit) break
      if (hasEnded(head.status) || head.status === 'queued' || isDriven(head, now) || !isKnown(head)) continue
      if (couldGoOn(head, openIn(inbox), now)) due.push(head)
    }
    for (const { flow, version } of flows) {
      const queued = this.queue.anyOf(flow, version)
      if (queued !== undefined && due.length < limit) due.push((this.runs.get(queued) as RunBook).head)
    }
    return due
  }

  unheard(flows: readonly string[], limit: number): RunHead[] {
    const books = [...this.runs.values()].filter(({ head, inbox }) => flows.includes(head.flow) && !hasEnded(head.status) && openIn(inbox).length > 0)
    return books.slice(0, limit).map(({ head }) => head)
  }

  #apply(job: Job): Answer {
    switch (job.op) {
      case 'append':
        return this.#append(job)
      case 'create':
        return this.#create(job)
      case 'acquire':
        return this.#acquire(job)
      case 'admit':
        return admit(this.queue, job)
      case 'renew':
        return this.#renew(job)
      case 'post':
        return this.#post(job)
      case 'remove':
        return this.#remove(job)
      case 'shred':
        if (job.step === 'end') this.#forget(job.subject)
        return 0
      case 'keep-schedule':
        return this.#keepSchedule(job)
      case 'drop-schedule':
        return this.schedules.delete(job.name)
    }
  }

  #create({ run, head, bodies, blobs, uses, inbox, priority, source }: CreateJob): Answer {
    const known = this.runs.get(run)
    if (known) return { created: false, head: copyHead(known.head) }
    if (source && isToBegin(head) && !this.runs.has(source)) return refuseUnknown(source)
    const book = { head, bodies: [...bodies], inbox: new Map(inbox), source, uses: new Set<string>() }
    this.#keepBlobs(book, blobs, uses)
    this.runs.set(run, book)
    if (head.status === 'queued') this.queue.join(head, priority)
    return { created: true, head: copyHead(head) }
  }

  #append(job: AppendJob): Answer {
    const book = this.runs.get(job.run)
    if (!book) return refuseUnknown(job.run)
    const refusal = refuseAppend(job, book.head)
    if (isRefusal(refusal)) return refusal
    const instead = job.standing && this.accounts.change(job.run, job.standing)
    this.#keepBlobs(book, job.blobs, job.uses)
    book.bodies.push(...(instead === undefined ? job.bodies : withInstead(job.bodies, instead)))
    for (const id of job.taken)
      if (isMade(id)) book.inbox.delete(id)
      else if (book.inbox.has(id)) book.inbox.set(id, undefined)
    book.head = headAfter(book.head, job)
    return instead
  }

  #forget(subject: Subject): void {
    if (subject.user === undefined) this.queue.forget(subject.tenant)
    this.accounts.forget(subject)
  }

  #acquire({ run, owner, now, until }: AcquireJob): Answer {
    const book = this.runs.get(run)
    if (!book || hasEnded(book.head.status) || (isDriven(book.head, now) && book.head.owner !== owner)) return undefined
    return lease(book, owner, until)
  }

  #admitOne(run: RunId, { owner, now, until, gone }: AdmitJob): AdmittedRun | undefined {
    const book = this.runs.get(run)
    if (!book || hasEnded(book.head.status)) return undefined
    if (isDriven(book.head, now) && !gone.includes(book.head.owner ?? '')) return undefined
    const isNew = book.head.status === 'queued'
    return { lease: lease(book, owner, until), head: copyHead(book.head), isNew }
  }

  #keepSchedule({ name, change }: KeepScheduleJob): Answer {
    const before = this.schedules.get(name) ?? { name, considered: 0, paused: false }
    this.schedules.set(name, { ...before, ...change, considered: Math.max(before.considered, change.considered ?? 0) })
    return undefined
  }

  #renew({ leases, until }: RenewJob): Answer {
    const lost: RunId[] = []
    for (const { run, epoch } of leases) {
      const book = this.runs.get(run)
      if (book && book.head.epoch === epoch && book.head.owner !== undefined) book.head = { ...book.head, leaseUntil: until }
      else lost.push(run)
    }
    return lost
  }

  #post({ run, id, body }: PostJob): Answer {
    const book = this.runs.get(run)
    if (!book) return refuseUnknown(run)
    if (book.inbox.has(id)) return 'duplicate'
    book.inbox.set(id, body)
    return 'posted'
  }

  #remove({ runs, dryRun, force }: RemoveJob): Removal {
    const removed: RunId[] = []
    const kept: KeptRun[] = []
    for (const run of new Set(runs)) {
      const why = force && this.runs.has(run) ? undefined : this.#whyKept(run)
      if (why) kept.push(why)
      else removed.push(run)
    }
    const books = removed.map((run) => this.runs.get(run) as RunBook)
    const gone = this.#blobsOnlyOf(books)
    const texts = [...books.flatMap(({ bodies, inbox }) => [...bodies, ...inbox.values()]), ...gone.map((hash) => this.blobs.get(hash))]
    const bytes = texts.reduce((total, text) => total + Buffer.byteLength(text ?? ''), 0)
    if (!dryRun) this.#drop(books, gone)
    return { removed, kept, entries: books.reduce((total, { bodies }) => total + bodies.length, 0), bytes }
  }

  #drop(books: readonly RunBook[], blobs: readonly string[]): void {
    for (const { head, uses } of books) {
      this.accounts.change(head.run, { closes: true })
      this.runs.delete(head.run)
      for (const hash of uses) this.#users.get(hash)?.delete(head.run)
    }
    for (const hash of blobs) {
      this.blobs.delete(hash)
      this.#users.delete(hash)
    }
  }

  #whyKept(run: RunId): KeptRun | undefined {
    const book = this.runs.get(run)
    if (!book) return { run, why: 'not-found' }
    if (!hasEnded(book.head.status)) return { run, why: 'not-ended' }
    for (const [by, fork] of this.runs) if (fork.source === run && !hasEnded(fork.head.status)) return { run, why: 'forked', by }
    return undefined
  }

  #blobsOnlyOf(books: readonly RunBook[]): string[] {
    const runs = new Set(books.map(({ head }) => head.run))
    const named = new Set(books.flatMap(({ uses }) => [...uses]))
    return [...named].filter((hash) => this.blobs.has(hash) && this.#users.get(hash)?.isSubsetOf(runs))
  }

  #keepBlobs({ head, uses }: RunBook, blobs: readonly BlobPair[], named: readonly string[]): void {
    for (const [hash, text] of blobs) if (!this.blobs.has(hash)) this.blobs.set(hash, text)
    for (const hash of named) {
      uses.add(hash)
      const users = this.#users.get(hash) ?? new Set()
      this.#users.set(hash, users.add(head.run))
    }
  }
}

function lease(book: RunBook, owner: string, leaseUntil: number): Lease {
  const { run, status, epoch } = book.head
  book.head = { ...book.head, status: status === 'queued' ? 'running' : status, epoch: epoch + 1, owner, leaseUntil }
  return { run, epoch: epoch + 1, until: leaseUntil }
}

function letGo(book: RunBook): void {
  const { owner: _owner, leaseUntil: _leaseUntil, ...head } = book.head
  book.head = head
}

/** A copy, so that no caller reaches into the books. */
export function copyHead(head: RunHead): RunHead {
  const { waiting } = head
  return { ...head, scope: { ...head.scope }, labels: { ...head.labels }, ...(waiting ? { waiting: structuredClone(waiting) } : {}) }
}

const isDriven = ({ owner, leaseUntil }: RunHead, now: number): boolean => owner !== undefined && leaseUntil !== undefined && leaseUntil > now

const openIn = (inbox: RunBook['inbox']): readonly string[] => [...inbox.values()].filter((body) => body !== undefined)

function couldGoOn({ status, wakeAt }: RunHead, messages: readonly string[], now: number): boolean {
  if (status === 'suspended') return messages.some((body) => (JSON.parse(body) as InboxMessage).type === 'cancel')
  return status === 'running' || (wakeAt ?? Number.POSITIVE_INFINITY) <= now || messages.length > 0
}

function headAfter(head: RunHead, { bodies, head: change, release, time }: AppendJob): RunHead {
  const next: { -readonly [K in keyof RunHead]: RunHead[K] } = { ...head, ...change }
  if (bodies.length > 0) {
    next.lastSeq = head.lastSeq + bodies.length
    next.updatedAt = time
  }
  if (change) {
    next.status = change.status ?? head.status
    next.stalls = change.stalls ?? head.stalls
    next.version = change.version ?? head.version
    if (next.wakeAt === undefined) delete next.wakeAt
    if (next.waiting === undefined) delete next.waiting
  }
  if (release) {
    delete next.owner
    delete next.leaseUntil
  }
  return next
}
