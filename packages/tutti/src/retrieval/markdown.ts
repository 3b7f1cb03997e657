import { createRequire } from 'node:module'
import type { Nodes, Root } from 'mdast'
import { maskMdx } from './mdx.ts'

/** A piece of a document's structure. `heading` opens a section of `depth`; the others are its content. */
export interface Block {
  readonly kind: 'heading' | 'text' | 'code' | 'table' | 'list'
  readonly start: number
  readonly end: number
  /** Of a heading: 1 to 6. */
  readonly depth: number
  /** Smaller pieces it is made of, where it is too large to stay whole. */
  readonly parts: readonly Block[]
}

export interface Outline {
  readonly blocks: readonly Block[]
  readonly title: string | undefined
}

/** Everything within a paragraph stays unparsed: only blocks are wanted, and this is six times as fast. */
const blocksOnly = {
  disable: {
    null: [
      'attention',
      'autolink',
      'characterEscape',
      'characterReference',
      'codeText',
      'definition',
      'hardBreakEscape',
      'htmlText',
      'labelEnd',
      'labelStartImage',
      'labelStartLink',
    ],
  },
}
// The parser is half of what importing tutti would cost, and an app that only asks never needs it: it is loaded with the first document.
const require = createRequire(import.meta.url)
let parseWith: ((text: string) => Root) | undefined

function parseMarkdown(text: string): Root {
  parseWith ??= loadParser()
  return parseWith(text)
}

function loadParser(): (text: string) => Root {
  const { fromMarkdown } = require('mdast-util-from-markdown') as typeof import('mdast-util-from-markdown')
  const { frontmatterFromMarkdown } = require('mdast-util-frontmatter') as typeof import('mdast-util-frontmatter')
  const { gfmTableFromMarkdown } = require('mdast-util-gfm-table') as typeof import('mdast-util-gfm-table')
  const { frontmatter } = require('micromark-extension-frontmatter') as typeof import('micromark-extension-frontmatter')
  const { gfmTable } = require('micromark-extension-gfm-table') as typeof import('micromark-extension-gfm-table')
  const extensions = [gfmTable(), frontmatter(), blocksOnly]
  const mdastExtensions = [gfmTableFromMarkdown(), frontmatterFromMarkdown()]
  return (text) => fromMarkdown(text, { extensions, mdastExtensions })
}

/** Quotes and lists within one another beyond what anybody writes: the parser takes the square of their depth, and then its stack ends. */
const TOO_DEEP = /^(?:[^\S\n]*(?:>|(?:[-*+]|\d{1,9}[.)])[^\S\n])){64}/m

/** Characters beyond which a text is taken by its headings and blank lines alone: parsing a list of this length takes seconds. */
const TOO_LONG = 512 * 1024

/** A paragraph that begins with a heading, as the two. */
function headingApart(text: string, block: Block): Block[] {
  const [line = '', marks] = /^(#{1,6})[^\S\n][^\n]*/.exec(text.slice(block.start, block.end)) ?? []
  if (marks === undefined) return [block]
  const rest = block.start + line.length + text.slice(block.start + line.length, block.end).search(/\S|$/)
  const heading: Block = { kind: 'heading', start: block.start, end: block.start + line.trimEnd().length, depth: marks.length, parts: [] }
  return rest < block.end ? [heading, { ...block, start: rest }] : [heading]
}

/** A text of no structure but its blank lines. */
export function paragraphs(text: string): Block[] {
  const blocks: Block[] = []
  for (const match of text.matchAll(/\S(?:[^\n]|\n(?![^\S\n]*(?:\n|$)))*/g))
    blocks.push({ kind: 'text', start: match.index, end: match.index + match[0].trimEnd().length, depth: 0, parts: [] })
  return blocks
}

/** The blocks of a Markdown or MDX text, in order, with their places in it. Never fails on MDX: what is not Markdown is passed over. */
export function outline(text: string, o: { readonly mdx: boolean }): Outline {
  if (text.length > TOO_LONG || TOO_DEEP.test(text)) return { blocks: paragraphs(text).flatMap((block) => headingApart(text, block)), title: undefined }
  const readable = o.mdx ? maskMdx(text) : text
  // A byte order mark would hide the first heading from the parser.
  const root = parseMarkdown(readable.startsWith('\ufeff') ? ` ${readable.slice(1)}` : readable)
  const blocks: Block[] = []
  let title: string | undefined
  for (const node of (root as Root).children) {
    if (node.type === 'yaml') {
      title = field(node.value, 'title')
      const description = descriptionOf(text, node)
      if (description) blocks.push(description)
    } else blocks.push(...blocksOf(node, readable))
  }
  return { blocks, title }
}

function blocksOf(node: Nodes, text: string): Block[] {
  const start = node.position?.start.offset ?? 0
  const end = node.position?.end.offset ?? 0
  const block = (kind: Block['kind'], parts: readonly Block[] = []): Block[] => [{ kind, start, end, depth: node.type === 'heading' ? node.depth : 0, parts }]
  switch (node.type) {
    case 'heading':
      return block('heading')
    case 'code':
      return block('code')
    case 'table':
      return block(
        'table',
        node.children.flatMap((row) => blocksOf(row, text)),
      )
    case 'list':
    case 'listItem':
    case 'blockquote':
      return block(
        'list',
        node.children.flatMap((child) => blocksOf(child, text)),
      )
    case 'thematicBreak':
    case 'definition':
      return []
    case 'html':
      return htmlBlocks(text, start, end)
    default:
      return text.slice(start, end).trim() === '' ? [] : block('text')
  }
}

/** HTML within Markdown: its headings are headings; what shows no letter is nothing. */
function htmlBlocks(text: string, start: number, end: number): Block[] {
  const html = text.slice(start, end)
  const shown = html.replaceAll(/<!--[\s\S]*?(?:-->|$)|<[^>]*>/g, '')
  if (!/[\p{L}\p{N}]/u.test(shown)) return []
  const heading = /<h([1-6])\b[^>]*>[\s\S]*?<\/h\1>/i.exec(html)
  if (!heading) return [{ kind: 'text', start, end, depth: 0, parts: [] }]
  const from = start + heading.index
  const to = from + heading[0].length
  return [...htmlBlocks(text, start, from), { kind: 'heading', start: from, end: to, depth: Number(heading[1]), parts: [] }, ...htmlBlocks(text, to, end)]
}

/** One field of a front matter, unquoted: enough for titles, without a YAML parser. */
function field(matter: string, name: string): string | undefined {
  const value = new RegExp(`^${name}\\s*:\\s*(.+?)\\s*$`, 'm').exec(matter)?.[1]
  return value?.replace(/^(['"])(.*)\1$/, '$2')
}

/** The description in a front matter is text that a reader sees, so it can be found and quoted. */
function descriptionOf(text: string, node: Nodes): Block | undefined {
  const start = node.position?.start.offset ?? 0
  const match = /^description\s*:\s*(['"]?)(?![>|]\s*$)(.+?)\1\s*$/dm.exec(text.slice(start, node.position?.end.offset ?? 0))
  const [from, to] = match?.indices?.[2] ?? []
  return from === undefined || to === undefined ? undefined : { kind: 'text', start: start + from, end: start + to, depth: 0, parts: [] }
}
