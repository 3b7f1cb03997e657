/**
 * `npm run bench -- retrieval --data FOLDER [--json]` (or TUTTI_DATA): how well the embedded index finds, and how fast. `limit` of a quality figure is what
 * the same method reaches over whole documents without this index (BM25 with Porter stemming, the same model, the same fusion). About 6 minutes on
 * WebAssembly, nearly all of it embedding; `--words` leaves the embedding out.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../packages/tutti/src/retrieval/database.ts'
import type { Embedder } from '../packages/tutti/src/retrieval/embedder.port.ts'
import { CANDIDATES, fuse, type Hit } from '../packages/tutti/src/retrieval/fusion.ts'
import { survey, takeIn } from '../packages/tutti/src/retrieval/ingest.ts'
import { VectorMatrix } from '../packages/tutti/src/retrieval/matrix.ts'
import { minilm } from '../packages/tutti/src/retrieval/minilm.ts'
import { Partition } from '../packages/tutti/src/retrieval/partition.ts'
import { search, searchByWords, VectorView } from '../packages/tutti/src/retrieval/search.ts'
import { warm } from '../packages/tutti/src/retrieval/warmer.ts'
import { type Report, reporter } from './figure.ts'
import { inFolder } from './measure.ts'
import { type Collection, cranfield, ndcgAt10, squad } from './retrieval/collection.ts'

/** What each ranking reaches over whole documents, measured once for this project; `cold` has no such figure. */
interface Expected {
  readonly words: number
  readonly meaning: number
  readonly fused: number
}
type Ranking = keyof Expected | 'cold'

const at = process.argv.indexOf('--data')
const data = at > 0 ? process.argv[at + 1] : process.env.TUTTI_DATA
if (data === undefined) throw new Error('Say where the data sets are: --data FOLDER, or TUTTI_DATA.')
const embedder = process.argv.includes('--words') ? undefined : await minilm()

await inFolder(async (folder) => {
  const report = reporter()
  await measure(cranfield(data), { words: 0.391, meaning: 0.402, fused: 0.432 }, folder, report)
  await measure(squad(data), { words: 0.902, meaning: 0.813, fused: 0.918 }, folder, report)
})
await embedder?.close()

async function measure(collection: Collection, expected: Expected, folder: string, report: Report): Promise<void> {
  const { name } = collection
  const partition = Partition.open(openDatabase(join(folder, `${name}.db`)), name, 'bench')
  const perSecond = await ingest(collection, partition, folder)
  report({ name: `${name}: documents taken in`, value: perSecond, unit: '/s' })
  if (embedder) await measureFirst(collection, partition, embedder, report)
  const found = await rankings(collection, partition)
  const quality = (ranking: Ranking): number => mean(collection.questions.map(({ relevant }, i) => ndcgAt10(found[ranking][i] ?? [], relevant)))
  report({
    name: `${name}: nDCG@10, words (BM25)`,
    value: quality('words'),
    unit: '',
    limit: expected.words,
    ...(name === 'Cranfield' ? { peer: 'MiniSearch', peerValue: 0.306 } : {}),
  })
  if (!embedder) return
  report({ name: `${name}: nDCG@10, meaning (MiniLM)`, value: quality('meaning'), unit: '', limit: expected.meaning })
  report({
    name: `${name}: nDCG@10, both`,
    value: quality('fused'),
    unit: '',
    limit: expected.fused,
    target: { atLeast: Number((expected.fused - 0.01).toFixed(3)) },
  })
  report({ name: `${name}: nDCG@10, first question (24 passages embedded)`, value: quality('cold'), unit: '', limit: expected.fused })
}

/** Through files, as a person's documents come. */
async function ingest({ name, documents }: Collection, partition: Partition, folder: string): Promise<number> {
  mkdirSync(join(folder, name))
  for (const { id, title, text } of documents) writeFileSync(join(folder, name, `${id}.md`), title ? `---\ntitle: ${title}\n---\n\n${text}\n` : text)
  const begun = performance.now()
  const { files, origins } = await survey(partition, [name], { root: folder })
  for (const file of files) await takeIn(partition, file, origins, { root: folder })
  return (documents.length / (performance.now() - begun)) * 1_000
}

/** The first questions, while nothing is embedded but what earlier ones asked for; then all is embedded. */
async function measureFirst({ name, questions }: Collection, partition: Partition, embedder: Embedder, report: Report): Promise<void> {
  const view = new VectorView(partition, embedder)
  const first = await millisecondsEach(questions.slice(0, 5), ({ text }) => search(partition, { embedder, view }, text))
  report({ name: `${name}: a question, nothing embedded yet`, value: first, unit: 'ms' })
  const begun = performance.now()
  const chunks = await warm(partition, embedder, { signal: new AbortController().signal, background: false })
  report({ name: `${name}: embedding a chunk`, value: (performance.now() - begun) / chunks, unit: 'ms' })
  const later = await millisecondsEach(questions.slice(0, 50), ({ text }) => search(partition, { embedder, view }, text))
  report({ name: `${name}: a question, all embedded`, value: later, unit: 'ms' })
}

/** The documents each ranking finds for each question, best first; a document stands where its best chunk does. */
async function rankings({ questions }: Collection, partition: Partition): Promise<Record<Ranking, string[][]>> {
  const found: Record<Ranking, string[][]> = { words: [], meaning: [], fused: [], cold: [] }
  const matrix = new VectorMatrix(embedder?.dimensions ?? 1)
  if (embedder) for (const { chunk, value } of partition.vectors(embedder.id)) matrix.add(chunk, value)
  for (const { text } of questions) {
    const words = searchByWords(partition, text)
    const [vector] = (await embedder?.embed([text])) ?? []
    const meaning = vector ? matrix.nearest(vector, CANDIDATES) : []
    const first = new Set(words.slice(0, 24).map(({ id }) => id))
    const cold = vector ? matrix.nearest(vector, CANDIDATES, first) : []
    found.words.push(documentsOf(partition, words))
    found.meaning.push(documentsOf(partition, meaning))
    found.fused.push(documentsOf(partition, fuse(words, meaning)))
    found.cold.push(documentsOf(partition, fuse(words, cold)))
  }
  return found
}

function documentsOf(partition: Partition, hits: readonly Hit[]): string[] {
  const chunks = partition.chunks(hits.map(({ id }) => id))
  return [...new Set(hits.map(({ id }) => chunks.get(id)?.source.replace(/^.*\/|\.md$/g, '') ?? ''))]
}

async function millisecondsEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  for (const item of items) await work(item)
  return (performance.now() - begun) / items.length
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
