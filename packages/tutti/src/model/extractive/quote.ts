/**
 * The sentences of some passages that come nearest to answering a question. Nothing is written, only quoted: every quote is a slice of its passage.
 * How near is no measure of how true: there is no calibrated abstention, only a refusal when no word and no meaning is shared.
 */
import type { TextEmbedder } from '../model.port.ts'
import { type Sentence, sentencesOf } from './sentence.ts'
import { stemsOf } from './words.ts'

export interface SourcePassage {
  readonly text: string
  readonly source: string
  /** Where `text` begins in its source. */
  readonly start: number
}

export interface Quote {
  readonly quote: string
  readonly source: string
  readonly start: number
  readonly end: number
}

interface Scored extends Sentence {
  readonly passage: number
  readonly index: number
  readonly stems: readonly string[]
  score: number
}

/** As many sentences as are worth embedding: those whose words come nearest, and more when no word is shared. */
const embeddedByWords = 8
const embeddedWithout = 24
/** Code answers less often than the sentence about it; a heading and a table of contents say where something stands, not what it is. */
const worthQuoting: Readonly<Record<Sentence['kind'], number>> = { prose: 1, code: 0.7, heading: 0.3, links: 0.2 }
/** Characters beyond which a quote is no quote any more but a page. */
const longQuote = 700
/** A sentence this much worse than the best is left out. */
const leastShare = 0.6
/** Below this cosine two texts of MiniLM have nothing to do with one another. */
const leastCosine = 0.3

/**
 * Passages are taken in the order of their search score. Empty when nothing overlaps.
 * @param o `most`: sentences quoted at most, default 3; `embedder` compares meanings too
 */
export async function bestQuotes(
  question: string,
  passages: readonly SourcePassage[],
  { embedder, most = 3 }: { readonly embedder?: TextEmbedder | undefined; readonly most?: number | undefined } = {},
): Promise<Quote[]> {
  const sentences = passages.flatMap(({ text }, passage) =>
    sentencesOf(text).map((sentence, index): Scored => ({ ...sentence, passage, index, stems: stemsOf(sentence.text), score: 0 })),
  )
  scoreByWords(question, sentences, passages)
  sentences.sort((a, b) => b.score - a.score)
  if (embedder) await scoreByMeaning(question, sentences, embedder)
  sentences.sort((a, b) => b.score - a.score)
  const best = sentences[0]?.score ?? 0
  if (best <= 0) return []
  const chosen = sentences.slice(0, most).filter(({ score }) => score >= best * leastShare)
  return mergeNeighbours(withItsCode(chosen, sentences), passages)
}

/**
 * BM25 over the sentences (k1 1.2, b 0.4), and a third of the weight for what only the sentences beside it share: an answer often says 'it' or 'he'.
 * A sentence that has the kind of thing that is asked for (a number for 'how many', a date for 'when') is preferred.
 */
function scoreByWords(question: string, sentences: readonly Scored[], passages: readonly SourcePassage[]): void {
  const asked = [...new Set(stemsOf(question))]
  const seenIn = new Map<string, number>()
  for (const { stems } of sentences) for (const stem of new Set(stems)) seenIn.set(stem, (seenIn.get(stem) ?? 0) + 1)
  const average = sentences.reduce((sum, { stems }) => sum + stems.length, 0) / Math.max(1, sentences.length)
  const weight = (stem: string): number => Math.log(1 + (sentences.length - (seenIn.get(stem) ?? 0) + 0.5) / ((seenIn.get(stem) ?? 0) + 0.5))
  const around = passages.map((_passage, index) => sentences.filter(({ passage }) => passage === index))
  const kind = kindAsked(question)
  for (const sentence of sentences) {
    const near = new Set([-1, 1].flatMap((step) => around[sentence.passage]?.[sentence.index + step]?.stems ?? []))
    let score = 0
    for (const stem of asked) {
      const count = sentence.stems.filter((own) => own === stem).length
      if (count > 0) score += weight(stem) * ((count * 2.2) / (count + 1.2 * (0.6 + (0.4 * sentence.stems.length) / average)))
      else if (near.has(stem)) score += weight(stem) * 0.3
    }
    if (score > 0 && kind?.test(sentence.text)) score *= 1.15
    // Search has put the passages in order; it has read more of them than one sentence.
    sentence.score = score * (1 - 0.05 * Math.min(sentence.passage, 6)) * worthQuoting[sentence.kind] * (sentence.text.length > longQuote ? 0.5 : 1)
  }
}

