/** One file into a document; what cannot be read is reported, never thrown. */
import { readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { checkOptions, checkValue, hash128, is } from '../primitives/index.ts'
import { checkText, mediaTypes } from './check-given.ts'
import type { Document, DocumentMeta, MediaType, SkippedFile } from './document.ts'
import { readHtml } from './html.ts'
import { outline } from './markdown.ts'
import { plainText } from './plain.ts'
import { fileOf } from './scan.ts'

export interface LoadOptions {
  /** What sources are relative to. Default: the working directory. */
  readonly root?: string | undefined
  /** Bytes a file may have. Default 8 MB. */
  readonly maxBytes?: number | undefined
}

export type Loaded = { readonly document: Document } | { readonly skipped: SkippedFile }
export type LoadedBytes = { readonly bytes: Uint8Array; readonly hash: string } | { readonly skipped: SkippedFile }

const MAX_BYTES = 8 * 1024 * 1024
const MEDIA_TYPES: Readonly<Record<string, MediaType>> = {
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.mdx': 'text/mdx',
  '.html': 'text/html',
  '.htm': 'text/html',
}

/** The bytes of a source and their hash: what says whether it changed. */
export async function loadBytes(source: string, o: LoadOptions = {}): Promise<LoadedBytes> {
  const skip = (why: string): LoadedBytes => ({ skipped: { path: source, why } })
  try {
    const file = fileOf(source, o.root)
    const { size } = await stat(file)
    const limit = o.maxBytes ?? MAX_BYTES
    if (size > limit) return skip(`it has ${size} bytes, and the limit is ${limit}`)
    const bytes = await readFile(file)
    return { bytes, hash: hash128(bytes) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return skip(code === 'ENOENT' ? 'it does not exist any more' : code === 'EACCES' ? 'it may not be read' : message)
  }
}

/**
 * Reads one source.
 * @example const loaded = await load('docs/guide.md'); if ('document' in loaded) split(loaded.document)
 */
export async function load(source: string, o: LoadOptions = {}): Promise<Loaded> {
  checkText('load()', 'source', source)
  checkOptions<LoadOptions>('load()', o, { root: is.text, maxBytes: is.count })
  const loaded = await loadBytes(source, o)
  if ('skipped' in loaded) return loaded
  const { bytes, hash } = loaded
  const skip = (why: string): Loaded => ({ skipped: { path: source, why } })
  if (bytes.includes(0)) return skip('it is binary')
  let text: string
  try {
    // The byte order mark stays, so that offsets are those of the file.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return skip('it is not UTF-8')
  }
  if (text.trim() === '') return skip('it is empty')
  try {
    return { document: { source, hash, ...readText(text, MEDIA_TYPES[extname(source).toLowerCase()] ?? 'text/plain', await packageOf(source, o.root)) } }
  } catch (error) {
    return skip(`it cannot be understood: ${(error as Error).message}`)
  }
}

/** A text as a document of a kind; `meta` is added to what the text says of itself. */
export function readText(text: string, mediaType: MediaType, meta: DocumentMeta = {}): Omit<Document, 'source' | 'hash'> {
  checkText('readText()', 'text', text)
  checkValue('the mediaType that readText() was given', 'mediaType', mediaType, mediaTypes)
  checkValue('the meta that readText() was given', 'meta', meta, is.object)
  if (mediaType === 'text/html') {
    const { title, ...page } = readHtml(text)
    return { mediaType, ...page, meta: withTitle(meta, title) }
  }
  if (mediaType === 'text/plain') return { text, mediaType, meta }
  return { text, mediaType, meta: withTitle(meta, titleOf(text, mediaType)) }
}

const withTitle = (meta: DocumentMeta, title: string | undefined): DocumentMeta => (title ? { ...meta, title } : meta)

/** A title stands at the beginning; the whole is parsed when it is split. */
const TITLE_WITHIN = 4_096

function titleOf(text: string, mediaType: MediaType): string | undefined {
  const { title, blocks } = outline(text.slice(0, TITLE_WITHIN), { mdx: mediaType === 'text/mdx' })
  if (title) return title
  const first = blocks.find(({ kind }) => kind === 'heading')
  return first ? plainText(text.slice(first.start, first.end)) || undefined : undefined
}

/** The package that a source in node_modules belongs to, as its own package.json says. */
async function packageOf(source: string, root: string | undefined): Promise<DocumentMeta> {
  const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(source)?.[0]
  if (folder === undefined) return {}
  try {
    const { name, version } = JSON.parse(await readFile(fileOf(`${folder}/package.json`, root), 'utf8')) as { name?: string; version?: string }
    return { package: name, version }
  } catch {
    return {}
  }
}
