/**
 * A few hundred short texts in memory, ranked against a question: BM25 and, where there is an embedding model, its vectors; fused as an index does.
 * Owns nothing on disk. The texts are embedded once, when first asked for: about 12 ms each on WebAssembly.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Embedder } from './embedder.port.ts'
import { CANDIDATES, fuse, type Hit } from './fusion.ts'
import { VectorMatrix } from './matrix.ts'
import { matchExpression, nameParts, searchWords, spaced } from './words.ts'

/** What is found by its words, by the parts of its names, and by what it means. */
export interface RankedText {
  readonly name: string
  readonly body: string
}

export class TextRanking {
  readonly #texts: readonly RankedText[]
  readonly #embedder: Embedder | undefined
  readonly #byWords: StatementSync
  #vectors: Promise<VectorMatrix> | undefined

  constructor(texts: readonly RankedText[], embedder: Embedder | undefined) {
    this.#texts = texts
    this.#embedder = embedder
    const database = new DatabaseSync(':memory:')
    database.exec("CREATE VIRTUAL TABLE words USING fts5(body, name, tokenize = 'porter unicode61', content = '')")
    const insert = database.prepare('INSERT INTO words (rowid, body, name) VALUES (?, ?, ?)')
    texts.forEach(({ name, body }, i) => {
      insert.run(i, spaced(body), wordsOfName(name))
    })
    this.#byWords = database.prepare('SELECT rowid AS id, -bm25(words, 1, 2) AS score FROM words WHERE words MATCH ? ORDER BY bm25(words, 1, 2), rowid LIMIT ?')
  }

  /** The places of the best texts, best first; the same every time for the same question. */
  async best(question: string, top: number, signal?: AbortSignal): Promise<number[]> {
    const match = matchExpression(searchWords(question))
    const words = match === undefined ? [] : (this.#byWords.all(match, CANDIDATES) as unknown as Hit[])
    const meaning = this.#embedder && question.trim() !== '' ? await this.#nearest(this.#embedder, question, signal) : []
    return fuse(words, meaning)
      .slice(0, top)
      .map(({ id }) => id)
  }

  async #nearest(embedder: Embedder, question: string, signal: AbortSignal | undefined): Promise<Hit[]> {
    this.#vectors ??= this.#embedAll(embedder).catch((error: unknown) => {
      this.#vectors = undefined
      throw error
    })
    const [matrix, [query]] = await Promise.all([this.#vectors, embedder.embed([question], { signal })])
    return matrix.nearest(query as Float32Array, CANDIDATES)
  }

  async #embedAll(embedder: Embedder): Promise<VectorMatrix> {
    const vectors = await embedder.embed(this.#texts.map(({ name, body }) => `${wordsOfName(name)}. ${body}`))
    const matrix = new VectorMatrix(embedder.dimensions, vectors.length)
    vectors.forEach((vector, i) => {
      matrix.add(i, vector)
    })
    return matrix
  }
}

/** `find_order.byId` as "find order by Id". */
const wordsOfName = (name: string): string => {
  const plain = name.replaceAll(/[_.\-/]+/g, ' ')
  const parts = nameParts(plain)
  return parts ? `${plain} ${parts}` : plain
}
