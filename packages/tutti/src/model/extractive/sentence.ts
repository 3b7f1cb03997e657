/** Sentences of a passage, as exact slices of it. */

export interface Sentence {
  readonly text: string
  /** Offset in the passage. */
  readonly start: number
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
/** What ends with a full stop and ends no sentence. */
const abbreviation = /(?:^|[\s("'])(?:e\.g|i\.e|etc|vs|cf|ca|approx|Mr|Mrs|Ms|Dr|Prof|St|Fig|No|Vol|Inc|Ltd|Co|U\.S|[A-Z])\.\s*$/

export function sentencesOf(passage: string): Sentence[] {
  const sentences: Sentence[] = []
  for (const { 0: line, index } of passage.matchAll(/(?:.+\n?)+/g)) {
    let from = 0
    for (const { segment, index: at } of segmenter.segment(line)) {
      const to = at + segment.length
      const whole = line.slice(from, to)
      const goesOn = to < line.length && (abbreviation.test(whole) || (/\n\s*$/.test(whole) && !/[.!?:]["')\]]*\s*$/.test(whole)))
      if (goesOn) continue
      const text = whole.trim()
      if (text !== '') sentences.push({ text, start: index + from + whole.indexOf(text) })
      from = to
    }
  }
  return sentences
}
