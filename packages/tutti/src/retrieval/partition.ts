/**
 * What one tenant has in one index: documents, chunks, words and vectors.
 *
 * Owns every statement on those tables; each names its partition, so there is no way past it.
 * Does not own reading files, splitting, embedding or ranking.
 * Invariants: P1 a document, its chunks and its words change together; P2 the hash of a document is there exactly when all of it is indexed;
 * P3 a chunk's id is never used again; P4 vectors are kept by the hash of the text they stand for, so the same text is embedded once.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import { hash128, type Json } from '../primitives/index.ts'
import { transaction } from './database.ts'
import type { Document, DocumentMeta, MediaType } from './document.ts'
import type { Hit } from './fusion.ts'
import { lineIn, lineStarts, offsetInFile } from './line.ts'
import { plainText } from './plain.ts'
import type { Chunk } from './split.ts'
import { nameParts, spaced } from './words.ts'

/** Weights of the columns of the text index: the words of a chunk, its headings, the parts of its camel-case names. */
export interface ColumnWeights {
  readonly body: number
  readonly heading: number
  readonly names: number
}

/** Fields of `meta`, or `source`, and what they must be: one value, or any of several. */
export type Filter = { readonly [field: string]: Json | readonly Json[] | undefined }

export interface StoredChunk {
  readonly id: number
  readonly source: string
  readonly text: string
  readonly start: number
  readonly end: number
  readonly line: number
  readonly heading: readonly string[]
  readonly meta: DocumentMeta
}

export interface Unembedded {
  readonly id: number
  /** Hash of `text`. */
  readonly embedding: string
  /** What is embedded. */
  readonly text: string
}

export interface PartitionCounts {
  readonly documents: number
  readonly chunks: number
  readonly embedded: number
}

/** What is embedded of a chunk: its headings, then its words. */
const embeddedText = (heading: readonly string[], plain: string): string => (heading.length > 0 ? `${heading.join(' › ')}\n${plain}` : plain)

