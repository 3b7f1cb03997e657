/** Sentences of a passage, as exact slices of it. Markdown is read by its lines: an item, a heading, a row and a whole block of code are each one. */

export interface Sentence {
  readonly text: string
  /** Offset in the passage. */
  readonly start: number
  readonly kind: 'prose' | 'code' | 'heading' | 'links'
}

interface Block {
  readonly text: string
  readonly start: number
  readonly kind: 'prose' | 'code' | 'heading'
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
/** What ends with a full stop and ends no sentence. */
const abbreviation = /(?:^|[\s("'])(?:e\.g|i\.e|etc|vs|cf|ca|approx|Mr|Mrs|Ms|Dr|Prof|St|Fig|No|Vol|Inc|Ltd|Co|U\.S|[A-Z])\.\s*$/
const fence = /^\s*(?:```|~~~)/
const heading = /^#{1,6}\s/
/** A line that begins something of its own: an item of a list, a row of a table. */
const ownLine = /^\s*(?:[-*+]\s|\d+[.)]\s|\|)/

export function sentencesOf(passage: string): Sentence[] {
  const sentences: Sentence[] = []
  for (const block of blocksOf(passage)) {
    if (block.kind === 'prose') sentences.push(...sentencesOfProse(block))
    else sentences.push({ text: block.text.trim(), start: block.start + block.text.length - block.text.trimStart().length, kind: block.kind })
  }
  return sentences.filter(({ text }) => text !== '')
}

function blocksOf(passage: string): Block[] {
  const blocks: Block[] = []
  let open: { from: number; kind: 'prose' | 'code' } | undefined
  let at = 0
  const close = (to: number): void => {
    if (open) blocks.push({ text: passage.slice(open.from, to), start: open.from, kind: open.kind })
    open = undefined
  }
  for (const line of passage.split(/(?<=\n)/)) {
    const end = at + line.length
    if (open?.kind === 'code') {
      if (fence.test(line)) close(end)
    } else if (fence.test(line)) {
      close(at)
      open = { from: at, kind: 'code' }
    } else if (line.trim() === '') close(at)
    else if (heading.test(line)) {
      close(at)
      blocks.push({ text: line, start: at, kind: 'heading' })
    } else {
      if (ownLine.test(line)) close(at)
      open ??= { from: at, kind: 'prose' }
    }
    at = end
  }
  close(at)
  return blocks
}

function sentencesOfProse(block: Block): Sentence[] {
  const sentences: Sentence[] = []
  let from = 0
  for (const { segment, index } of segmenter.segment(block.text)) {
    const to = index + segment.length
    const whole = block.text.slice(from, to)
    const goesOn = to < block.text.length && (abbreviation.test(whole) || (/\n\s*$/.test(whole) && !/[.!?:]["')\]]*\s*$/.test(whole)))
    if (goesOn) continue
    const text = whole.trim()
    sentences.push({ text, start: block.start + from + whole.indexOf(text), kind: isLinks(text) ? 'links' : 'prose' })
    from = to
  }
  return sentences
}

/** A line of a table of contents says where something stands, not what it is. */
function isLinks(text: string): boolean {
  const linked = [...text.matchAll(/\[[^\]]*\]\([^)]*\)/g)].reduce((sum, { 0: link }) => sum + link.length, 0)
  return linked > text.length * 0.6
}
