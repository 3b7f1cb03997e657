/** The test collections of the retrieval bench, read from the folder of data sets. Nothing of them is kept. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Collection {
  readonly name: string
  readonly documents: readonly { readonly id: string; readonly title: string | undefined; readonly text: string }[]
  /** `relevant` holds the ids of the documents that answer it. */
  readonly questions: readonly { readonly text: string; readonly relevant: ReadonlySet<string> }[]
}

/** 1,400 abstracts and 225 questions (Cleverdon 1967). The query ids of the judgements are positions in the query file. */
export function cranfield(data: string): Collection {
  const read = (name: string): string => readFileSync(join(data, 'cranfield', name), 'utf8')
  const field = (doc: string, name: string): string => new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(doc)?.[1]?.trim() ?? ''
  const documents = [...read('cran.all.1400.xml').matchAll(/<doc>([\s\S]*?)<\/doc>/g)].map(([, doc = '']) => {
    const title = field(doc, 'title').replaceAll(/\s+/g, ' ')
    return { id: field(doc, 'docno'), title: title || undefined, text: field(doc, 'text') }
  })
  const relevant = new Map<number, Set<string>>()
  for (const line of read('cranqrel.trec.txt').split('\n')) {
    const [question, , document, grade] = line.trim().split(/\s+/)
    if (document === undefined || Number(grade) <= 0) continue
    relevant.set(Number(question), (relevant.get(Number(question)) ?? new Set()).add(document))
  }
  const questions = [...read('cran.qry.xml').matchAll(/<title>([\s\S]*?)<\/title>/g)].map(([, text = ''], i) => ({
    text: text.trim(),
    relevant: relevant.get(i + 1) ?? new Set<string>(),
  }))
  return { name: 'Cranfield', documents, questions }
}

interface Squad {
  readonly data: readonly {
    readonly paragraphs: readonly { readonly context: string; readonly qas: readonly { readonly question: string; readonly is_impossible: boolean }[] }[]
  }[]
}

/** The paragraphs of SQuAD 2 dev, and 600 of the questions that have an answer, evenly spaced over the file. */
export function squad(data: string, sample = 600): Collection {
  const { data: articles } = JSON.parse(readFileSync(join(data, 'squad2-dev/data/dev-v2.0.json'), 'utf8')) as Squad
  const paragraphs = articles.flatMap((article) => article.paragraphs)
  const questions = paragraphs.flatMap(({ qas }, i) =>
    qas.filter((qa) => !qa.is_impossible).map(({ question }) => ({ text: question, relevant: new Set([String(i)]) })),
  )
  const every = questions.length / sample
  return {
    name: 'SQuAD 2',
    documents: paragraphs.map(({ context }, i) => ({ id: String(i), title: undefined, text: context })),
    questions: Array.from({ length: sample }, (_, i) => questions[Math.floor(i * every)]).filter((question) => question !== undefined),
  }
}

/** Normalised discounted cumulative gain of the first ten, relevance yes or no (Järvelin & Kekäläinen 2002). */
export function ndcgAt10(found: readonly string[], relevant: ReadonlySet<string>): number {
  const gain = (i: number): number => 1 / Math.log2(i + 2)
  const sum = (ranks: readonly number[]): number => ranks.reduce((total, i) => total + gain(i), 0)
  const ideal = sum(Array.from({ length: Math.min(10, relevant.size) }, (_, i) => i))
  return ideal === 0 ? 0 : sum(found.slice(0, 10).flatMap((id, i) => (relevant.has(id) ? [i] : []))) / ideal
}
