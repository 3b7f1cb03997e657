/**
 * The SQLite file of indexes: opened, its layout, its version.
 *
 * Layout: one `partition` for each index and tenant; everything else carries its partition. The words of a partition stand in an FTS5 table of
 * their own (`words_<partition>`), so that neither a row nor a statistic of one tenant reaches another's search.
 * Crash: WAL, `synchronous=NORMAL`. A document is one transaction; what a power cut takes is whole documents, and their hashes with them.
 */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'

const LAYOUT = 1

const tables = `
CREATE TABLE partition (id INTEGER PRIMARY KEY, name TEXT NOT NULL, tenant TEXT, documents_changed INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX partition_of ON partition (name, ifnull('t' || tenant, 's'));
CREATE TABLE document (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, source TEXT NOT NULL, hash TEXT NOT NULL, media_type TEXT NOT NULL,
  meta TEXT NOT NULL, text TEXT NOT NULL, offsets TEXT);
CREATE UNIQUE INDEX document_of ON document (partition, source);
CREATE TABLE origin (partition INTEGER NOT NULL, origin TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (partition, origin, document)) WITHOUT ROWID;
CREATE INDEX origin_document ON origin (document);
CREATE TABLE chunk (id INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER NOT NULL, document INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  line INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, embedding TEXT NOT NULL);
CREATE INDEX chunk_document ON chunk (document);
CREATE INDEX chunk_embedding ON chunk (partition, embedding);
CREATE TABLE vector (id INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER NOT NULL, embedder TEXT NOT NULL, embedding TEXT NOT NULL, value BLOB NOT NULL);
CREATE UNIQUE INDEX vector_of ON vector (partition, embedder, embedding);
`

/** `<TUTTI_HOME>/index.db`, or `.tutti/index.db` below the working directory. */
export function defaultIndexPath(): string {
  return join(process.env.TUTTI_HOME ?? '.tutti', 'index.db')
}

/**
 * Opens the file, and makes it (and its folder) when it is not there. `:memory:` is an index that ends with the process.
 * @throws RETRIEVAL_INDEX_UNUSABLE when it is no SQLite file, was written by a newer tutti, or cannot be opened
 */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    database = new DatabaseSync(path, { timeout: 10_000 })
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;')
    transaction(database, () => prepareLayout(database as DatabaseSync, path))
    return database
  } catch (cause) {
    database?.close()
    if (TuttiError.is(cause)) throw cause
    throw new TuttiError('RETRIEVAL_INDEX_UNUSABLE', `the index file ${path} cannot be used: ${(cause as Error).message}`, { cause, data: { path } })
  }
}

/** All of `work`, or nothing of it. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function prepareLayout(database: DatabaseSync, path: string): void {
  const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (found === LAYOUT) return
  if (found > LAYOUT)
    throw new TuttiError('RETRIEVAL_INDEX_UNUSABLE', `the index file ${path} has layout ${found}, and this tutti knows ${LAYOUT}`, {
      hint: 'Update tutti, or choose another file.',
    })
  database.exec(`${tables}PRAGMA user_version = ${LAYOUT};`)
}
