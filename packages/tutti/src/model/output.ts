/** JSON out of what a model wrote: the whole answer, leniently, and the part of it that is there so far. */
import { checkValue, is, type Json } from '../primitives/index.ts'

export type ParsedOutput = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly says: string }

/**
 * The JSON value of an answer. Models wrap it: in a code fence, after a sentence, before another. Taken is the whole text if it is JSON, else the
 * inside of the first fence that is, else the first object or array in the text.
 * @example parseOutput('Here it is:\n```json\n{"a":1}\n```') // { ok: true, value: { a: 1 } }
 */
export function parseOutput(text: string): ParsedOutput {
  checkValue('the answer that parseOutput() was given', 'text', text, is.text)
  const whole = parse(text)
  if (whole !== undefined) return { ok: true, value: whole }
  for (const fence of text.matchAll(/```[a-z]*\s*\n?([\s\S]*?)```/gi)) {
    const value = parse(fence[1] ?? '')
    if (value !== undefined) return { ok: true, value }
  }
  const value = firstStructure(text)
  if (value !== undefined) return { ok: true, value }
  if (text.trim() === '') return { ok: false, says: 'the answer is empty' }
  return { ok: false, says: `the answer is not JSON: ${text.length > 120 ? `${text.slice(0, 120)}…` : text}` }
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function firstStructure(text: string): Json | undefined {
  let tried = 0
  for (let at = text.search(/[[{]/); at >= 0 && tried < 20; tried++) {
    const end = endOfStructure(text, at)
    const value = end === undefined ? undefined : parse(text.slice(at, end))
    if (value !== undefined) return value
    const next = text.slice(at + 1).search(/[[{]/)
    at = next < 0 ? -1 : at + 1 + next
  }
  return undefined
}

/** The index after the bracket that closes the one at `start`. */
function endOfStructure(text: string, start: number): number | undefined {
  let depth = 0
  let quoted = false
  for (let i = start; i < text.length; i++) {
    const char = text[i]
    if (quoted) {
      if (char === '\\') i++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return i + 1
  }
  return undefined
}

/** The value of JSON that is still being written: open strings and brackets are closed, a half-written word or key is left out. */
export function parsePartial(text: string): Json | undefined {
  const start = text.search(/[[{]/)
  if (start < 0) return undefined
  const body = text.slice(start)
  const { closers, quoted, cut } = openEnd(body)
  // A backslash at the very end would escape the quote that closes the string.
  const written = quoted ? `${body.replace(/\\(u[0-9a-f]{0,3})?$/i, '')}"` : body
  return parse(written + closers) ?? parse(body.slice(0, cut) + closers)
}

/** What would close the text, whether it ends in a string, and where its last whole member ends. */
function openEnd(text: string): { closers: string; quoted: boolean; cut: number } {
  const open: string[] = []
  let quoted = false
  let cut = 1
  for (const { 0: token, 1: quote, index } of text.matchAll(/"(?:[^"\\]|\\[\s\S])*("?)|[{}[\],]/g)) {
    if (token.startsWith('"')) {
      quoted = quote === ''
      continue
    }
    if (token === '{' || token === '[') open.push(token === '{' ? '}' : ']')
    else if (token !== ',') open.pop()
    cut = token === ',' ? index : index + 1
    if (open.length === 0) break
  }
  return { closers: open.reverse().join(''), quoted, cut }
}

/** Partial values of a growing text, not oftener than the text grows by a sixteenth: linear work over the whole answer, give or take a factor. */
export class PartialReader {
  #text = ''
  #nextAt = 1
  #shown = ''

  /** The value so far, when it has changed since it was last shown. */
  take(delta: string): Json | undefined {
    this.#text += delta
    if (this.#text.length < this.#nextAt) return undefined
    this.#nextAt = this.#text.length + Math.max(1, this.#text.length >> 4)
    const value = parsePartial(this.#text)
    if (value === undefined) return undefined
    const shown = JSON.stringify(value)
    if (shown === this.#shown) return undefined
    this.#shown = shown
    return value
  }
}
