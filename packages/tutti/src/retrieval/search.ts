/**
 * A question against one partition: BM25 and vectors, fused.
 *
 * Owns the ranking and the vectors in memory. Does not own storage or the embedding model.
 * Invariants: Q1 a question is answered as soon as there is text, whatever is embedded by then; Q2 no input of a user is syntax;
 * Q3 the same question over the same words and vectors gives the same passages in the same order.
 * Where no embedding model is installed, the words alone answer, and `stats` says so.
 */
import { TuttiError } from '../errors/index.ts'
import type { Passage } from './document.ts'
import type { Embedder } from './embedder.port.ts'
import { CANDIDATES, type Fused, fuse, type Hit } from './fusion.ts'
import { VectorMatrix } from './matrix.ts'
import type { ColumnWeights, Filter, Partition } from './partition.ts'
import { matchExpression, searchWords } from './words.ts'

/** Characters a question may have. */
const MAX_QUESTION = 8_000
/** Passages a question asks to be embedded before it is answered; the rest follows in the background. */
const EMBED_FIRST = 24
/** Tried over Cranfield, SQuAD and the documentation of npm packages: see docs/decisions/retrieval-ranking.md. */
const COLUMN_WEIGHTS: ColumnWeights = { body: 1, heading: 2, names: 0.5 }

export interface SearchOptions {
  /** Passages to return. Default 8. */
  readonly top?: number | undefined
  readonly filter?: Filter | undefined
  readonly signal?: AbortSignal | undefined
}

/** The vectors of a partition, held in memory and brought up to date before each use. */
export class VectorView {
  readonly #partition: Partition
  readonly #embedder: Pick<Embedder, 'id' | 'dimensions'>
  #matrix: VectorMatrix
  #changes = -1
  #lastVector = 0

  constructor(partition: Partition, embedder: Pick<Embedder, 'id' | 'dimensions'>) {
    this.#partition = partition
    this.#embedder = embedder
    this.#matrix = new VectorMatrix(embedder.dimensions)
  }

  nearest(query: Float32Array, filter: Filter | undefined): Hit[] {
    this.#refresh()
    return this.#matrix.nearest(query, CANDIDATES, filter ? this.#partition.matching(filter) : undefined)
  }

  /** New vectors are appended; a changed document means reading all again. */
  #refresh(): void {
    const changes = this.#partition.changes()
    if (changes !== this.#changes) {
      this.#matrix = new VectorMatrix(this.#embedder.dimensions, this.#matrix.size)
      this.#lastVector = 0
      this.#changes = changes
    }
    for (const { vector, chunk, value } of this.#partition.vectors(this.#embedder.id, this.#lastVector)) {
      this.#matrix.add(chunk, value)
      this.#lastVector = vector
    }
  }
}

/** @throws RETRIEVAL_QUERY_TOO_LONG beyond 8,000 characters */
export function checkQuestion(question: string): void {
  if (question.length <= MAX_QUESTION) return
  throw new TuttiError('RETRIEVAL_QUERY_TOO_LONG', `the question has ${question.length} characters, and an index can search for ${MAX_QUESTION}`, {
    data: { characters: question.length, limit: MAX_QUESTION },
  })
}

export function searchByWords(partition: Partition, question: string, { filter }: SearchOptions = {}): Hit[] {
  const match = matchExpression(searchWords(question))
  return match === undefined ? [] : partition.byWords(match, CANDIDATES, COLUMN_WEIGHTS, filter)
}

/**
 * The best passages. Embeds the question and, while some passages are not embedded yet, the best of those that the words found.
 * `vectors` left out: by words alone.
 */
export async function search(
  partition: Partition,
  vectors: { readonly view: VectorView; readonly embedder: Embedder } | undefined,
  question: string,
  o: SearchOptions = {},
): Promise<Passage[]> {
  checkQuestion(question)
  const words = searchByWords(partition, question, o)
  const meaning = vectors && question.trim() !== '' ? await searchByMeaning(partition, vectors, question, words, o) : []
  return passages(partition, fuse(words, meaning).slice(0, o.top ?? 8))
}

/** The best passages by words, and by a question that is a vector already. */
export function searchWith(
  partition: Partition,
  view: VectorView,
  question: { readonly text: string; readonly vector: Float32Array },
  o: SearchOptions = {},
): Passage[] {
  const meaning = question.text.trim() === '' ? [] : view.nearest(question.vector, o.filter)
  return passages(partition, fuse(searchByWords(partition, question.text, o), meaning).slice(0, o.top ?? 8))
}

async function searchByMeaning(
  partition: Partition,
  { view, embedder }: { readonly view: VectorView; readonly embedder: Embedder },
  question: string,
  words: readonly Hit[],
  o: SearchOptions,
): Promise<Hit[]> {
  const first = words.slice(0, EMBED_FIRST).map(({ id }) => id)
  const missing = partition.unembedded(embedder.id, first)
  const [query, ...found] = await embedder.embed([question, ...missing.map(({ text }) => text)], { signal: o.signal })
  partition.putVectors(
    embedder.id,
    missing.map(({ embedding }, i) => ({ embedding, vector: found[i] as Float32Array })),
  )
  return view.nearest(query as Float32Array, o.filter)
}

function passages(partition: Partition, hits: readonly Fused[]): Passage[] {
  const chunks = partition.chunks(hits.map(({ id }) => id))
  return hits.flatMap(({ id, score, via }) => {
    const chunk = chunks.get(id)
    if (!chunk) return []
    const { text, source, start, end, line, heading, meta } = chunk
    return [{ text, source, start, end, score, line, heading, meta, via }]
  })
}
