/**
 * `npm run bench -- extractive [--json]`: how often the answerer without a language model quotes the gold answer. SQuAD 2 (dev), answerable questions, every
 * paragraph of the set searched. `TUTTI_DATA` names the folder that holds `squad2-dev/`. Nothing abstains here: an unanswerable question is not asked.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bestQuotes, type SourcePassage } from '../packages/tutti/src/model/extractive/quote.ts'
import { stemsOf } from '../packages/tutti/src/model/extractive/words.ts'
import type { TextEmbedder } from '../packages/tutti/src/model/model.port.ts'
import { type Report, reporter } from './figure.ts'
import { median } from './measure.ts'

interface Question {
  readonly asks: string
  readonly answers: readonly string[]
  readonly paragraph: number
}

const questionsAsked = 600
const questionsEmbedded = 60
const passagesGiven = 4

const data = process.env.TUTTI_DATA
if (data === undefined) throw new Error('TUTTI_DATA must name the folder that holds squad2-dev/')
const { paragraphs, questions } = readSquad(join(data, 'squad2-dev', 'data', 'dev-v2.0.json'))
const search = bm25(paragraphs)
const report = reporter()
await measure('words', spread(questionsAsked), undefined, report)
const { embedder } = await import('@tutti/embed-minilm').catch(() => ({ embedder: undefined }))
if (embedder) {
  const minilm = await embedder()
  await measure('words and MiniLM', spread(questionsEmbedded), minilm, report)
  await minilm.close()
}

async function measure(by: string, asked: readonly Question[], embedder: TextEmbedder | undefined, tell: Report): Promise<void> {
  const hits = { first: 0, any: 0, paragraph: 0, given: 0 }
  const times: number[] = []
  const lengths: number[] = []
  for (const { asks, answers, paragraph } of asked) {
    const found = search(asks).slice(0, passagesGiven)
    const began = performance.now()
    const quotes = await bestQuotes(asks, found, { embedder })
    times.push(performance.now() - began)
    const holds = (text: string): boolean => answers.some((answer) => text.includes(answer))
    const [sentence] = await bestQuotes(asks, found, { embedder, most: 1 })
    if (holds(sentence?.quote ?? '')) hits.first++
    if (quotes.some(({ quote }) => holds(quote))) hits.any++
    if (found.some(({ source }) => source === String(paragraph))) hits.paragraph++
    const [alone] = await bestQuotes(asks, [paragraphs[paragraph] as SourcePassage], { embedder, most: 1 })
    if (holds(alone?.quote ?? '')) hits.given++
    lengths.push(quotes.reduce((sum, { quote }) => sum + quote.length, 0))
  }
  const share = (count: number): number => count / asked.length
  tell(
    { name: `gold answer in the best sentence, by ${by}`, value: share(hits.first), unit: '', target: { atLeast: 0.7 } },
    { name: `gold answer in the quotes (at most three sentences), by ${by}`, value: share(hits.any), unit: '', target: { atLeast: 0.82 } },
    { name: `gold answer in the best sentence of the gold paragraph, by ${by}`, value: share(hits.given), unit: '' },
    { name: `gold paragraph among the ${passagesGiven} found (the most there can be)`, value: share(hits.paragraph), unit: '' },
    { name: `length of the quotes, median, by ${by}`, value: median(lengths), unit: 'characters' },
    { name: `time to choose, median, by ${by}`, value: median(times), unit: 'ms' },
  )
}

/** Evenly over the whole set, so that every article is asked about. */
function spread(count: number): readonly Question[] {
  return Array.from({ length: count }, (_, index) => questions[Math.floor((index * questions.length) / count)] as Question)
}

function readSquad(path: string): { paragraphs: SourcePassage[]; questions: Question[] } {
  interface Article {
    readonly paragraphs: readonly {
      readonly context: string
      readonly qas: readonly { readonly question: string; readonly is_impossible: boolean; readonly answers: readonly { readonly text: string }[] }[]
    }[]
  }
  const { data: articles } = JSON.parse(readFileSync(path, 'utf8')) as { data: readonly Article[] }
  const found: { paragraphs: SourcePassage[]; questions: Question[] } = { paragraphs: [], questions: [] }
  for (const { context, qas } of articles.flatMap((article) => article.paragraphs)) {
    const paragraph = found.paragraphs.push({ text: context, source: String(found.paragraphs.length), start: 0 }) - 1
    for (const { question, is_impossible, answers } of qas)
      if (!is_impossible) found.questions.push({ asks: question, answers: answers.map(({ text }) => text), paragraph })
  }
  return found
}

/** Best first. Stands in for an index, so that only the choice of quotes is measured. */
function bm25(passages: readonly SourcePassage[]): (question: string) => SourcePassage[] {
  const counts = passages.map(({ text }) => countOf(stemsOf(text)))
  const lengths = counts.map((count) => [...count.values()].reduce((sum, each) => sum + each, 0))
  const average = lengths.reduce((sum, each) => sum + each, 0) / passages.length
  const seenIn = countOf(counts.flatMap((count) => [...count.keys()]))
  return (question) => {
    const asked = [...new Set(stemsOf(question))]
    const scores = counts.map((count, index) => {
      let score = 0
      for (const stem of asked) {
        const here = count.get(stem) ?? 0
        const seen = seenIn.get(stem) ?? 0
        score += (Math.log(1 + (passages.length - seen + 0.5) / (seen + 0.5)) * here * 2.2) / (here + 1.2 * (0.25 + (0.75 * (lengths[index] ?? 0)) / average))
      }
      return { index, score }
    })
    return scores
      .sort((a, b) => b.score - a.score)
      .slice(0, passagesGiven)
      .map(({ index }) => passages[index] as SourcePassage)
  }
}

function countOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}
