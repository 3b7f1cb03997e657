/**
 * Writes one group of jobs in one transaction.
 *
 * Owns: the transaction, and what it remembers between groups: of runs (number, epoch, last `seq`), and how many entries there are.
 * That memory is true while `PRAGMA data_version` is unchanged, which says that no other connection has written since; it is checked inside each
 * transaction.
 * Invariants: an append is checked before anything of it is written, so refusing one needs no rollback (I2); after any failure the whole
 * transaction is rolled back and the memory is dropped (I6); work per append is constant (I10).
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { failpoint, type RunId } from '../primitives/index.ts'
import { admit } from './admission.ts'
import {
  type AcquireJob,
  type AdmitJob,
  type Answer,
  type AppendJob,
  type BlobPair,
  type CreateJob,
  type Job,
  type KeepScheduleJob,
  type PostJob,
  type RenewJob,
  refuseAppend,
  refuseFull,
  refuseUnknown,
} from './job.ts'
import { guarded } from './sqlite-fault.ts'
import { SqliteQueue } from './sqlite-queue.ts'
import { blobKey, SqliteReader } from './sqlite-reader.ts'
import { entryKey, RUN_SPAN } from './sqlite-schema.ts'
import type { AdmittedRun, HeadChange, RunStatus } from './store.port.ts'

interface Known {
  readonly id: number
  epoch: number
  lastSeq: number
}

/** Rows of one INSERT: crossing into SQLite costs about as much as the row itself. */
const WIDE = 16
const MOST_KNOWN = 20_000

export class SqliteWriter {
  readonly #path: string
  readonly #reader: SqliteReader
  readonly #statements: Statements
  readonly #queue: SqliteQueue
  readonly #known = new Map<RunId, Known>()
  #dataVersion = -1
  /** The number of the last entry, while the memory is true. */
  #lastEntry: number | undefined
  /** Entries of this group that are not in the file yet: n, body, n, body, … and key, n, key, n, … */
  #rows: (number | string)[] = []
  #places: number[] = []

  constructor(db: DatabaseSync, path: string) {
    this.#path = path
    this.#reader = new SqliteReader(db)
    this.#statements = prepareAll(db)
    this.#queue = new SqliteQueue(db, (run, job) => this.#admitOne(run, job))
  }

