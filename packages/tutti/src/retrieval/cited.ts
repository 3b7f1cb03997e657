/**
 * Answers whose quotes are checked.
 *
 * Owns what an answer with citations looks like, and whether its quotes stand where they say. Does not own asking again: that is the repair of the
 * model layer, which is sent the complaints.
 * Invariant: a verified citation's `quote` is exactly the source text from `start` to `end`.
 */
import { type Complaint, checkValue, is, type ModelSchema, type OptionKind } from '../primitives/index.ts'
import type { Document, Passage } from './document.ts'
import { lineIn, lineStarts, offsetInFile } from './line.ts'
import { findQuote } from './quote.ts'

export interface Citation {
  /** Word for word from the source. */
  readonly quote: string
  readonly source: string
  /** Offsets into the source text; -1 until they are resolved. */
  readonly start: number
  readonly end: number
}

export interface Cited {
  readonly text: string
  readonly citations: readonly Citation[]
}

export type Verified = { readonly ok: true; readonly value: Cited } | { readonly ok: false; readonly complaints: readonly Complaint[] }

/** The schema of `Cited`, and how to check it against the passages that the answer was made from. */
export interface CitedSchema extends ModelSchema<Cited, Cited> {
  /** Looks each quote up and fills in its offsets, or says for each what is wrong with it, in words a model can act on. */
  readonly '~verify': (value: Cited, passages: readonly Passage[]) => Verified
}

const UNRESOLVED = -1

/** What a model is shown. Offsets are not asked of it: no model counts characters. */
const shown = {
  type: 'object',
  properties: {
    text: { type: 'string', description: 'The answer. Leave it empty when the sources do not hold one.' },
    citations: {
      type: 'array',
      description: 'What the answer rests on: at least one quote, unless the text is empty.',
      items: {
        type: 'object',
        properties: {
          quote: { type: 'string', description: 'Copied word for word from the source, one sentence or less.' },
          source: { type: 'string', description: 'The `source` of the passage that holds the quote, exactly as given.' },
        },
        required: ['quote', 'source'],
        additionalProperties: false,
      },
    },
  },
  required: ['text', 'citations'],
  additionalProperties: false,
}

/**
 * An output schema: an answer, and the quotes it rests on. Each quote is looked up in the passages that were found; one that is not there is a
 * validation error and goes back to the model. An answer needs at least one citation; an empty one (the sources do not say) needs none.
 * @example agent({ name: 'help', tools: [docs.asTool()], output: cited })
 */
export const cited: CitedSchema = {
  '~standard': { version: 1, vendor: 'tutti', validate: validateCited, jsonSchema: { input: () => shown, output: () => shown } },
  '~verify': verify,
}

type Issue = { readonly message: string; readonly path: readonly (string | number)[] }

function validateCited(value: unknown): { value: Cited } | { issues: readonly Issue[] } {
  const { text, citations } = (typeof value === 'object' && value !== null ? value : {}) as { text?: unknown; citations?: unknown }
  const issues: Issue[] = []
  if (typeof text !== 'string') issues.push({ message: 'a text, empty when the sources hold no answer', path: ['text'] })
  if (!Array.isArray(citations)) issues.push({ message: 'a list of quotes', path: ['citations'] })
  if (typeof text !== 'string' || !Array.isArray(citations)) return { issues }
  const resolved = citations.map((citation: unknown, i) => citationOf(citation, i, issues))
  if (text.trim() !== '' && citations.length === 0)
    issues.push({ message: 'at least one quote from the sources is needed; leave `text` empty when they hold no answer', path: ['citations'] })
  return issues.length > 0 ? { issues } : { value: { text, citations: resolved } }
}

function citationOf(citation: unknown, i: number, issues: Issue[]): Citation {
  const { quote, source, start, end } = (typeof citation === 'object' && citation !== null ? citation : {}) as Partial<Record<keyof Citation, unknown>>
  if (typeof quote !== 'string' || quote.trim() === '') issues.push({ message: 'words copied from the source', path: ['citations', i, 'quote'] })
  if (typeof source !== 'string' || source === '') issues.push({ message: 'the source of the passage that is quoted', path: ['citations', i, 'source'] })
  const offset = (value: unknown): number => (Number.isInteger(value) && (value as number) >= 0 ? (value as number) : UNRESOLVED)
  return { quote: String(quote), source: String(source), start: offset(start), end: offset(end) }
}