/** What sort of thing the answer has to hold. */
function kindAsked(question: string): RegExp | undefined {
  if (/\bhow (?:many|much|long|old|far|often|large|big|high|tall)\b|\bwhat (?:percentage|number)\b/i.test(question))
    return /\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million|half)\b/i
  if (/\bwhen\b|\bwhat (?:year|day|date|month|century)\b/i.test(question))
    return /\b\d{3,4}\b|\b\d{1,2}(?:st|nd|rd|th)?\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December|century|day|hour|week)s?\b/
  if (/\bwho(?:m|se)?\b|\bwhere\b/i.test(question)) return /(?<=[^.!?]\s)\p{Lu}\p{L}+/u
  return undefined
}

/** Half words, half meaning, each scaled to the best of its kind. `sentences` come best first; those too far down keep their words alone. */
async function scoreByMeaning(question: string, sentences: readonly Scored[], embedder: TextEmbedder): Promise<void> {
  const bestWords = sentences[0]?.score ?? 0
  const near = sentences.slice(0, bestWords > 0 ? embeddedByWords : embeddedWithout)
  if (near.length === 0) return
  const [asked, ...vectors] = await embedder.embed([question, ...near.map(({ text }) => text)])
  if (!asked) return
  const cosines = vectors.map((vector) => cosine(asked, vector))
  const bestCosine = Math.max(...cosines)
  if (bestWords <= 0 && bestCosine < leastCosine) return
  sentences.forEach((sentence, index) => {
    const words = bestWords > 0 ? sentence.score / bestWords : 0
    const meaning = Math.max(0, (cosines[index] ?? 0) / Math.max(bestCosine, leastCosine))
    sentence.score = 0.5 * words + 0.5 * meaning * worthQuoting[sentence.kind]
  })
}

/** Of unit-length vectors or others. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0
    const y = b[i] ?? 0
    dot += x * y
    aa += x * x
    bb += y * y
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb)
}

/** A sentence that announces code, or is followed by it at once, is quoted with that code. */
function withItsCode(chosen: readonly Scored[], sentences: readonly Scored[]): readonly Scored[] {
  const all = new Set(chosen)
  for (const sentence of chosen) {
    const next = sentences.find(({ passage, index }) => passage === sentence.passage && index === sentence.index + 1)
    if (sentence.kind === 'prose' && next?.kind === 'code' && next.text.length <= longQuote) all.add(next)
  }
  return [...all]
}

/** Best first; sentences that follow one another in a passage are one quote, with what stands between them. */
function mergeNeighbours(chosen: readonly Scored[], passages: readonly SourcePassage[]): Quote[] {
  const groups: Scored[][] = []
  for (const sentence of chosen) {
    const beside = groups.find((group) => group.some((other) => other.passage === sentence.passage && Math.abs(other.index - sentence.index) === 1))
    if (beside) beside.push(sentence)
    else groups.push([sentence])
  }
  return groups.map((group) => {
    const { text, source, start } = passages[group[0]?.passage ?? 0] as SourcePassage
    const from = Math.min(...group.map((sentence) => sentence.start))
    const to = Math.max(...group.map((sentence) => sentence.start + sentence.text.length))
    return { quote: text.slice(from, to), source, start: start + from, end: start + to }
  })
}
