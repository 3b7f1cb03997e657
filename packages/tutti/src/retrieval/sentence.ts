import { checkText } from './check-given.ts'

/** A part of a text: `text` is exactly the original sliced from `start` to `end`. */
export interface Span {
  readonly text: string
  readonly start: number
  readonly end: number
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
/** What ends with a full stop and ends no sentence. */
const ABBREVIATION = /(?:^|[\s(["'])(?:e\.g|i\.e|etc|vs|cf|ca|approx|resp|incl|Mr|Mrs|Ms|Dr|Prof|St|Fig|Eq|Sec|No|Vol|al|Inc|Ltd|Co|[A-Z])\.\s*$/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
/** A line that stands by itself: a heading, a bullet, a numbered item, a table row, a quote, a rule, a bold lead-in. */
const OWN_LINE = /^\s*(?:#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|\||>|(?:[-*_]\s*){3,}$)/

/**
 * The sentences of a Markdown or plain text. Headings, bullets and table rows begin a sentence of their own, also without a full stop;
 * a fenced code block is one sentence. What lies between two sentences is white space only.
 */
export function sentences(text: string): Span[] {
  checkText('sentences()', 'text', text)
  return paragraphs(text).flatMap((block) => (block.code ? trimmed(text, block.start, block.end) : sentencesOf(text, block.start, block.end)))
}

interface Block {
  readonly start: number
  readonly end: number
  readonly code: boolean
}

/** Runs of lines that belong together: what a blank line, a bullet, a heading or a fence separates. */
function paragraphs(text: string): Block[] {
  const blocks: Block[] = []
  let start = 0
  let fence: string | undefined
  const close = (end: number, code = false): void => {
    if (end > start) blocks.push({ start, end, code })
    start = end
  }
  for (const { 0: line, index } of text.matchAll(/.*(?:\r\n?|\n|$)/g)) {
    const mark = FENCE.exec(line)?.[1]
    const end = index + line.length
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) {
        close(end, true)
        fence = undefined
      }
    } else if (mark !== undefined) {
      close(index)
      fence = mark
    } else if (line.trim() === '') close(end)
    else if (OWN_LINE.test(line)) {
      close(index)
      if (/^\s*(?:#|\|)/.test(line)) close(end)
    }
  }
  close(text.length, fence !== undefined)
  return blocks
}

function sentencesOf(text: string, start: number, end: number): Span[] {
  const spans: Span[] = []
  const block = text.slice(start, end)
  const last = start + block.trimEnd().length
  let from = start
  for (const { segment, index } of segmenter.segment(block)) {
    const to = start + index + segment.length
    if (to < end && (to >= last || !endsSentence(text.slice(Math.max(from, to - TAIL), to)))) continue
    spans.push(...trimmed(text, from, to))
    from = to
  }
  return spans
}

/** As much of a sentence as says whether it ends here. */
const TAIL = 80

/** The segmenter ends a sentence at every line break and after every abbreviation; a writer does not. `tail`: how the sentence ends. */
function endsSentence(tail: string): boolean {
  if (/[\r\n]\s*$/.test(tail) && !/[.!?:;]["'”’)\]*_`]*\s*$/.test(tail)) return false
  return !ABBREVIATION.test(tail) && !/^\s*(?:\d{1,9}[.)]|[-*+])\s*$/.test(tail)
}

function trimmed(text: string, from: number, to: number): Span[] {
  const raw = text.slice(from, to)
  const sentence = raw.trim()
  if (sentence === '') return []
  const start = from + raw.length - raw.trimStart().length
  return [{ text: sentence, start, end: start + sentence.length }]
}
