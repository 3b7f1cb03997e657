/**
 * Writes one group of jobs in one transaction.
 *
 * Owns: the transaction, and what it remembers between groups: of runs that are driven (their line, the last `seq`), and how many entries there are.
 * That memory is true while `PRAGMA data_version` is unchanged, which says that no other connection has written since; it is checked inside each
 * transaction.
 * Invariants: an append is checked before anything of it is written, so refusing one needs no rollback (I2); after any failure the whole
 * transaction is rolled back and the memory is dropped (I6); work per append is constant (I10).
 */
import type { DatabaseSync } from 'node:sqlite'
import { recordError, TuttiError } from '../errors/index.ts'
import { failpoint, type RunId } from '../primitives/index.ts'
import { admit } from './admission.ts'
import {
  type AcquireJob,
  type AdmitJob,
  type Answer,
  type AppendJob,
  type BlobPair,
  type CreateJob,
  isToBegin,
  type Job,
  type KeepScheduleJob,
  type PostJob,
  type RemoveJob,
  type RenewJob,
  refuseAppend,
  refuseFull,
  refuseUnknown,
  type ShredJob,
  withInstead,
} from './job.ts'
import { sealLetter } from './letter.ts'
import { isMade } from './message-id.ts'
import { entryCheck, letterCheck } from './row-check.ts'
import { scopeOfSchedule } from './schedule-scope.ts'
import type { Seal } from './seal.ts'
import { SqliteAccounts } from './sqlite-accounts.ts'
import { guarded } from './sqlite-fault.ts'
import { type CheckedLine, changeLine, checkedChanges, checkedLine, checkHead, entryPlace, type HeadLine, lastSeqOf, lineOf } from './sqlite-head.ts'
import { SqliteLimits } from './sqlite-limits.ts'
import { SqliteQueue } from './sqlite-queue.ts'
import { blobKey, SqliteReader } from './sqlite-reader.ts'
import { SqliteRemover } from './sqlite-remover.ts'
import { entryKey, RUN_SPAN } from './sqlite-schema.ts'
import { insertWide, prepareAll, type Statements } from './sqlite-statements.ts'
import { hasEnded } from './status.ts'
import type { AdmittedRun, Lease, RunHead } from './store.port.ts'
import type { Vault } from './vault.ts'

interface Known {
  /** As it lies in the file, or will when the group is written. */
  readonly line: HeadLine
  /** Of an encrypted run. */
  readonly seal: Seal | undefined
  lastSeq: number
}

const MOST_KNOWN = 20_000

export class SqliteWriter {
  readonly #path: string
  readonly #vault: Vault
  readonly #reader: SqliteReader
  readonly #remover: SqliteRemover
  readonly #statements: Statements
  readonly #queue: SqliteQueue
  readonly #limits: SqliteLimits
  readonly #accounts: SqliteAccounts
  readonly #known = new Map<RunId, Known>()
  #dataVersion = -1
  /** The number of the last entry, while the memory is true. */
  #lastEntry: number | undefined
  #lastRun: number | undefined
  /** Runs that this group left without a driver. */
  #left: RunId[] = []
  /** Entries of this group that are not in the file yet: n, body, n, body, … and key, n, check, key, n, check, … */
  #rows: (number | string | Uint8Array)[] = []
  #places: number[] = []

  constructor(db: DatabaseSync, path: string, vault: Vault) {
    this.#path = path
    this.#vault = vault
    this.#reader = new SqliteReader(db, vault)
    this.#accounts = new SqliteAccounts(db, vault)
    this.#remover = new SqliteRemover(db, this.#accounts)
    this.#statements = prepareAll(db)
    this.#limits = new SqliteLimits(db)
    this.#queue = new SqliteQueue(db, { take: (run, job) => this.#admitOne(run, job), letGo: (run) => this.#letGo(run) })
  }

