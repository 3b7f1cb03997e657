/**
 * The flows of the command itself. `ask`: check → ingest what changed → answer with citations → verify. `ingest`: the documentation into its index.
 * They are flows like any other: recorded step by step, resumed, shown, cancelled. Their names keep them apart from those of an app on the same store.
 */
import { agent } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { ModelId } from '../model/index.ts'
import { type Cited, checkQuestion, cited, type Document, type Index, type IngestReport, index, load, verifyCitations } from '../retrieval/index.ts'
import { type Flow, flow } from '../run/index.ts'
import { type Corpus, type CorpusRequest, findSources, writeMark } from './corpus.ts'
import type { Home } from './home.ts'

export interface IngestInput extends CorpusRequest {
  /** Look at every file, also when nothing seems to have changed. */
  readonly fresh: boolean
  /** Compute what is needed to search by meaning. */
  readonly embed: boolean
  /** Compute nothing of the kind, not even ahead of time. */
  readonly words: boolean
}

export interface Ingested {
  readonly corpus: Corpus
  /** Absent when nothing had changed. */
  readonly report?: IngestReport | undefined
  /** Passages embedded now. */
  readonly embedded?: number | undefined
}

export interface AskInput extends CorpusRequest {
  readonly question: string
  /** Passages for each search. */
  readonly top: number
  readonly model?: string | undefined
  /** Search by words alone. */
  readonly words: boolean
}

export interface CheckedCitation {
  readonly quote: string
  readonly source: string
  readonly start: number
  readonly end: number
  readonly package?: string | undefined
  readonly version?: string | undefined
  /** From 1. */
  readonly line?: number | undefined
  readonly verified: boolean
  /** Why it is not. */
  readonly why?: string | undefined
}

export interface Answer {
  /** Empty when the documents do not hold one. */
  readonly text: string
  readonly citations: readonly CheckedCitation[]
  readonly corpus: Corpus
}

export interface CommandFlows {
  readonly ask: Flow<AskInput, Answer>
  readonly ingest: Flow<IngestInput, Ingested>
  /** Closes the indexes that were used. */
  close(): Promise<void>
}

const INSTRUCTIONS = `You answer questions about software from its documentation, which you search with the tool you have.
Search before you answer, with the words that the documentation would use; search again with other words when the passages do not hold the answer.
Say only what the passages say. Be short and concrete: first the answer, then an example from the passages if there is one.
Quote, word for word, what each statement rests on. When the passages do not hold an answer, leave the text empty.`
const TURNS = 8

/** Indexes are opened when a run first needs them. */
export function commandFlows(home: Home): CommandFlows {
  const indexes = new Map<string, Index>()
  const indexOf: IndexOf = (name, root, words) => {
    const key = `${name} ${words}`
    const open = indexes.get(key) ?? index(name, { path: home.index, root, ...(words ? { embed: false } : {}) })
    indexes.set(key, open)
    return open
  }
  const ingest = ingestFlow(home, indexOf)
  const ask = askFlow(ingest, indexOf)
  const close = async (): Promise<void> => {
    await Promise.all([...indexes.values()].map((open) => open.close()))
  }
  return { ask, ingest, close }
}

type IndexOf = (name: string, root: string, words: boolean) => Index

function ingestFlow(home: Home, indexOf: IndexOf): Flow<IngestInput, Ingested> {
  const description = 'Reads the documentation of the installed packages, or of the places named, into an index.'
  return flow('tutti.ingest', { version: '1', description }, async ({ fresh, embed, words, ...request }: IngestInput, run): Promise<Ingested> => {
    const documentsIn = async (name: string): Promise<number> => (await indexOf(name, request.root, true).stats({ scope: run.scope })).documents
    const corpus = await run.step('sources', { fresh, ...request }, () => findSources(home, request, documentsIn))
    const docs = indexOf(corpus.index, request.root, words)
    const report = corpus.unchanged && !fresh ? undefined : await run.call(docs.ingest, { from: [...corpus.origins] }, { name: 'documents' })
    if (report) await run.step('mark', corpus.stamp, async () => writeMark(home, corpus, await documentsIn(corpus.index)), { effect: 'idempotent' })
    const embedded = embed ? await run.step('embed', corpus.stamp, (_, { scope, signal }) => docs.warm({ scope, signal }), { effect: 'idempotent' }) : undefined
    return { corpus, report, embedded }
  })
}

function askFlow(ingest: Flow<IngestInput, Ingested>, indexOf: IndexOf): Flow<AskInput, Answer> {
  const description = 'Answers a question from documentation, with quotes that are checked against it.'
  return flow('tutti.ask', { version: '1', description }, async ({ question, top, model, words, ...request }: AskInput, run): Promise<Answer> => {
    const asked = await run.step('check', question, askable)
    const { corpus } = await run.call(ingest, { ...request, fresh: false, embed: false, words }, { name: 'ingest' })
    const answer = await run.call(answerer(indexOf(corpus.index, request.root, words), corpus, { top, model }), asked)
    const citations = await run.step('verify', answer, (given) => verify(given, request.root))
    return { text: answer.text, citations, corpus }
  })
}

/** The question as it is asked. @throws CONFIG_USAGE | RETRIEVAL_QUERY_TOO_LONG */
export function askable(question: string): string {
  const asked = question.trim()
  if (!/[\p{L}\p{N}]/u.test(asked)) throw new TuttiError('CONFIG_USAGE', 'the question is empty', { hint: 'npx tutti ask "How do I …?"' })
  checkQuestion(asked)
  return asked
}

/** An index may hold more than is asked of it (packages that are gone, or were not meant): the search is kept to what is meant. */
function answerer(docs: Index, { packages }: Corpus, { top, model }: Pick<AskInput, 'top' | 'model'>): Flow<string, Cited> {
  const filter = packages.length > 0 ? { package: packages.map(({ name }) => name) } : undefined
  const search = docs.asTool({
    name: 'search_docs',
    description: 'Searches the documentation. Answers the passages that fit best, each with its source.',
    top,
    filter,
  })
  return agent({
    name: 'answer',
    model: model as ModelId | undefined,
    instructions: INSTRUCTIONS,
    tools: [search],
    output: cited,
    limits: { turns: TURNS },
  }) as Flow<string, Cited>
}

/** Against the files as they are now, not as they were read into the index. */
async function verify(answer: Cited, root: string): Promise<CheckedCitation[]> {
  const documents = new Map<string, Document | undefined>()
  for (const { source } of answer.citations) {
    if (documents.has(source)) continue
    const loaded = await load(source, { root })
    documents.set(source, 'document' in loaded ? loaded.document : undefined)
  }
  const verdicts = await verifyCitations((source) => documents.get(source), answer)
  return verdicts.map((verdict): CheckedCitation => {
    const { quote, source, start, end } = verdict.citation
    const { package: name, version } = documents.get(source)?.meta ?? {}
    const where = { quote, source, start, end, ...(name === undefined ? {} : { package: name, version }) }
    return verdict.ok ? { ...where, line: verdict.line, verified: true } : { ...where, verified: false, why: verdict.why }
  })
}
