/** The limit of every durable figure: a plain loop that inserts the same rows into the same kind of file, and commits as often. */
import { DatabaseSync } from 'node:sqlite'
import { type Cost, stopwatch } from '../measure.ts'
import type { Durability } from './steady.ts'

export interface Row {
  readonly key: number
  readonly body: string
}

/** The entries of one sort that a journal file holds, in the order in which runs that keep step with one another wrote them. */
export function rowsOf(path: string, type = 'step.completed'): readonly Row[] {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare("SELECT key, body FROM places JOIN entries USING (n) WHERE body ->> 'type' = ? ORDER BY n").all(type) as unknown as readonly Row[]
  db.close()
  return rows
}

/** Inserts `rows` into a new file at `path`, `together` of them in a transaction. */
export function insertBare(path: string, durability: Durability, rows: readonly Row[], together: number): Cost {
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'sync' ? 'FULL' : 'NORMAL'}`)
  db.exec('CREATE TABLE entries (n INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT; CREATE TABLE places (key INTEGER PRIMARY KEY, n INT NOT NULL) STRICT')
  const statements = ['BEGIN IMMEDIATE', 'INSERT INTO entries (n, body) VALUES (?, ?)', 'INSERT INTO places (key, n) VALUES (?, ?)', 'COMMIT']
  const [begin, insert, place, commit] = statements.map((sql) => db.prepare(sql))
  let n = 0
  const read = stopwatch()
  for (let i = 0; i < rows.length; i += together) {
    begin?.run()
    for (const { key, body } of rows.slice(i, i + together)) {
      insert?.run(++n, body)
      place?.run(key, n)
    }
    commit?.run()
  }
  const cost = read()
  db.close()
  return cost
}
