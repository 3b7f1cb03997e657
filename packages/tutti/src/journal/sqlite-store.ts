/**
 * Journals in one SQLite file, through Node's own `node:sqlite`.
 *
 * Owns: the file, from the first call to `close`. Does not own: what entries mean.
 * Invariants: I1 (an append resolves when its transaction is on disk), I2 (the epoch is checked inside the transaction), I6, I10.
 * Several processes may use one file. On a crash, everything acknowledged is there and at most one group of what was not; nothing needs repair.
 */
import { existsSync, statSync } from 'node:fs'
import type { AccountState } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { checkOptions, checkValue, type Declared, is, type RunId } from '../primitives/index.ts'
import { corruptEntry } from './codec.ts'
import type { Place } from './commit-place.ts'
import { CommitQueue } from './commit-queue.ts'
import type { EncryptionOptions, Subject } from './encryption.port.ts'
import type { Entry } from './entry.ts'
import { type Answer, appendJob, type Created, createJob, type Job, postJob, removedMeanwhile } from './job.ts'
import type { LimitAnswer, LimitBook } from './limit.port.ts'
import { nextTurn, READ_PAGE } from './page.ts'
import type { Admission, QueuePlace } from './queue.port.ts'
import type { ScheduleChange, ScheduleState } from './schedule.port.ts'
import { type Durability, sqliteVersion } from './sqlite-connection.ts'
import { inRun } from './sqlite-fault.ts'
import { SqliteFile } from './sqlite-file.ts'
import type { SqliteReader } from './sqlite-reader.ts'
import type { AccountFilter } from './standing.port.ts'
import type { Admitted, Commit, FlowVersion, InboxMessage, JournalStore, Lease, NewRun, Removal, RunFilter, RunHead } from './store.port.ts'

export interface SqliteOptions {
  /** Default `'sync'`: survives a power cut. `'relaxed'` survives a killed process, and may lose the last moments in a power cut. */
  durability?: Durability | undefined
  /** Which thread commits. Default `'auto'`: the main thread while a commit takes under 4 ms and fewer than fifty runs ask at once, otherwise a worker. */
  commit?: 'auto' | Place | undefined
  /** How long a file that another process holds is waited for, before `JOURNAL_LOCKED`. Default 5,000. */
  lockTimeoutMs?: number | undefined
  /** What runs record is sealed, under a key for each tenant and user. Default: it is not. */
  encryption?: EncryptionOptions | undefined
  /** What becomes of a file that may not be written: it is refused, or can be read and every write is refused. Default `'refuse'`. */
  unwritable?: 'refuse' | 'read' | undefined
}

const OPTIONS: Declared<SqliteOptions> = { durability: is.oneOf('sync', 'relaxed'), commit: true, lockTimeoutMs: true, encryption: true, unwritable: true }

/** What `tutti doctor` shows of a journal file. */
export interface SqliteStats {
  readonly path: string
  readonly sqlite: string
  readonly durability: Durability
  /** Moving average of a commit. */
  readonly commitMs: number
  /** The thread that commits. */
  readonly where: Place
  /** Bytes of the file, and of what was written since it was last brought together (the write-ahead log). */
  readonly fileBytes: number
  readonly logBytes: number
  /** It may not be written. */
  readonly readOnly: boolean
}

export interface SqliteStore extends JournalStore {
  stats(): Promise<SqliteStats>
  /**
   * What is wrong with the pages of the file, which no row can tell of itself: a few lines, none when all is well. Reads the whole file, and nothing else
   * goes on in this process meanwhile.
   */
  check(): Promise<readonly string[]>
}

/** Another process cannot tell us that it wrote: we look so often. */
const WATCH_MS = 250

/**
 * A store in the file at `path`, made with its folder at the first call.
 *
 * ```ts
 * const store = sqliteStore('.tutti/journal.db')
 * ```
 */
export function sqliteStore(path: string, options: SqliteOptions = {}): SqliteStore {
  // Above all: an encryption that is spelled wrongly is none.
  checkOptions('sqlite()', options, OPTIONS)
  checkValue('the path of sqlite()', 'path', path, is.text)
  if (options.encryption !== undefined) checkOptions<EncryptionOptions>('the encryption of sqlite()', options.encryption, { key: true, keys: true })
  return new FileStore(path, options)
}

