/** One connection to a journal file: the right SQLite, the right settings, the right schema. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import type { EncryptionOptions } from './encryption.port.ts'
import { guarded } from './sqlite-fault.ts'
import { migrate } from './sqlite-schema.ts'

/** `sync` survives a power cut; `relaxed` survives a killed process and may lose the last moments in a power cut. */
export type Durability = 'sync' | 'relaxed'

export interface ConnectionOptions {
  readonly path: string
  readonly durability: Durability
  /** How long a statement waits for another process, blocking this thread. */
  readonly busyMs: number
  /** How long the log grows until a commit brings it in. Default 6,000 pages. */
  readonly logPages?: number | undefined
  readonly encryption?: EncryptionOptions | undefined
}

/** Older ones can corrupt a database when a WAL is reset. */
const OLDEST_SQLITE = [3, 51, 3] as const

/** How long the log grows before it is brought into the file: while many runs write at once the same pages are in it again and again. Less than `LOG_BYTES`. */
export const LOG_PAGES = 6_000
/** Where another thread brings the log in: from here on, whoever commits does it. */
export const LOG_PAGES_AT_MOST = 4 * LOG_PAGES

/** What one large commit makes of the log is given back beyond this. */
const LOG_BYTES = 16 * 1024 * 1024

/**
 * Opens the file, making its folder, the file and its tables where they are missing.
 * @throws JOURNAL_NODE_TOO_OLD | JOURNAL_NEWER | JOURNAL_CORRUPT | JOURNAL_UNWRITABLE | JOURNAL_LOCKED
 */
export function connect({ path, durability, busyMs, logPages = LOG_PAGES }: ConnectionOptions): DatabaseSync {
  const Database = sqliteOfNode()
  return guarded(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    const db = new Database(path, { timeout: busyMs })
    try {
      prepareFile(db, path, durability)
      db.exec(`PRAGMA wal_autocheckpoint = ${logPages}`)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })
}

/** The version of SQLite in this Node. */
export function sqliteVersion(db: DatabaseSync): string {
  return (db.prepare('SELECT sqlite_version() AS version').get() as { version: string }).version
}

/** @throws JOURNAL_NODE_TOO_OLD */
export function sqliteOfNode(): typeof DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite) return sqlite.DatabaseSync
  throw tooOld(`Node ${process.version} has no node:sqlite`)
}

function prepareFile(db: DatabaseSync, path: string, durability: Durability): void {
  const version = sqliteVersion(db)
  if (isOlder(version)) throw tooOld(`Node ${process.version} brings SQLite ${version}; tutti needs ${OLDEST_SQLITE.join('.')}`)
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number }
  // Only a file that is empty yet takes these. Pages are small because a journal has two dozen tables and indices, most of them empty; and what is removed
  // later can be given back to the disk in small parts (`SqliteFile.compact`).
  if (pages === 0) db.exec('PRAGMA page_size = 2048; PRAGMA auto_vacuum = INCREMENTAL')
  const { journal_mode: mode } = db.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string }
  if (mode !== 'wal')
    throw new TuttiError('JOURNAL_UNWRITABLE', `the journal '${path}' cannot have a write-ahead log (SQLite answers '${mode}')`, {
      data: { path, mode },
      hint: 'Use a path on a local disk.',
    })
  db.exec(durability === 'sync' ? 'PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1' : 'PRAGMA synchronous = NORMAL')
  db.exec(`PRAGMA journal_size_limit = ${LOG_BYTES}`)
  migrate(db, path)
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, least] of OLDEST_SQLITE.entries()) if (parts[i] !== least) return (parts[i] ?? 0) < least
  return false
}

function tooOld(message: string): TuttiError {
  return new TuttiError('JOURNAL_NODE_TOO_OLD', message, { hint: 'Use a current release of Node 22 or 24: 22.23 and 24.21 are known to do.' })
}
