/**
 * An open journal file: the connection of the main thread, and whichever thread commits.
 *
 * Owns: the connections. Does not own: grouping (`commit-queue.ts`), the schema (`sqlite-schema.ts`).
 * A file that another process holds is waited for without blocking the event loop.
 */
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { TuttiError } from '../errors/index.ts'
import { failpoint } from '../primitives/index.ts'
import { CommitPlace, type Place } from './commit-place.ts'
import type { EncryptionOptions } from './encryption.port.ts'
import { FilePresence } from './file-presence.ts'
import type { Answer, Job } from './job.ts'
import { nextTurn } from './page.ts'
import { connect, type Durability } from './sqlite-connection.ts'
import { guarded } from './sqlite-fault.ts'
import { connectToRead, mayNotWrite } from './sqlite-read-only.ts'
import { SqliteReader } from './sqlite-reader.ts'
import { SqliteWriter } from './sqlite-writer.ts'
import { Vault } from './vault.ts'
import { WorkerWriter } from './worker-writer.ts'

export interface FileOptions {
  readonly path: string
  readonly durability: Durability
  readonly commit: 'auto' | Place
  /** How long a file that another process holds is waited for. */
  readonly lockTimeoutMs: number
  readonly encryption?: EncryptionOptions | undefined
  /** What becomes of a file that may not be written. Default `'refuse'`. */
  readonly unwritable?: 'refuse' | 'read' | undefined
}

/** So long a statement may block the main thread for a lock; beyond it the wait is asynchronous. */
const BLOCK_MS = 5
const PROBES = 3
/** 2 MB are moved in some 6 ms. */
const PART_PAGES = 500
const LONGEST_PAUSE_MS = 25

export class SqliteFile {
  readonly db: DatabaseSync
  readonly commits: CommitPlace
  /** Every write is refused. */
  readonly readOnly: boolean
  readonly #options: FileOptions
  readonly #reader: SqliteReader
  readonly #writer: SqliteWriter
  readonly #worker: WorkerWriter
  readonly #presence: FilePresence

  readonly #vault: Vault

  private constructor(options: FileOptions, { db, readOnly }: Connected) {
    const { path, durability, commit, lockTimeoutMs, encryption } = options
    this.readOnly = readOnly
    this.#presence = new FilePresence(path)
    this.#vault = new Vault(db, path, encryption)
    this.#options = options
    this.db = db
    this.commits = new CommitPlace(readOnly ? 'main' : commit)
    this.#reader = new SqliteReader(db, this.#vault)
    this.#writer = new SqliteWriter(db, path, this.#vault)
    this.#worker = new WorkerWriter({ path, durability, busyMs: lockTimeoutMs, encryption })
  }

  /** @throws JOURNAL_NODE_TOO_OLD | JOURNAL_NEWER | JOURNAL_CORRUPT | JOURNAL_UNWRITABLE | JOURNAL_LOCKED | JOURNAL_KEY_WRONG | JOURNAL_KEY_NEEDED */
  static async open(options: FileOptions): Promise<SqliteFile> {
    const { path, commit, lockTimeoutMs } = options
    const connected = await patiently(() => connection(options), lockTimeoutMs)
    const file = guarded(path, () => SqliteFile.#over(connected, options))
    if (commit === 'auto' && !file.readOnly) await file.#probe()
    return file
  }

  static #over(connected: Connected, options: FileOptions): SqliteFile {
    try {
      return new SqliteFile(options, connected)
    } catch (error) {
      connected.db.close()
      throw error
    }
  }

  /** One transaction. Answers at once on the main thread, and later from the worker or when the file is busy. */
  write(jobs: readonly Job[]): readonly Answer[] | Promise<readonly Answer[]> {
    if (this.commits.place === 'worker') return this.#writeInWorker(jobs)
    try {
      return this.#writeHere(jobs)
    } catch (error) {
      if (!TuttiError.is(error, 'JOURNAL_LOCKED')) throw error
      return patiently(() => this.#writeHere(jobs), this.#options.lockTimeoutMs)
    }
  }

  read<T>(work: (reader: SqliteReader) => T): Promise<T> {
    return patiently(() => guarded(this.#options.path, () => work(this.#reader)), this.#options.lockTimeoutMs)
  }

  /** Differs from last time when another connection has committed since. Never fails: whoever reads next learns what is wrong. */
  version(): number {
    try {
      return this.#reader.dataVersion()
    } catch {
      return 0
    }
  }

  /** Gives back to the disk what is free in the file, a part at a time. */
  async compact(): Promise<void> {
    for (let left = await this.#freePages(); left > 0; ) {
      await this.#exec(`PRAGMA incremental_vacuum(${PART_PAGES})`)
      await nextTurn()
      const now = await this.#freePages()
      if (now >= left) break
      left = now
    }
    await this.#exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** Writes the file anew from what is in it, and empties the log: nothing is left of rows that were removed. @throws JOURNAL_LOCKED while others read the log */
  async overwrite(): Promise<void> {
    await this.#exec('VACUUM')
    const { path, lockTimeoutMs } = this.#options
    await patiently(() => {
      const { busy } = guarded(path, () => this.db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()) as { busy: number }
      if (busy === 0) return
      throw new TuttiError('JOURNAL_LOCKED', `another process still reads the log of '${path}', so what was removed may lie in it`, {
        data: { path },
        hint: 'The runs are removed. Close the other process, then ask for the same again.',
      })
    }, lockTimeoutMs)
  }

  async close(): Promise<void> {
    await this.#worker.close()
    this.#vault.close()
    this.db.close()
  }

  #writeHere(jobs: readonly Job[]): readonly Answer[] {
    const begun = performance.now()
    const answers = this.#writer.write(jobs)
    guarded(this.#options.path, () => this.#presence.check())
    this.commits.note(performance.now() - begun, jobs.length)
    return answers
  }

  async #writeInWorker(jobs: readonly Job[]): Promise<readonly Answer[]> {
    const { path } = this.#options
    // The worker may only be about to open it, and would make what is not there.
    guarded(path, () => this.#presence.check())
    const { answers, ms } = await this.#worker.write(jobs)
    guarded(path, () => this.#presence.check())
    failpoint('answer of the worker come, nobody told')
    this.commits.note(ms, jobs.length)
    return answers
  }

  #freePages(): Promise<number> {
    return this.read((reader) => reader.freePages())
  }

  #exec(sql: string): Promise<void> {
    const { path, lockTimeoutMs } = this.#options
    return patiently(() => guarded(path, () => this.db.exec(sql)), lockTimeoutMs)
  }

  async #probe(): Promise<void> {
    for (let i = 0; i < PROBES; i++) {
      const begun = performance.now()
      await patiently(() => this.#writer.probe(), this.#options.lockTimeoutMs)
      this.commits.note(performance.now() - begun, 1)
    }
  }
}

interface Connected {
  readonly db: DatabaseSync
  readonly readOnly: boolean
}

function connection({ path, durability, unwritable }: FileOptions): Connected {
  try {
    return { db: connect({ path, durability, busyMs: BLOCK_MS }), readOnly: false }
  } catch (error) {
    if (unwritable !== 'read' || !mayNotWrite(error)) throw error
    return { db: connectToRead(path), readOnly: true }
  }
}

async function patiently<T>(attempt: () => T, patienceMs: number): Promise<T> {
  const begun = performance.now()
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt()
    } catch (error) {
      if (!TuttiError.is(error, 'JOURNAL_LOCKED') || performance.now() - begun >= patienceMs) throw error
    }
    await sleep(pauseMs)
  }
}