class FileStore implements SqliteStore {
  readonly '~store' = 'sqlite'
  readonly limits: LimitBook = {
    take: (ask) => this.#queue.submit<LimitAnswer>({ op: 'take-limit', ...ask }),
    change: (change) => this.#queue.submit<undefined>({ op: 'change-limit', ...change }),
  }
  readonly #path: string
  readonly #durability: Durability
  readonly #openFile: () => Promise<SqliteFile>
  readonly #queue = new CommitQueue(
    (jobs) => this.#write(jobs),
    () => (this.#file?.commits.place === 'worker' ? this.#file.commits.averageMs : undefined),
  )
  readonly #watchers = new Set<() => void>()
  #file: SqliteFile | undefined
  #opening: Promise<SqliteFile> | undefined
  #poll: NodeJS.Timeout | undefined
  #closed = false

  constructor(path: string, { durability = 'sync', commit = 'auto', lockTimeoutMs = 5_000, encryption, unwritable }: SqliteOptions) {
    this.#path = path
    this.#durability = durability
    this.#openFile = () => SqliteFile.open({ path, durability, commit, lockTimeoutMs, encryption, unwritable })
  }

  async open(): Promise<void> {
    this.#closed = false
    await this.#opened()
  }

  async create(start: NewRun): Promise<Created & { readonly created: true }> {
    this.#queue.forgive(start.run)
    return this.#queue.submit(createJob(start))
  }

