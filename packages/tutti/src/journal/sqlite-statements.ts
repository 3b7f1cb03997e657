/** The statements of the writer, prepared once a connection. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { changing, columns, readColumns } from './sqlite-head.ts'
import { RUN_SPAN } from './sqlite-schema.ts'

/** Rows of one INSERT: crossing into SQLite costs about as much as the row itself. */
const WIDE = 16

export type Statements = ReturnType<typeof prepareAll>

/** @throws what SQLite throws when the tables are not those of `sqlite-schema.ts` */
export function prepareAll(db: DatabaseSync) {
  const prepare = (sql: string): StatementSync => db.prepare(sql)
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
      SELECT ${readColumns}, (SELECT key FROM places WHERE key > r.id * ${RUN_SPAN} AND key < (r.id + 1) * ${RUN_SPAN} ORDER BY key DESC LIMIT 1) AS last_key
      FROM runs r WHERE r.run = ?`),
    lastRun: prepare("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0) AS last"),
    lastEntry: prepare('SELECT coalesce(max(n), 0) AS last FROM entries'),
    insertEntry: prepare('INSERT INTO entries (n, body) VALUES (?, ?)'),
    insertPlace: prepare('INSERT INTO places (key, n, crc) VALUES (?, ?, ?)'),
    // OR FAIL, because any failure rolls the whole group back: SQLite would otherwise first copy every page that a wide statement touches, which is
    // half of what an entry costs while many runs write at once.
    insertEntries: prepare(`INSERT OR FAIL INTO entries (n, body) VALUES ${rowsOf(2)}`),
    insertPlaces: prepare(`INSERT OR FAIL INTO places (key, n, crc) VALUES ${rowsOf(3)}`),
    insertBlob: prepare('INSERT OR IGNORE INTO blobs (hash, body) VALUES (?, ?)'),
    insertUse: prepare('INSERT OR IGNORE INTO blob_uses (run, blob) SELECT ?, id FROM blobs WHERE hash = ?'),
    insertRun: prepare(`INSERT INTO runs (${columns}, crc) VALUES (${marks(columns)}, ?)`),
    changeRun: prepare(`UPDATE runs SET (${changing}, crc) = (${marks(changing)}, ?) WHERE id = ?`),
    keepSchedule: prepare(`
      INSERT INTO schedules (name, considered, paused, run, spec, key_id) VALUES (:name, :considered, coalesce(:paused, 0), :run, :spec, :key)
      ON CONFLICT DO UPDATE SET considered = max(considered, :considered), paused = coalesce(:paused, paused), run = coalesce(:run, run),
        spec = coalesce(:spec, spec), key_id = iif(:spec IS NULL, key_id, :key)`),
    dropSchedule: prepare('DELETE FROM schedules WHERE name = ?'),
    take: prepare('UPDATE inbox SET n = NULL, body = NULL, crc = ? WHERE run = ? AND id = ?'),
    dropLetter: prepare('DELETE FROM inbox WHERE run = ? AND id = ?'),
    nextLetter: prepare('SELECT coalesce(max(n), 0) + 1 AS n FROM inbox WHERE run = ? AND body IS NOT NULL'),
    post: prepare('INSERT OR IGNORE INTO inbox (run, id, n, body, crc) VALUES (?, ?, ?, ?, ?)'),
  }
}

/** As wide as they go, and the rest one by one. */
export function insertWide(values: readonly (number | string | Uint8Array)[], columns: number, one: StatementSync, wide: StatementSync): void {
  let i = 0
  for (; i + columns * WIDE <= values.length; i += columns * WIDE) wide.run(...values.slice(i, i + columns * WIDE))
  for (; i < values.length; i += columns) one.run(...values.slice(i, i + columns))
}

const marks = (names: string): string => names.split(',').fill('?').join(', ')
const rowsOf = (width: number): string =>
  Array(WIDE)
    .fill(`(${Array(width).fill('?').join(', ')})`)
    .join(', ')
