import type { Json } from '../primitives/index.ts'

export type MediaType = 'text/markdown' | 'text/mdx' | 'text/html' | 'text/plain'

/** What is known of a document beside its text; searches can be filtered by it. */
export interface DocumentMeta {
  /** The first heading, the title of the front matter, or the `<title>`. */
  readonly title?: string | undefined
  /** The npm package whose documentation it is. */
  readonly package?: string | undefined
  readonly version?: string | undefined
  readonly [key: string]: Json | undefined
}

/** One source, read. Offsets into `text` are UTF-16 code units, as in `text.slice`. */
export interface Document {
  /** Where it comes from: a path relative to the root, with `/` between its parts. */
  readonly source: string
  /** The file as it is; of HTML the readable text (see `offsets`). */
  readonly text: string
  /** Of the bytes of the file: the same hash, nothing to do. */
  readonly hash: string
  readonly mediaType: MediaType
  readonly meta: DocumentMeta
  /** Where `text` is not the file itself: pairs of (offset in `text`, offset in the file), ascending, each the start of a verbatim run. */
  readonly offsets?: readonly (readonly [at: number, inFile: number])[] | undefined
  /** Where `text` is not the file itself: the offset in the file at which each line begins. */
  readonly fileLines?: readonly number[] | undefined
}

/** A file that was not taken, and why. */
export interface SkippedFile {
  readonly path: string
  readonly why: string
}

/** A part of a document, as it is found: `text` is exactly `document.text.slice(start, end)`. */
export interface Passage {
  readonly text: string
  readonly source: string
  readonly start: number
  readonly end: number
  /** Between 0 and 1, comparable within one search only. */
  readonly score: number
  /** The line of the source file at which it begins, from 1. */
  readonly line?: number | undefined
  /** The headings it stands under, outermost first. */
  readonly heading?: readonly string[] | undefined
  readonly meta?: DocumentMeta | undefined
  /** What found it: its words, its meaning, or both. */
  readonly via?: 'words' | 'meaning' | 'both' | undefined
}