  append(commit: Commit): Promise<string | undefined> {
    try {
      return this.#queue.submit<string | undefined>(appendJob(commit))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async *read(run: RunId, { after = 0 }: { readonly after?: number | undefined } = {}): AsyncGenerator<Entry> {
    this.#queue.forgive(run)
    const file = await this.#opened()
    const read = <T>(work: (reader: SqliteReader) => T): Promise<T> => file.read(work).catch((error) => Promise.reject(inRun(run, error)))
    const number = await read((reader) => reader.numberOf(run))
    if (!number) return
    for (let last = after; ; last += READ_PAGE) {
      const page = await read((reader) => reader.page(run, number, last))
      yield* page
      if (page.length === READ_PAGE) {
        await nextTurn()
        continue
      }
      if (last + page.length >= number.least) return
      const now = await read((reader) => reader.numberOf(run))
      throw now?.id === number.id ? corruptEntry(run, last + page.length + 1, 'is missing') : removedMeanwhile(run)
    }
  }

  async blob(hash: string, run?: RunId): Promise<string> {
    const read = (await this.#opened()).read((reader) => reader.blob(hash, run))
    return run === undefined ? read : read.catch((error) => Promise.reject(inRun(run, error)))
  }

  async head(run: RunId): Promise<RunHead | undefined> {
    return (await this.#opened()).read((reader) => reader.head(run)).catch((error) => Promise.reject(inRun(run, error)))
  }

  async list(filter: RunFilter = {}): Promise<readonly RunHead[]> {
    return (await this.#opened()).read((reader) => reader.list(filter))
  }

  async acquire(run: RunId, owner: string, now: number, until: number): Promise<Lease | undefined> {
    return this.#queue.submit<Lease | undefined>({ op: 'acquire', run, owner, now, until })
  }

  async admit(admission: Admission): Promise<Admitted> {
    return this.#queue.submit<Admitted>({ op: 'admit', ...admission })
  }

  async place(run: RunId): Promise<QueuePlace | undefined> {
    return (await this.#opened()).read((reader) => reader.place(run))
  }

  async renew(leases: readonly Lease[], until: number): Promise<readonly RunId[]> {
    return this.#queue.submit<readonly RunId[]>({ op: 'renew', leases: [...leases], until })
  }

  async post(run: RunId, message: InboxMessage): Promise<'posted' | 'duplicate'> {
    const answer = await this.#queue.submit<'posted' | 'duplicate'>(postJob(run, message))
    if (answer === 'posted') this.#tellWatchers()
    return answer
  }

  async inbox(run: RunId): Promise<readonly InboxMessage[]> {
    return (await this.#opened()).read((reader) => reader.inbox(run)).catch((error) => Promise.reject(inRun(run, error)))
  }

  async due(flows: readonly FlowVersion[], now: number, limit: number): Promise<readonly RunHead[]> {
    return (await this.#opened()).read((reader) => reader.due(flows, now, limit))
  }

  async unheard(flows: readonly string[], limit: number): Promise<readonly RunHead[]> {
    return (await this.#opened()).read((reader) => reader.unheard(flows, limit))
  }

  async schedules(): Promise<readonly ScheduleState[]> {
    return (await this.#opened()).read((reader) => reader.schedules())
  }

  async keepSchedule(name: string, change: ScheduleChange): Promise<void> {
    await this.#queue.submit<undefined>({ op: 'keep-schedule', name, change: { ...change } })
    this.#tellWatchers()
  }

  async dropSchedule(name: string): Promise<boolean> {
    const wasThere = await this.#queue.submit<boolean>({ op: 'drop-schedule', name })
    this.#tellWatchers()
    return wasThere
  }

  async remove(runs: readonly RunId[], { dryRun = false, force = false }: Parameters<JournalStore['remove']>[1] = {}): Promise<Removal> {
    return this.#queue.submit<Removal>({ op: 'remove', runs: [...runs], dryRun, force })
  }

  async shred(subject: Subject, step: 'begin' | 'end'): Promise<number> {
    const keys = await this.#queue.submit<number>({ op: 'shred', subject, step })
    if (step === 'end') await (await this.#opened()).overwrite()
    return keys
  }

  async accounts(filter: AccountFilter = {}): Promise<readonly AccountState[]> {
    return (await this.#opened()).read((reader) => reader.accounts(filter))
  }

  async compact(): Promise<void> {
    await (await this.#opened()).compact()
  }

  watch(changed: () => void): () => void {
    const watcher = (): void => changed()
    this.#watchers.add(watcher)
    this.#poll ??= this.#startPolling()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#stopPolling()
    }
  }

  async stats(): Promise<SqliteStats> {
    const { db, commits, readOnly } = await this.#opened()
    return {
      path: this.#path,
      sqlite: sqliteVersion(db),
      durability: this.#durability,
      commitMs: commits.averageMs,
      where: commits.place,
      fileBytes: bytesOf(this.#path),
      logBytes: bytesOf(`${this.#path}-wal`),
      readOnly,
    }
  }

  async check(): Promise<readonly string[]> {
    return (await this.#opened()).read((reader) => reader.check())
  }

  async close(): Promise<void> {
    await this.#queue.idle()
    this.#stopPolling()
    this.#closed = true
    const file = await this.#opening?.catch(() => undefined)
    this.#file = undefined
    this.#opening = undefined
    await file?.close()
  }

  #write(jobs: readonly Job[]): readonly Answer[] | Promise<readonly Answer[]> {
    return this.#file ? this.#file.write(jobs) : this.#opened().then((file) => file.write(jobs))
  }

  /** A file that could not be opened is tried again by the next call. Whoever only looks back at one that was closed does not make it anew. */
  #opened(): Promise<SqliteFile> {
    if (this.#closed && !this.#opening && !existsSync(this.#path)) return Promise.reject(gone(this.#path))
    this.#opening ??= this.#openFile().then(
      (file) => {
        this.#file = file
        return file
      },
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    return this.#opening
  }

  #tellWatchers(): void {
    for (const changed of this.#watchers) changed()
  }

  #startPolling(): NodeJS.Timeout {
    let seen = this.#file?.version()
    const look = (): void => {
      const version = this.#file?.version()
      if (seen !== undefined && version !== seen) this.#tellWatchers()
      seen = version
    }
    return setInterval(look, WATCH_MS).unref()
  }

  #stopPolling(): void {
    clearInterval(this.#poll)
    this.#poll = undefined
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

const gone = (path: string): TuttiError =>
  new TuttiError('JOURNAL_UNWRITABLE', `'${path}' is not there any more`, { data: { path }, hint: 'It was removed after its store was closed.' })