  /** @throws JOURNAL_UNWRITABLE | JOURNAL_LOCKED | JOURNAL_CORRUPT: nothing of the group was written */
  write(jobs: readonly Job[]): readonly Answer[] {
    try {
      return this.#writeTogether(jobs)
    } catch (error) {
      if (jobs.length === 1 || !TuttiError.is(error, 'JOURNAL_CORRUPT')) throw error
      return this.#writeApart(jobs)
    }
  }

  #writeTogether(jobs: readonly Job[]): readonly Answer[] {
    return guarded(this.#path, () => {
      const { begin, commit } = this.#statements
      begin.run()
      try {
        failpoint('transaction begun, nothing written')
        this.#checkMemory()
        const answers = jobs.map((job) => this.#applySound(job))
        failpoint('head and blobs written, entries not')
        this.#insertRows()
        this.#accounts.write()
        failpoint('everything written, not committed')
        commit.run()
        failpoint('committed, not answered')
        this.#forgetLeft()
        return answers
      } catch (error) {
        this.#abandon()
        throw error
      }
    })
  }

  /** A damaged place in the file harms the runs that need it, and no others of the group. */
  #writeApart(jobs: readonly Job[]): readonly Answer[] {
    return jobs.flatMap((job) => {
      try {
        return this.#writeTogether([job])
      } catch (error) {
        if (!TuttiError.is(error, 'JOURNAL_CORRUPT')) throw error
        return [{ refused: recordError(error) }]
      }
    })
  }

  /** Commits a page that is as it was: what a transaction costs on this disk. */
  probe(): void {
    guarded(this.#path, () => this.#statements.touch())
  }

  #abandon(): void {
    this.#rows = []
    this.#places = []
    this.#left = []
    this.#forget()
    try {
      this.#statements.rollback.run()
    } catch {
      // SQLite has rolled back by itself; the first error is the one that tells why.
    }
  }

  #checkMemory(): void {
    const [version = 0] = this.#statements.dataVersion.get() as unknown as readonly [number]
    if (version !== this.#dataVersion || this.#known.size > MOST_KNOWN) this.#forget()
    this.#dataVersion = version
  }

  #forget(): void {
    this.#known.clear()
    this.#vault.forget()
    this.#accounts.forgetAll()
    this.#lastRun = undefined
    this.#lastEntry = undefined
  }

  /** A run whose line is damaged is refused before anything of its job is written. */
  #applySound(job: Job): Answer {
    try {
      return this.#apply(job)
    } catch (error) {
      if (TuttiError.is(error, 'JOURNAL_CORRUPT')) return { refused: recordError(error) }
      throw error
    }
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
        this.#insertRows()
        return admit(this.#queue, job)
      case 'renew':
        return this.#renew(job)
      case 'post':
        return this.#post(job)
      case 'remove':
        return this.#remove(job)
      case 'shred':
        return this.#shred(job)
      case 'keep-schedule':
        return this.#keepSchedule(job)
      case 'drop-schedule':
        return this.#statements.dropSchedule.run(job.name).changes > 0
      case 'take-limit':
        return this.#limits.take(job)
      case 'change-limit':
        return this.#limits.change(job)
    }
  }

  #append(job: AppendJob): Answer {
    const known = this.#recall(job.run)
    if (!known) return refuseUnknown(job.run)
    const { line } = known
    const refusal = refuseAppend(job, { epoch: line.epoch, lastSeq: known.lastSeq })
    if (refusal) return refusal
    if (known.lastSeq + job.bodies.length >= RUN_SPAN) return refuseFull(job.run)
    const instead = job.standing && this.#accounts.change(line.id, job.standing)
    this.#addRows(known, instead === undefined ? job.bodies : withInstead(job.bodies, instead))
    this.#keepBlobs(known, job.blobs, job.uses)
    for (const id of job.taken) this.#take(line.id, id)
    if (job.head) changeLine(line, job.head, known.seal)
    if (job.release) line.owner = line.lease_until = null
    if (job.head || job.release) this.#writeLine(known)
    return instead
  }

  #take(run: number, id: string): void {
    if (isMade(id)) this.#statements.dropLetter.run(run, id)
    else this.#statements.take.run(letterCheck(run, id, null, null), run, id)
  }

  #create({ run, head, bodies, blobs, uses, inbox, priority, source }: CreateJob): Answer {
    this.#insertRows()
    const there = this.#reader.head(run)
    if (there) return { created: false, head: there }
    if (source && isToBegin(head) && !this.#recall(source)) return refuseUnknown(source)
    this.#lastRun = (this.#lastRun ?? (this.#statements.lastRun.get() as { last: number }).last) + 1
    const key = this.#vault.seals ? this.#vault.forScope(head.scope) : undefined
    const seal = key?.ofRun(run)
    const known: Known = { line: lineOf(this.#lastRun, head, { source, key: key?.id, seal }), seal, lastSeq: 0 }
    this.#statements.insertRun.run(...checkedLine(known.line))
    this.#known.set(run, known)
    this.#addRows(known, bodies)
    this.#keepBlobs(known, blobs, uses)
    for (const [i, [id, body]] of inbox.entries()) this.#insertLetter(known, id, i + 1, body)
    const { flow, version, tenant } = known.line
    if (head.status === 'queued') this.#queue.join(known.line.id, { flow, priority, tenant, version })
    return { created: true, head }
  }

  #acquire({ run, owner, now, until }: AcquireJob): Answer {
    const known = this.#recall(run)
    if (!known || hasEnded(known.line.status)) return undefined
    const { line } = known
    if (line.owner !== null && line.owner !== owner && (line.lease_until ?? 0) > now) return undefined
    this.#queue.leave(run)
    return this.#lease(known, owner, until)
  }

  #admitOne(run: RunId, { owner, now, until, gone }: AdmitJob): AdmittedRun | undefined {
    const known = this.#recallSound(run)
    // One that is damaged does not hold up those behind it.
    if (!known) this.#queue.leave(run)
    if (!known || hasEnded(known.line.status)) return undefined
    const { line } = known
    if (line.owner !== null && !gone.includes(line.owner) && (line.lease_until ?? 0) > now) return undefined
    const isNew = line.status === 'queued'
    const lease = this.#lease(known, owner, until)
    this.#insertRows()
    return { lease, head: this.#reader.head(run) as RunHead, isNew }
  }

  #lease(known: Known, owner: string, until: number): Lease {
    const { line } = known
    const epoch = line.epoch + 1
    Object.assign(line, { status: line.status === 'queued' ? 'running' : line.status, epoch, owner, lease_until: until })
    this.#writeLine(known)
    return { run: line.run, epoch, until }
  }

  #letGo(run: RunId): void {
    const known = this.#recallSound(run)
    if (!known) return
    known.line.owner = known.line.lease_until = null
    this.#writeLine(known)
  }

  #keepSchedule({ name, change: { considered = 0, paused, run, spec } }: KeepScheduleJob): Answer {
    const key = spec !== undefined && this.#vault.seals ? this.#vault.forScope(scopeOfSchedule(spec)) : undefined
    const text = spec === undefined ? null : JSON.stringify(spec)
    this.#statements.keepSchedule.run({
      ...{ name, considered, paused: paused === undefined ? null : Number(paused), run: run ?? null },
      ...{ spec: text !== null && key ? key.ofSchedule(name).sealText('spec', text) : text, key: key?.id ?? null },
    })
    return undefined
  }

  #renew({ leases, until }: RenewJob): Answer {
    return leases.filter((lease) => !this.#renewOne(lease, until)).map(({ run }) => run)
  }

  #renewOne({ run, epoch }: Lease, until: number): boolean {
    const known = this.#recallSound(run)
    if (known?.line.epoch !== epoch || known.line.owner === null) return false
    known.line.lease_until = until
    this.#writeLine(known)
    return true
  }

  #post({ run, id, body }: PostJob): Answer {
    const known = this.#recall(run)
    if (!known) return refuseUnknown(run)
    const { n } = this.#statements.nextLetter.get(known.line.id) as { n: number }
    return this.#insertLetter(known, id, n, body) ? 'posted' : 'duplicate'
  }

  #remove(job: RemoveJob): Answer {
    this.#insertRows()
    const removal = this.#remover.remove(job)
    if (!job.dryRun) for (const run of removal.removed) this.#known.delete(run)
    return removal
  }

  #shred({ subject, step }: ShredJob): number {
    this.#insertRows()
    if (step === 'begin') {
      this.#vault.retire(subject)
      return 0
    }
    if (subject.user === undefined) this.#queue.forget(subject.tenant)
    this.#accounts.forget(subject)
    return this.#vault.destroy(subject)
  }

  /** False when this id was ever posted to this run. */
  #insertLetter({ line, seal }: Known, id: string, n: number, body: string): boolean {
    const stored = seal ? sealLetter(body, seal) : body
    return this.#statements.post.run(line.id, id, n, stored, letterCheck(line.id, id, n, stored)).changes > 0
  }

  /** @throws JOURNAL_CORRUPT when its line is damaged */
  #recall(run: RunId): Known | undefined {
    const known = this.#known.get(run)
    if (known) return known
    const row = this.#statements.recall.get(run) as CheckedLine | undefined
    if (!row) return undefined
    checkHead(row)
    const found: Known = { line: row, seal: this.#vault.ofRun(row.key_id, run), lastSeq: lastSeqOf(row) }
    this.#known.set(run, found)
    return found
  }

  #recallSound(run: RunId): Known | undefined {
    try {
      return this.#recall(run)
    } catch (error) {
      if (TuttiError.is(error, 'JOURNAL_CORRUPT')) return undefined
      throw error
    }
  }

  #writeLine({ line, lastSeq }: Known): void {
    line.last_seq = lastSeq
    this.#statements.changeRun.run(...checkedChanges(line), line.id)
    if (line.owner === null) this.#left.push(line.run)
  }

  /** What a run at rest waits for need not lie in memory. */
  #forgetLeft(): void {
    for (const run of this.#left) if (this.#known.get(run)?.line.owner === null) this.#known.delete(run)
    this.#left = []
  }

  #addRows(known: Known, bodies: readonly string[]): void {
    const { line, seal } = known
    const { id } = line
    let n = this.#lastEntry ?? (this.#statements.lastEntry.get() as { last: number }).last
    for (const body of bodies) {
      const seq = ++known.lastSeq
      const stored = seal ? seal.seal(entryPlace(seq), body) : body
      this.#rows.push(++n, stored)
      this.#places.push(entryKey(id, seq), n, entryCheck(id, seq, stored))
    }
    this.#lastEntry = n
  }

  #insertRows(): void {
    if (this.#rows.length === 0) return
    const { insertEntry, insertEntries, insertPlace, insertPlaces } = this.#statements
    insertWide(this.#rows, 2, insertEntry, insertEntries)
    insertWide(this.#places, 3, insertPlace, insertPlaces)
    this.#rows = []
    this.#places = []
  }

  #keepBlobs({ line }: Known, blobs: readonly BlobPair[], uses: readonly string[]): void {
    const key = line.key_id === null || uses.length === 0 ? undefined : this.#vault.byId(line.key_id)
    const addressOf = (hash: string): Uint8Array => key?.addressOf(hash) ?? blobKey(hash)
    for (const [hash, text] of blobs) this.#statements.insertBlob.run(addressOf(hash), key?.sealBlob(hash, text) ?? text)
    for (const hash of uses) this.#statements.insertUse.run(line.id, addressOf(hash))
  }
}
