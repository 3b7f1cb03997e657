/**
 * Documents into chunks: along the structure, within what the embedding model can see.
 *
 * Owns where a chunk begins and ends. Does not own reading files or storing chunks.
 * Invariants: S1 `document.text.slice(chunk.start, chunk.end) === chunk.text`; S2 chunks are in order and do not overlap; S3 every letter and digit of
 * the content is in a chunk or in the heading of one (left out: front matter but its title and description, comments, MDX imports and tags, languages of fences);
 * S4 a chunk lies within one section.
 */
import { checkOptions, is } from '../primitives/index.ts'
import { checkDocument } from './check-given.ts'
import type { Document } from './document.ts'
import { type Block, outline, paragraphs } from './markdown.ts'
import { plainText } from './plain.ts'
import { type Span, sentences } from './sentence.ts'
import { estimateTokens } from './tokens.ts'

/** A part of a document that is found and quoted as one. */
export interface Chunk {
  readonly start: number
  readonly end: number
  readonly text: string
  /** The title of the document and the headings above, outermost first. */
  readonly heading: readonly string[]
  /** The words that are searched and embedded; without marks, and without the heading. */
  readonly plain: string
}

export interface SplitOptions {
  /** Tokens a chunk may have, estimated. Default 220, of the 256 that MiniLM sees; the rest is for the heading. */
  tokens?: number | undefined
}

/** @example split(document).map(({ start, end }) => document.text.slice(start, end)) */
export function split(document: Pick<Document, 'text' | 'mediaType' | 'meta'>, o: SplitOptions = {}): Chunk[] {
  checkDocument('split()', document)
  checkOptions('split()', o, { tokens: is.count })
  const limit = o.tokens ?? 220
  const chunks: Chunk[] = []
  for (const section of sectionsOf(document)) {
    for (const { start, end } of pack(document.text, section.blocks, limit)) {
      const text = document.text.slice(start, end)
      const plain = plainText(text)
      if (plain !== '') chunks.push({ start, end, text, heading: section.heading, plain })
    }
  }
  return chunks
}

interface Section {
  readonly heading: readonly string[]
  readonly blocks: Block[]
}

function sectionsOf(document: Pick<Document, 'text' | 'mediaType' | 'meta'>): Section[] {
  const { blocks } =
    document.mediaType === 'text/plain' ? { blocks: paragraphs(document.text) } : outline(document.text, { mdx: document.mediaType === 'text/mdx' })
  const title = document.meta.title
  const above: { depth: number; text: string }[] = []
  const open = (): Section => ({ heading: headingPath(title, above), blocks: [] })
  const sections = [open()]
  for (const [i, block] of blocks.entries()) {
    if (block.kind !== 'heading') {
      sections.at(-1)?.blocks.push(block)
      continue
    }
    while (above.length > 0 && (above.at(-1)?.depth ?? 0) >= block.depth) above.pop()
    above.push({ depth: block.depth, text: plainText(document.text.slice(block.start, block.end).replace(/\n\s*[=-]+\s*$/, '')) })
    sections.push(open())
    const next = blocks[i + 1]
    // A heading with nothing below is its own content: a list of method names would be lost otherwise.
    if (!next || (next.kind === 'heading' && next.depth <= block.depth)) sections.at(-1)?.blocks.push({ ...block, kind: 'text' })
  }
  return sections
}

function headingPath(title: string | undefined, above: readonly { text: string }[]): string[] {
  const path = above.map(({ text }) => text).filter((text) => text !== '')
  return title === undefined || path[0] === title ? path : [title, ...path]
}

interface Range {
  readonly start: number
  readonly end: number
}

/** Joins neighbours while they fit, and takes apart what does not. */
function pack(text: string, blocks: readonly Block[], limit: number): Range[] {
  return joined(
    text,
    blocks.flatMap((block) => piecesOf(text, block, limit)),
    limit,
  )
}

function joined(text: string, pieces: readonly Range[], limit: number): Range[] {
  const packed: { start: number; end: number; tokens: number }[] = []
  for (const { start, end } of pieces) {
    const last = packed.at(-1)
    // What lies between two pieces becomes a part of the chunk, so it counts.
    const tokens = last ? last.tokens + estimateTokens(text.slice(last.end, end)) : 0
    if (last && tokens <= limit) {
      last.end = end
      last.tokens = tokens
    } else packed.push({ start, end, tokens: estimateTokens(text.slice(start, end)) })
  }
  return packed
}

function piecesOf(text: string, block: Block, limit: number): Range[] {
  const whole = text.slice(block.start, block.end)
  if (estimateTokens(whole) <= limit) return [block]
  if (block.parts.length > 0) return covering(block, pack(text, block.parts, limit))
  const spans: readonly Span[] = block.kind === 'code' ? codeParts(whole) : sentences(whole)
  return spans.flatMap((span) => cut(text, block.start + span.start, block.start + span.end, limit))
}

/** The parts of a list begin after their bullet: the first and last reach out to the edges, and each to the end of the one before. */
function covering(block: Range, parts: readonly Range[]): Range[] {
  return parts.map((part, i) => ({ start: i === 0 ? block.start : part.start, end: i === parts.length - 1 ? block.end : part.end }))
}

/** Code comes apart at blank lines where nothing is indented below, else line by line. */
function codeParts(code: string): Span[] {
  const spans: Span[] = []
  for (const match of code.matchAll(/[^\n]+(?:\n|$)(?:(?!\n(?=\S))[^\n]*\n?(?=[\s})\]]))*/g)) {
    const text = match[0].trimEnd()
    if (text !== '') spans.push({ text, start: match.index, end: match.index + text.length })
  }
  return spans
}

/** A sentence or a run of code beyond the limit comes apart at its lines, then its words, then anywhere but within a character. */
function cut(text: string, start: number, end: number, limit: number): Range[] {
  if (estimateTokens(text.slice(start, end)) <= limit) return [{ start, end }]
  const part = text.slice(start, end)
  for (const pattern of [/[^\r\n]+/g, /\S+/g]) {
    const pieces = [...part.matchAll(pattern)]
    if (pieces.length > 1)
      return joined(
        text,
        pieces.flatMap(({ 0: piece, index }) => cut(text, start + index, start + index + piece.length, limit)),
        limit,
      )
  }
  const middle = start + Math.ceil(part.length / 2)
  const half = (part.charCodeAt(middle - start) & 0xfc00) === 0xdc00 ? middle - 1 : middle
  return part.length < 2 || half === start ? [{ start, end }] : [...cut(text, start, half, limit), ...cut(text, half, end, limit)]
}
