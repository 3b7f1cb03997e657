/** A connection to a journal file beside which nothing may be written: in a folder of somebody else's, on a disk that is mounted read-only. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { TuttiError } from '../errors/index.ts'
import { sqliteOfNode } from './sqlite-connection.ts'
import { guarded } from './sqlite-fault.ts'
import { SCHEMA_VERSION, schemaOf } from './sqlite-schema.ts'

/** Primary result codes of SQLite: read-only, cannot be opened. */
const MAY_NOT_WRITE: readonly number[] = [8, 14]

/** Whether a file that could not be opened may still be one to read. */
export function mayNotWrite(error: unknown): boolean {
  if (!TuttiError.is(error, 'JOURNAL_UNWRITABLE')) return false
  const { errcode } = (error.data ?? {}) as { readonly errcode?: number | null }
  return MAY_NOT_WRITE.includes((errcode ?? 0) & 0xff)
}

/** @throws JOURNAL_UNWRITABLE when it cannot be read as it is either | JOURNAL_NEWER | JOURNAL_CORRUPT */
export function connectToRead(path: string): DatabaseSync {
  const Database = sqliteOfNode()
  return guarded(path, () => {
    const db = new Database(addressOf(path), { readOnly: true })
    try {
      refuseOlder(db, path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/** Without a log nobody has it open, so it need not be locked, which would be to write; with one, what is newest lies in the log. */
function addressOf(path: string): string | URL {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return log?.size ? path : new URL(`${pathToFileURL(resolve(path)).href}?immutable=1`)
}

/** What would have to be brought forward first. */
function refuseOlder(db: DatabaseSync, path: string): void {
  const schema = schemaOf(db, path)
  if (schema === SCHEMA_VERSION) return
  const message = `the journal '${path}' has schema ${schema}, and may not be brought forward to ${SCHEMA_VERSION}, because it is read-only`
  throw new TuttiError('JOURNAL_UNWRITABLE', message, { data: { path, schema } })
}