  /** @throws JOURNAL_UNWRITABLE | JOURNAL_LOCKED | JOURNAL_CORRUPT: nothing of the group was written */
  write(jobs: readonly Job[]): readonly Answer[] {
    return guarded(this.#path, () => {
      const { begin, commit } = this.#statements
      begin.run()
      try {
        failpoint('transaction begun, nothing written')
        this.#checkMemory()
        const answers = jobs.map((job) => this.#apply(job))
        failpoint('head and blobs written, entries not')
        this.#insertRows()
        failpoint('everything written, not committed')
        commit.run()
        failpoint('committed, not answered')
        return answers
      } catch (error) {
        this.#abandon()
        throw error
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
    this.#lastEntry = undefined
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
      case 'keep-schedule':
        return this.#keepSchedule(job)
      case 'drop-schedule':
        return this.#statements.dropSchedule.run(job.name).changes > 0
    }
  }

  #append(job: AppendJob): Answer {
    const known = this.#recall(job.run)
    if (!known) return refuseUnknown(job.run)
    const refusal = refuseAppend(job, known)
    if (refusal) return refusal
    if (known.lastSeq + job.bodies.length >= RUN_SPAN) return refuseFull(job.run)
    this.#addRows(known, job.bodies)
    this.#keepBlobs(job.blobs)
    if (job.head) this.#changeHead(known.id, job.head)
    for (const id of job.taken) this.#statements.take.run(known.id, id)
    if (job.release) this.#statements.release.run(known.id)
    return undefined
  }

  #create({ run, head, bodies, blobs, inbox, priority }: CreateJob): Answer {
    this.#insertRows()
    const there = this.#reader.head(run)
    if (there) return { created: false, head: there }
    const { flow, version, scope, status, createdAt, startHash, labels, stalls, epoch, owner = null, leaseUntil = null } = head
    const { lastInsertRowid } = this.#statements.insertRun.run(
      run,
      flow,
      version,
      scope.tenant,
      JSON.stringify(scope),
      status,
      createdAt,
      startHash,
      JSON.stringify(labels),
      stalls,
      epoch,
      owner,
      leaseUntil,
    )
    const known: Known = { id: Number(lastInsertRowid), epoch, lastSeq: 0 }
    this.#known.set(run, known)
    this.#addRows(known, bodies)
    this.#keepBlobs(blobs)
    if (head.wakeAt !== undefined || head.waiting) this.#changeHead(known.id, { wakeAt: head.wakeAt, waiting: head.waiting })
    for (const [id, body] of inbox) this.#statements.post.run({ run: known.id, id, body })
    if (status === 'queued') this.#queue.join(known.id, { flow, priority, tenant: scope.tenant, version })
    return { created: true, head }
  }

  #acquire({ run, owner, now, until }: AcquireJob): Answer {
    const row = this.#statements.acquire.get(owner, until, run, now, owner) as { epoch: number } | undefined
    if (!row) return undefined
    const known = this.#known.get(run)
    if (known) known.epoch = row.epoch
    this.#queue.leave(run)
    return { run, epoch: row.epoch, until }
  }

  #admitOne(run: RunId, { owner, now, until, gone }: AdmitJob): AdmittedRun | undefined {
    const head = this.#reader.head(run)
    if (!head) return undefined
    const since = head.owner !== undefined && gone.includes(head.owner) ? Number.MAX_SAFE_INTEGER : now
    const row = this.#statements.acquire.get(owner, until, run, since, null) as { epoch: number; status: RunStatus } | undefined
    if (!row) return undefined
    const known = this.#known.get(run)
    if (known) known.epoch = row.epoch
    const { epoch, status } = row
    return { lease: { run, epoch, until }, head: { ...head, status, epoch, owner, leaseUntil: until }, isNew: head.status === 'queued' }
  }

  #keepSchedule({ name, change: { considered = 0, paused, spec } }: KeepScheduleJob): Answer {
    this.#statements.keepSchedule.run({
      name,
      considered,
      paused: paused === undefined ? null : Number(paused),
      spec: spec === undefined ? null : JSON.stringify(spec),
    })
    return undefined
  }

  #renew({ leases, until }: RenewJob): Answer {
    return leases.filter(({ run, epoch }) => this.#statements.renew.run(until, run, epoch).changes === 0).map(({ run }) => run)
  }

  #post({ run, id, body }: PostJob): Answer {
    const known = this.#recall(run)
    if (!known) return refuseUnknown(run)
    return this.#statements.post.run({ run: known.id, id, body }).changes === 0 ? 'duplicate' : 'posted'
  }

  #recall(run: RunId): Known | undefined {
    const known = this.#known.get(run)
    if (known) return known
    const row = this.#statements.recall.get(run) as { id: number; epoch: number; last: number | null } | undefined
    if (!row) return undefined
    const found: Known = { id: row.id, epoch: row.epoch, lastSeq: row.last === null ? 0 : row.last % RUN_SPAN }
    this.#known.set(run, found)
    return found
  }

  #addRows(known: Known, bodies: readonly string[]): void {
    let n = this.#lastEntry ?? (this.#statements.lastEntry.get() as { last: number }).last
    for (const body of bodies) {
      this.#rows.push(++n, body)
      this.#places.push(entryKey(known.id, ++known.lastSeq), n)
    }
    this.#lastEntry = n
  }

  #insertRows(): void {
    if (this.#rows.length === 0) return
    const { insertEntry, insertEntries, insertPlace, insertPlaces } = this.#statements
    insertPairs(this.#rows, insertEntry, insertEntries)
    insertPairs(this.#places, insertPlace, insertPlaces)
    this.#rows = []
    this.#places = []
  }

  #keepBlobs(blobs: readonly BlobPair[]): void {
    for (const [hash, text] of blobs) this.#statements.insertBlob.run(blobKey(hash), text)
  }

  #changeHead(id: number, change: HeadChange): void {
    const { status = null, wakeAt = null, waiting, stalls = null } = change
    const given = (field: keyof HeadChange): SQLInputValue => (field in change ? 1 : 0)
    this.#statements.changeHead.run(status, given('wakeAt'), wakeAt, given('waiting'), waiting ? JSON.stringify(waiting) : null, stalls, id)
  }
}

