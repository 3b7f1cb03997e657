/** Colour and width: what a line looks like on a terminal. `NO_COLOR`, and a stream that is no terminal, take the colour away. */
import { Writable } from 'node:stream'
import { stripVTControlCharacters, styleText } from 'node:util'
import type { Output } from './terminal.ts'

type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

/** Colours for this output: none where it is no terminal. */
export function paintFor(output: Output): Paint {
  return output instanceof Writable ? (style, text) => styleText(style, text, { stream: output }) : (_, text) => text
}

/** Text from outside (models, documents, errors) as it may be shown: no escape sequence of its own reaches the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\r\n', '\n')
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '')
}

/** The same on one line. */
export const inOneLine = (text: string): string => printable(text).replaceAll(/\s+/g, ' ').trim()

const WIDE = /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u
const NO_WIDTH = /[\p{M}\p{Cf}]/u

/** Columns that a text takes on a terminal; colour takes none. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

/** At most `columns` wide; what is cut ends with `…`. The text must not hold colour. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let width = 1
  let kept = ''
  for (const character of text) {
    width += widthOf(character)
    if (width > columns) break
    kept += character
  }
  return columns > 0 ? `${kept}…` : ''
}

export const pad = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))
export const padLeft = (text: string, columns: number): string => ' '.repeat(Math.max(0, columns - widthOf(text))) + text

/** Lines of at most `columns`, broken between words where that is possible. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, Math.max(10, columns)))
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = []
  let current = ''
  for (const word of line.split(/(?<= )/)) {
    if (widthOf(current) + widthOf(word.trimEnd()) > columns && current.trim() !== '') {
      lines.push(current.trimEnd())
      current = ''
    }
    current += word
  }
  return [...lines, current.trimEnd()]
}