function verify(value: Cited, passages: readonly Passage[]): Verified {
  const complaints: Complaint[] = []
  const citations = value.citations.map((citation, i) => {
    const found = locate(citation, passages)
    if (typeof found !== 'string') return found
    complaints.push({ at: `citations.${i}`, says: found })
    return citation
  })
  return complaints.length > 0 ? { ok: false, complaints } : { ok: true, value: { ...value, citations } }
}

/** The citation with its offsets, or what is wrong with it. */
function locate(citation: Citation, passages: readonly Passage[]): Citation | string {
  const source = sourceName(citation.source)
  const there = passages.filter((passage) => passage.source === source)
  const resolved = firstPlace({ ...citation, source }, there)
  if (resolved) return resolved
  const quote = JSON.stringify(citation.quote.length > 200 ? `${citation.quote.slice(0, 200)}…` : citation.quote)
  const elsewhere = firstPlace(citation, passages)
  if (elsewhere) return `the quote ${quote} does not stand in '${citation.source}' but in '${elsewhere.source}'`
  if (there.length === 0)
    return `'${citation.source}' is no source that was found; those are ${[...new Set(passages.map(({ source }) => `'${source}'`))].join(', ') || 'none'}`
  return `the quote ${quote} does not stand in '${citation.source}'; copy it word for word`
}

/** Models write `./docs/a.md` and `docs/a.md:12` for `docs/a.md`. */
const sourceName = (source: string): string =>
  source
    .trim()
    .replace(/^\.\//, '')
    .replace(/:\d+(?:-\d+)?$/, '')

function firstPlace(citation: Citation, passages: readonly Passage[]): Citation | undefined {
  for (const passage of passages) {
    const place = findQuote(passage.text, citation.quote, citation.start - passage.start)
    if (place)
      return { quote: passage.text.slice(place.start, place.end), source: passage.source, start: passage.start + place.start, end: passage.start + place.end }
  }
  return undefined
}

export type CitationVerdict =
  | { readonly ok: true; readonly citation: Citation; readonly line: number /** `file:line` */; readonly at: string }
  | { readonly ok: false; readonly citation: Citation; readonly why: string }

/** Reads the whole text of a source: of an index `(source) => docs.read(source, { scope })`, or of a file. */
export type SourceReader = (source: string) => Promise<Document | string | undefined> | Document | string | undefined

/**
 * Checks each citation against the full text of its source, by its offsets, or by its words where it has none.
 * @example for (const verdict of await verifyCitations((source) => docs.read(source, { scope }), answer)) console.log(verdict.ok ? verdict.at : verdict.why)
 */
export async function verifyCitations(read: SourceReader, answer: Cited): Promise<CitationVerdict[]> {
  checkValue('what verifyCitations() is to read sources with', 'read', read, is.function)
  checkCited('verifyCitations()', answer)
  return Promise.all(answer.citations.map(async (citation) => verdictOf(citation, await read(citation.source))))
}

/** @throws CONFIG_INVALID */
function checkCited(called: string, given: Cited): void {
  checkValue(`the answer that ${called} was given`, 'answer', given, is.object)
  checkValue(`the text of the answer that ${called} was given`, 'text', given.text, is.text)
  checkValue(`the citations of the answer that ${called} was given`, 'citations', given.citations, citations)
}

const citations: OptionKind = {
  fits: (value) => Array.isArray(value) && value.every(isCitation),
  hint: () => 'It is a list of { quote, source, start, end }, as an agent with the output `cited` gives it.',
}

function isCitation(value: unknown): boolean {
  const { quote, source, start, end } = (value ?? {}) as Partial<Record<keyof Citation, unknown>>
  return typeof quote === 'string' && typeof source === 'string' && Number.isInteger(start) && Number.isInteger(end)
}

function verdictOf(citation: Citation, found: Document | string | undefined): CitationVerdict {
  if (found === undefined) return { ok: false, citation, why: `there is no source '${citation.source}'` }
  const { text, offsets, fileLines } = typeof found === 'string' ? { text: found } : found
  const resolved = citation.start === UNRESOLVED ? findQuote(text, citation.quote) : citation
  if (!resolved || (resolved === citation && text.slice(citation.start, citation.end) !== citation.quote))
    return { ok: false, citation, why: `'${citation.source}' does not read so${resolved ? ` at ${citation.start}` : ''}` }
  const { start, end } = resolved
  const line = lineIn(fileLines ?? lineStarts(text), offsets ? offsetInFile(offsets, start) : start)
  return { ok: true, citation: { ...citation, quote: text.slice(start, end), start, end }, line, at: `${citation.source}:${line}` }
}
