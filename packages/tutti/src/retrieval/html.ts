import { createRequire } from 'node:module'
import type { DefaultTreeAdapterTypes } from 'parse5'
import { checkText } from './check-given.ts'
import { lineStarts } from './line.ts'

const require = createRequire(import.meta.url)
type Node = DefaultTreeAdapterTypes.Node
type Element = DefaultTreeAdapterTypes.Element
type TextNode = DefaultTreeAdapterTypes.TextNode

/** The readable text of a page, and where each stretch of it stands in the file. */
export interface HtmlText {
  readonly text: string
  readonly title: string | undefined
  readonly offsets: readonly (readonly [at: number, inFile: number])[]
  readonly fileLines: readonly number[]
}

/** Nothing a reader of the page came for. */
const LEFT_OUT = new Set(['script', 'style', 'template', 'noscript', 'svg', 'nav', 'iframe', 'head', 'button', 'select', 'form', 'footer'])
const OWN_BLOCK = new Set([
  'p',
  'div',
  'section',
  'article',
  'main',
  'header',
  'aside',
  'blockquote',
  'figure',
  'figcaption',
  'details',
  'summary',
  'dl',
  'dt',
  'dd',
  'ul',
  'ol',
  'table',
  'address',
  'hr',
])

/**
 * The text of an HTML page in the manner of Markdown (headings, bullets, fences, table rows), so that it is split like Markdown.
 * Of a page with a `<main>` only that is read. Follows the HTML standard's recovery, so no input fails.
 */
export function readHtml(html: string): HtmlText {
  checkText('readHtml()', 'page', html)
  // Loaded with the first page: most apps read none.
  const { parse } = require('parse5') as typeof import('parse5')
  const page = parse(html, { sourceCodeLocationInfo: true })
  const title = find(page, 'title')
  const writer = new PageWriter(html)
  writer.write(find(page, 'main') ?? find(page, 'body') ?? page)
  const heading = find(page, 'h1')
  return {
    text: writer.text,
    title: (heading && textOf(heading)) || (title && textOf(title)) || undefined,
    offsets: writer.offsets,
    fileLines: lineStarts(html),
  }
}

class PageWriter {
  text = ''
  readonly offsets: [number, number][] = []
  readonly #html: string
  /** What separates the next word from the last: the widest of what was asked for. */
  #gap = ''
  /** Written before the next word: a bullet, a heading mark. */
  #mark = ''

  constructor(html: string) {
    this.#html = html
  }

  write(node: Node): void {
    if (node.nodeName === '#text') this.#words(node as TextNode)
    else if ('childNodes' in node) this.#element(node as Element)
  }

  #element(element: Element): void {
    const name = element.nodeName
    if (LEFT_OUT.has(name)) return
    const heading = /^h([1-6])$/.exec(name)?.[1]
    if (name === 'pre') return this.#code(element)
    if (name === 'br') return this.#separate('\n')
    if (name === 'td' || name === 'th') return this.#around(element, this.#mark === '| ' ? '' : ' ', '', ' |')
    if (name === 'tr') return this.#around(element, '\n', '| ', '')
    if (name === 'li') return this.#around(element, '\n', '- ', '')
    if (heading) return this.#around(element, '\n\n', `${'#'.repeat(Number(heading))} `, '', '\n\n')
    const gap = OWN_BLOCK.has(name) ? (element.parentNode?.nodeName === 'li' ? '\n' : '\n\n') : ''
    this.#around(element, gap, '', '', gap)
  }

  #around(element: Element, before: string, mark: string, close: string, after = ''): void {
    const written = this.text.length
    this.#separate(before)
    if (mark) this.#mark = mark
    for (const child of element.childNodes) this.write(child)
    if (close && this.text.length > written) this.text += close
    if (this.text.length === written && mark) this.#mark = ''
    this.#separate(after)
  }

  #separate(gap: string): void {
    if (gap.length > this.#gap.length || (gap === '\n' && this.#gap === ' ')) this.#gap = gap
  }

  /** Writes a word, or a line of code, after the gap and mark that were asked for. `places` says where each of its characters stands. */
  #word(word: string, places: (index: number) => number): void {
    const inFile = places(0)
    const gap = this.text === '' ? '' : this.#gap
    if (gap || this.#mark) {
      this.text += gap
      this.#place(inFile)
      this.text += this.#mark
    }
    this.#gap = ''
    this.#mark = ''
    for (let from = 0; from < word.length; ) {
      this.#place(places(from))
      let to = from + 1
      while (to < word.length && places(to) === places(to - 1) + 1) to++
      this.text += word.slice(from, to)
      from = to
    }
  }

  #place(inFile: number): void {
    const last = this.offsets.at(-1)
    if (last && last[0] === this.text.length) last[1] = inFile
    else if (!last || this.text.length - last[0] !== inFile - last[1]) this.offsets.push([this.text.length, inFile])
  }

  #words(node: TextNode): void {
    const places = placesOf(this.#html, node)
    for (const { 0: run, index } of node.value.matchAll(/\s+|[^\s]+/g)) {
      if (run.trim() === '') this.#separate(' ')
      else this.#word(run, (i) => places(index + i))
    }
  }

  #code(element: Element): void {
    const pieces = textNodes(element)
    if (pieces.every(({ value }) => value.trim() === '')) return
    this.#separate('\n\n')
    const fence = /`{3,}/.exec(pieces.map(({ value }) => value).join(''))?.[0]
    this.#mark = `${fence ? `${fence}\``.slice(0, 20) : '```'}\n`
    const close = this.#mark.trim()
    for (const piece of pieces) {
      const places = placesOf(this.#html, piece)
      for (const { 0: line, index } of piece.value.matchAll(/[^\n]*\n|[^\n]+/g)) this.#word(line, (i) => places(index + i))
    }
    this.text = `${this.text.trimEnd()}\n${close}`
    this.#separate('\n\n')
  }
}

/** Where each character of a text node stands in the file; entities are longer there than here. */
function placesOf(html: string, node: TextNode): (index: number) => number {
  const start = node.sourceCodeLocation?.startOffset ?? 0
  const raw = html.slice(start, node.sourceCodeLocation?.endOffset ?? start)
  if (raw.length === node.value.length) return (index) => start + index
  const places: number[] = []
  for (let i = 0, j = 0; j < node.value.length; j++) {
    const entity = raw[i] === '&' ? /^&(?:#\w+|\w+);?/.exec(raw.slice(i, i + 40))?.[0] : undefined
    const skipped = raw[i] === '\r' && node.value[j] === '\n' && raw[i + 1] === '\n' ? 1 : 0
    places[j] = start + i
    i += skipped + (entity && !node.value.startsWith(entity, j) ? entity.length : 1)
  }
  return (index) => places[index] ?? start
}

function textNodes(node: Node): TextNode[] {
  if (node.nodeName === '#text') return [node as TextNode]
  return 'childNodes' in node && !LEFT_OUT.has(node.nodeName) ? node.childNodes.flatMap(textNodes) : []
}

function textOf(element: Node): string {
  return textNodes(element)
    .map(({ value }) => value)
    .join('')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function find(node: Node, name: string): Element | undefined {
  if (node.nodeName === name) return node as Element
  if (!('childNodes' in node)) return undefined
  for (const child of node.childNodes) {
    const found = find(child, name)
    if (found) return found
  }
  return undefined
}
