/** Finding what somebody quoted in what was written. */
import { checkValue, type OptionKind } from '../primitives/index.ts'
import { checkText } from './check-given.ts'

export interface Place {
  readonly start: number
  readonly end: number
}

/** Of a passage: it may lie before the text. */
const anyPlace: OptionKind<number> = { fits: Number.isInteger, hint: () => 'It is a whole number, an offset into the text.' }

/**
 * Where `quote` stands in `text`: word for word, else but for white space, kinds of quotation marks and dashes, and Markdown's marks
 * (emphasis, code, links, bullets, headings). Only whole words; the first place, or the one nearest to `near`.
 */
export function findQuote(text: string, quote: string, near = 0): Place | undefined {
  checkText('findQuote()', 'text', text)
  checkText('findQuote()', 'quote', quote)
  checkValue('the place that findQuote() is to look near', 'near', near, anyPlace)
  const asked = quote.trim()
  if (!/[\p{L}\p{N}]/u.test(asked)) return undefined
  return exact(text, asked, near) ?? loose(text, asked, near) ?? loose(text, unwrapped(asked), near)
}

function exact(text: string, quote: string, near: number): Place | undefined {
  return nearest(occurrences(text, quote), near)
}

function loose(text: string, quote: string, near: number): Place | undefined {
  const there = plain(text)
  const here = plain(quote).text.trim()
  if (!/[\p{L}\p{N}]/u.test(here)) return undefined
  const places = occurrences(there.text, here).map(({ start, end }) => ({ start: there.at[start] as number, end: (there.at[end - 1] as number) + 1 }))
  return nearest(places, near)
}

/** A model often puts a quote in quotation marks, or dots where it leaves off. */
const unwrapped = (quote: string): string => quote.replaceAll(/^(?:["'“”‘’«»„\s]|\.\.\.|…)+|(?:["'“”‘’«»„\s]|\.\.\.|…)+$/g, '')

function occurrences(text: string, part: string): Place[] {
  const places: Place[] = []
  for (let start = text.indexOf(part); start >= 0; start = text.indexOf(part, start + 1)) {
    const end = start + part.length
    if (!splitsWord(text, start) && !splitsWord(text, end)) places.push({ start, end })
  }
  return places
}

const WORD = /[\p{L}\p{N}]/u

const splitsWord = (text: string, at: number): boolean => at > 0 && at < text.length && WORD.test(text[at - 1] as string) && WORD.test(text[at] as string)

function nearest(places: readonly Place[], near: number): Place | undefined {
  let best = places[0]
  for (const place of places) if (best && Math.abs(place.start - near) < Math.abs(best.start - near)) best = place
  return best
}

/** What Markdown writes around words: link ends, line beginnings, emphasis. Each alternative goes as a whole. */
const MARKS = /\]\((?:[^()\s]|\([^()]*\))*(?:\s+"[^"]*")?\)|(?:^|(?<=[\r\n]))[ \t]*(?:#{1,6}|>|[-*+]|\d{1,9}[.)])[ \t]+|[*_`~[\]\\]+|\s+|[“”„«»]|[‘’‚]|[‐-―−]/g

/** A text without marks, and where each of its characters stands in the original. */
function plain(text: string): { text: string; at: number[] } {
  const parts: string[] = []
  const at: number[] = []
  // Spaces at the beginning say nothing either.
  let spaced = true
  const write = (part: string, from: number, step: 0 | 1): void => {
    for (let i = 0; i < part.length; i++) at.push(from + i * step)
    if (part === '') return
    parts.push(part)
    spaced = part.endsWith(' ')
  }
  let from = 0
  for (const { 0: mark, index } of text.matchAll(MARKS)) {
    write(text.slice(from, index), from, 1)
    from = index + mark.length
    const stand = standIn(mark)
    if (stand !== ' ' || !spaced) write(stand, index, 0)
  }
  write(text.slice(from), from, 1)
  return { text: parts.join(''), at }
}

function standIn(mark: string): string {
  if (mark.trim() === '') return ' '
  if (/^[“”„«»]$/.test(mark)) return '"'
  if (/^[‘’‚]$/.test(mark)) return "'"
  return /^[‐-―−]$/.test(mark) ? '-' : ''
}