function insertPairs(pairs: readonly (number | string)[], one: StatementSync, wide: StatementSync): void {
  let i = 0
  for (; i + 2 * WIDE <= pairs.length; i += 2 * WIDE) wide.run(...pairs.slice(i, i + 2 * WIDE))
  for (; i < pairs.length; i += 2) one.run(pairs[i] as number, pairs[i + 1] as number | string)
}

type Statements = ReturnType<typeof prepareAll>

function prepareAll(db: DatabaseSync) {
  const prepare = (sql: string): StatementSync => db.prepare(sql)
  const pairs = Array(WIDE).fill('(?, ?)').join(', ')
  const dataVersion = prepare('PRAGMA data_version')
  // Asked in every transaction: an object for its one number would cost as much again.
  dataVersion.setReturnArrays(true)
  return {
    dataVersion,
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    touch: () => {
      const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
      db.exec(`PRAGMA user_version = ${version}`)
    },
    recall: prepare(`
      SELECT r.id, r.epoch, (SELECT key FROM places WHERE key > r.id * ${RUN_SPAN} AND key < (r.id + 1) * ${RUN_SPAN} ORDER BY key DESC LIMIT 1) AS last
      FROM runs r WHERE r.run = ?`),
    lastEntry: prepare('SELECT coalesce(max(n), 0) AS last FROM entries'),
    insertEntry: prepare('INSERT INTO entries (n, body) VALUES (?, ?)'),
    insertPlace: prepare('INSERT INTO places (key, n) VALUES (?, ?)'),
    // OR FAIL, because any failure rolls the whole group back: SQLite would otherwise first copy every page that a wide statement touches, which is
    // half of what an entry costs while many runs write at once.
    insertEntries: prepare(`INSERT OR FAIL INTO entries (n, body) VALUES ${pairs}`),
    insertPlaces: prepare(`INSERT OR FAIL INTO places (key, n) VALUES ${pairs}`),
    insertBlob: prepare('INSERT OR IGNORE INTO blobs (hash, body) VALUES (?, ?)'),
    insertRun: prepare(`
      INSERT INTO runs (run, flow, version, tenant, scope, status, created_at, start_hash, labels, stalls, epoch, owner, lease_until)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    changeHead: prepare(`
      UPDATE runs SET status = coalesce(?, status), wake_at = iif(?, ?, wake_at), waiting = iif(?, ?, waiting), stalls = coalesce(?, stalls) WHERE id = ?`),
    take: prepare('UPDATE inbox SET n = NULL, body = NULL WHERE run = ? AND id = ?'),
    release: prepare('UPDATE runs SET owner = NULL, lease_until = NULL WHERE id = ?'),
    acquire: prepare(`
      UPDATE runs SET epoch = epoch + 1, owner = ?, lease_until = ?, status = iif(status = 'queued', 'running', status)
      WHERE run = ? AND status IN ('queued', 'running', 'waiting', 'suspended') AND (owner IS NULL OR lease_until <= ? OR owner = ?)
      RETURNING epoch, status`),
    renew: prepare('UPDATE runs SET lease_until = ? WHERE run = ? AND epoch = ? AND owner IS NOT NULL'),
    keepSchedule: prepare(`
      INSERT INTO schedules (name, considered, paused, spec) VALUES (:name, :considered, coalesce(:paused, 0), :spec)
      ON CONFLICT DO UPDATE SET considered = max(considered, :considered), paused = coalesce(:paused, paused), spec = coalesce(:spec, spec)`),
    dropSchedule: prepare('DELETE FROM schedules WHERE name = ?'),
    post: prepare(`
      INSERT OR IGNORE INTO inbox (run, id, n, body)
      VALUES (:run, :id, (SELECT coalesce(max(n), 0) + 1 FROM inbox WHERE run = :run AND body IS NOT NULL), :body)`),
  }
}