export class Partition {
  readonly #database: DatabaseSync
  readonly #id: number
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, id: number) {
    this.#database = database
    this.#id = id
  }

  /** The partition of an index and a tenant (`undefined`: shared by all); made when it is not there. */
  static open(database: DatabaseSync, name: string, tenant: string | undefined): Partition {
    const found = (): number | undefined =>
      (database.prepare('SELECT id FROM partition WHERE name = ? AND tenant IS ?').get(name, tenant ?? null) as { id: number } | undefined)?.id
    const id =
      found() ??
      transaction(database, () => {
        const known = found()
        if (known !== undefined) return known
        const made = Number(database.prepare('INSERT INTO partition (name, tenant) VALUES (?, ?)').run(name, tenant ?? null).lastInsertRowid)
        database.exec(
          `CREATE VIRTUAL TABLE words_${made} USING fts5(body, heading, names, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2')`,
        )
        return made
      })
    return new Partition(database, id)
  }

  /** Whether anything that was found under `origin` is here. */
  knows(origin: string): boolean {
    return this.#get('SELECT 1 FROM origin WHERE partition = ? AND origin = ? LIMIT 1', this.#id, origin) !== undefined
  }

  hash(source: string): string | undefined {
    return this.#get('SELECT hash FROM document WHERE partition = ? AND source = ?', this.#id, source)?.hash as string | undefined
  }

  /** Takes a document in, in place of what it was before. */
  put(document: Document, chunks: readonly Chunk[], origins: readonly string[]): void {
    transaction(this.#database, () => {
      this.#dropChunks(document.source)
      const id = this.#writeDocument(document)
      this.#writeChunks(id, document, chunks)
      for (const origin of origins) this.#link(id, origin)
      this.#touch()
    })
  }

  /** Notes that documents already here came from `origin` too. */
  link(origin: string, sources: readonly string[]): void {
    transaction(this.#database, () => {
      for (const source of sources) {
        const row = this.#get('SELECT id FROM document WHERE partition = ? AND source = ?', this.#id, source)
        if (row) this.#link(row.id as number, origin)
      }
    })
  }

  /** Takes out the documents of `origin` that `present` does not hold and that came from nowhere else. Returns how many went. */
  removeGone(origin: string, present: ReadonlySet<string>): number {
    return transaction(this.#database, () => {
      const gone = this.#all(
        'SELECT id, source FROM document JOIN origin ON origin.document = document.id WHERE origin.partition = ? AND origin = ?',
        this.#id,
        origin,
      )
      let removed = 0
      for (const { id, source } of gone) {
        if (present.has(source as string)) continue
        this.#run('DELETE FROM origin WHERE partition = ? AND origin = ? AND document = ?', this.#id, origin, id as number)
        if (this.#get('SELECT 1 FROM origin WHERE document = ? LIMIT 1', id as number)) continue
        this.#dropChunks(source as string)
        this.#run('DELETE FROM document WHERE partition = ? AND id = ?', this.#id, id as number)
        removed++
      }
      if (removed > 0) this.#touch()
      return removed
    })
  }

  /** Forgets vectors of texts that no chunk has any more. */
  sweepVectors(): void {
    this.#run(
      'DELETE FROM vector WHERE partition = ?1 AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.partition = ?1 AND chunk.embedding = vector.embedding)',
      this.#id,
    )
  }

  /** The `top` chunks that hold any of the words of `match`, by BM25. */
  byWords(match: string, top: number, weights: ColumnWeights, filter?: Filter): Hit[] {
    const where = filter ? this.#where(filter) : undefined
    const ranked = `words_${this.#id} MATCH ? AND rank MATCH 'bm25(${weights.body}, ${weights.heading}, ${weights.names})'`
    const sql = where
      ? `SELECT words.rowid AS id, -rank AS score FROM words_${this.#id} AS words JOIN chunk ON chunk.id = words.rowid WHERE ${ranked} AND ${where.sql} ORDER BY rank LIMIT ?`
      : `SELECT rowid AS id, -rank AS score FROM words_${this.#id} WHERE ${ranked} ORDER BY rank LIMIT ?`
    const rows = this.#all(sql, match, ...(where?.values ?? []), top)
    return rows.map(({ id, score }) => ({ id: id as number, score: score as number })).sort((a, b) => b.score - a.score || a.id - b.id)
  }

  /** The chunks that pass a filter. */
  matching(filter: Filter): Set<number> {
    const where = this.#where(filter)
    return new Set(this.#all(`SELECT chunk.id FROM chunk WHERE ${where.sql}`, ...where.values).map(({ id }) => id as number))
  }

  chunks(ids: readonly number[]): Map<number, StoredChunk> {
    const sql = `SELECT chunk.id, source, chunk.text, start, "end", line, heading, meta FROM chunk JOIN document ON document.id = chunk.document
      WHERE chunk.partition = ? AND chunk.id IN (SELECT value FROM json_each(?))`
    return new Map(this.#all(sql, this.#id, JSON.stringify(ids)).map((row) => [row.id as number, storedChunk(row)]))
  }

  /** A document as it was read, its source text included. */
  document(source: string): Document | undefined {
    const row = this.#get('SELECT source, text, hash, media_type, meta, offsets FROM document WHERE partition = ? AND source = ?', this.#id, source)
    if (!row) return undefined
    const places = row.offsets === null ? {} : (JSON.parse(row.offsets as string) as Pick<Document, 'offsets' | 'fileLines'>)
    return {
      source: row.source as string,
      text: row.text as string,
      hash: row.hash as string,
      mediaType: row.media_type as MediaType,
      meta: JSON.parse(row.meta as string) as DocumentMeta,
      ...places,
    }
  }

  /** Every document by its name, without its text. */
  titles(): { readonly source: string; readonly meta: DocumentMeta }[] {
    const rows = this.#all('SELECT source, meta FROM document WHERE partition = ? ORDER BY source', this.#id)
    return rows.map(({ source, meta }) => ({ source: source as string, meta: JSON.parse(meta as string) as DocumentMeta }))
  }

  /** Which of these chunks have no vector of this embedder yet, in the order given. */
  unembedded(embedder: string, ids: readonly number[]): Unembedded[] {
    const sql = `SELECT chunk.id, embedding, heading, text FROM json_each(?2) AS wanted JOIN chunk ON chunk.id = wanted.value
      WHERE chunk.partition = ?1 AND NOT EXISTS (SELECT 1 FROM vector WHERE partition = ?1 AND embedder = ?3 AND vector.embedding = chunk.embedding) ORDER BY wanted.key`
    return this.#all(sql, this.#id, JSON.stringify(ids), embedder).map(unembedded)
  }

  /** The next chunks after `after` (a chunk id) without a vector of this embedder. */
  nextUnembedded(embedder: string, after: number, limit: number): Unembedded[] {
    const sql = `SELECT id, embedding, heading, text FROM chunk WHERE partition = ?1 AND id > ?2
      AND NOT EXISTS (SELECT 1 FROM vector WHERE partition = ?1 AND embedder = ?3 AND vector.embedding = chunk.embedding) ORDER BY id LIMIT ?4`
    return this.#all(sql, this.#id, after, embedder, limit).map(unembedded)
  }

  putVectors(embedder: string, vectors: readonly { readonly embedding: string; readonly vector: Float32Array }[]): void {
    transaction(this.#database, () => {
      for (const { embedding, vector } of vectors) {
        const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
        this.#run('INSERT INTO vector (partition, embedder, embedding, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING', this.#id, embedder, embedding, bytes)
      }
    })
  }

  /** Whose vectors are here, and of how many numbers each is. */
  embedders(): readonly { readonly embedder: string; readonly dimensions: number }[] {
    const sql = 'SELECT embedder, max(length(value)) / 4 AS dimensions FROM vector WHERE partition = ? GROUP BY embedder ORDER BY embedder'
    return this.#all(sql, this.#id).map(({ embedder, dimensions }) => ({ embedder: embedder as string, dimensions: dimensions as number }))
  }

  /** The vectors of the chunks, in the order they were stored; `after` is the `vector` of the last one seen. */
  *vectors(embedder: string, after = 0): Generator<{ readonly vector: number; readonly chunk: number; readonly value: Float32Array }> {
    const sql = `SELECT vector.id AS vector, chunk.id AS chunk, value FROM vector JOIN chunk ON chunk.partition = vector.partition AND chunk.embedding = vector.embedding
      WHERE vector.partition = ? AND embedder = ? AND vector.id > ? ORDER BY vector.id, chunk.id`
    for (const row of this.#prepare(sql).iterate(this.#id, embedder, after) as Iterable<{ vector: number; chunk: number; value: Uint8Array }>)
      yield { vector: row.vector, chunk: row.chunk, value: new Float32Array(row.value.slice().buffer) }
  }

  /** Rises whenever a document changes or goes. */
  changes(): number {
    return (this.#get('SELECT documents_changed FROM partition WHERE id = ?', this.#id)?.documents_changed as number | undefined) ?? 0
  }

  counts(embedder: string | undefined): PartitionCounts {
    const count = (sql: string, ...values: SQLInputValue[]): number => this.#get(sql, ...values)?.n as number
    return {
      documents: count('SELECT count(*) AS n FROM document WHERE partition = ?', this.#id),
      chunks: count('SELECT count(*) AS n FROM chunk WHERE partition = ?', this.#id),
      embedded:
        embedder === undefined
          ? 0
          : count(
              'SELECT count(*) AS n FROM chunk JOIN vector ON vector.partition = chunk.partition AND vector.embedding = chunk.embedding WHERE chunk.partition = ? AND embedder = ?',
              this.#id,
              embedder,
            ),
    }
  }

  isEmpty(): boolean {
    return this.#get('SELECT 1 FROM document WHERE partition = ? LIMIT 1', this.#id) === undefined
  }

  #writeDocument(document: Document): number {
    const places = document.offsets ? JSON.stringify({ offsets: document.offsets, fileLines: document.fileLines }) : null
    const sql = `INSERT INTO document (partition, source, hash, media_type, meta, text, offsets) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (partition, source) DO UPDATE SET hash = excluded.hash, media_type = excluded.media_type, meta = excluded.meta, text = excluded.text, offsets = excluded.offsets RETURNING id`
    return this.#get(sql, this.#id, document.source, document.hash, document.mediaType, JSON.stringify(document.meta), document.text, places)?.id as number
  }

  #writeChunks(id: number, document: Document, chunks: readonly Chunk[]): void {
    const starts = document.fileLines ?? lineStarts(document.text)
    for (const { start, end, text, heading, plain } of chunks) {
      const line = lineIn(starts, document.offsets ? offsetInFile(document.offsets, start) : start)
      const embedding = hash128(embeddedText(heading, plain))
      const sql = 'INSERT INTO chunk (partition, document, start, "end", line, heading, text, embedding) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
      const { lastInsertRowid } = this.#run(sql, this.#id, id, start, end, line, JSON.stringify(heading), text, embedding)
      const title = heading.join('\n')
      this.#run(
        `INSERT INTO words_${this.#id} (rowid, body, heading, names) VALUES (?, ?, ?, ?)`,
        lastInsertRowid,
        spaced(plain),
        spaced(title),
        nameParts(`${title}\n${plain}`),
      )
    }
  }

  #dropChunks(source: string): void {
    const row = this.#get('SELECT id FROM document WHERE partition = ? AND source = ?', this.#id, source)
    if (!row) return
    this.#run(`DELETE FROM words_${this.#id} WHERE rowid IN (SELECT id FROM chunk WHERE document = ?)`, row.id as number)
    this.#run('DELETE FROM chunk WHERE partition = ? AND document = ?', this.#id, row.id as number)
  }

  #link(document: number, origin: string): void {
    this.#run('INSERT INTO origin (partition, origin, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', this.#id, origin, document)
  }

  #touch(): void {
    this.#run('UPDATE partition SET documents_changed = documents_changed + 1 WHERE id = ?', this.#id)
  }

  /** The names of fields are bound as values too: nothing of a filter becomes SQL. */
  #where(filter: Filter): { sql: string; values: SQLInputValue[] } {
    const parts = ['partition = ?']
    const values: SQLInputValue[] = [this.#id]
    for (const [field, wanted] of Object.entries(filter)) {
      if (wanted === undefined) continue
      if (field === '' || field.includes('"')) throw new TuttiError('CONFIG_INVALID', `'${field}' is no field of a document`)
      parts.push(`${field === 'source' ? 'source' : 'meta ->> ?'} IN (SELECT value FROM json_each(?))`)
      if (field !== 'source') values.push(`$."${field}"`)
      values.push(JSON.stringify(Array.isArray(wanted) ? wanted : [wanted]))
    }
    return { sql: `chunk.document IN (SELECT id FROM document WHERE ${parts.join(' AND ')})`, values }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: SQLInputValue[]): { lastInsertRowid: number | bigint } {
    return this.#prepare(sql).run(...values)
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }
}

type Row = Record<string, unknown>

function storedChunk(row: Row): StoredChunk {
  return {
    id: row.id as number,
    source: row.source as string,
    text: row.text as string,
    start: row.start as number,
    end: row.end as number,
    line: row.line as number,
    heading: JSON.parse(row.heading as string) as string[],
    meta: JSON.parse(row.meta as string) as DocumentMeta,
  }
}

const unembedded = (row: Row): Unembedded => ({
  id: row.id as number,
  embedding: row.embedding as string,
  text: embeddedText(JSON.parse(row.heading as string) as string[], plainText(row.text as string)),
})
