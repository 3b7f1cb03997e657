/**
 * A run under way, repainted in place: what it is doing, for how long, with how many tokens, for how much money of how much; the text that streams below.
 * Owns the last rows it painted and the cursor. Invariants: never more rows than `MAX_ROWS` or the terminal has; at most ten paints a second; whatever ends
 * the process, the cursor is there again.
 */
import type { Sighting } from '../run/index.ts'
import { cutTo, type Paint, paintFor, printable, wrap } from './paint.ts'
import type { RunPicture, Step } from './picture.ts'
import { sayCount, sayMs, sayTokens, sayUsd } from './quantity.ts'
import type { Output } from './terminal.ts'
import { mapOf, treeLines } from './tree.ts'
import type { View, ViewOptions } from './view.port.ts'

const MAX_ROWS = 20
const TEXT_ROWS = 5
const PAINT_EVERY_MS = 100
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
/** The terminal shows what comes between at once, where it can (https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036). */
const BEGIN_FRAME = '\u001b[?2026h'
const END_FRAME = '\u001b[?2026l'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A\r` : '\r')

export class LiveView implements View {
  readonly #output: Output
  readonly #picture: RunPicture
  readonly #expected: NonNullable<ViewOptions['expected']>
  readonly #paint: Paint
  readonly #timer: NodeJS.Timeout
  readonly #restoreCursor = (): void => void this.#output.write(SHOW_CURSOR)
  /** Streamed text by step; only the newest is shown. */
  readonly #texts = new Map<string, string>()
  #rows = 0
  #frame = 0

  constructor(output: Output, picture: RunPicture, o: ViewOptions) {
    this.#output = output
    this.#picture = picture
    this.#expected = o.expected ?? (() => undefined)
    this.#paint = paintFor(output)
    output.write(HIDE_CURSOR)
    process.once('exit', this.#restoreCursor)
    this.#timer = setInterval(() => this.#repaint(), PAINT_EVERY_MS)
    this.#timer.unref()
  }

  see(sighting: Sighting): void {
    if (sighting.type === 'entry') {
      if (sighting.entry.type === 'step.completed' || sighting.entry.type === 'step.failed') this.#texts.delete(sighting.entry.key)
      return
    }
    const { key, part } = sighting
    if (part.type === 'reset') this.#texts.delete(key)
    else if (part.type === 'text') this.#newest(key, (this.#texts.get(key) ?? '') + part.text)
    else if (part.type === 'partial') this.#newest(key, textIn(part.value))
  }

  say(text: string): void {
    this.#erase()
    this.#output.write(`${text}\n`)
    this.#repaint()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#erase()
    process.off('exit', this.#restoreCursor)
    this.#restoreCursor()
  }

  #newest(key: string, text: string): void {
    this.#texts.delete(key)
    this.#texts.set(key, text)
  }

  #erase(): void {
    this.#output.write(up(this.#rows) + CLEAR_BELOW)
    this.#rows = 0
  }

  #repaint(): void {
    this.#frame++
    const lines = this.#lines()
    this.#output.write(`${BEGIN_FRAME}${up(this.#rows)}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}${END_FRAME}`)
    this.#rows = lines.length
  }

  #lines(): string[] {
    const columns = Math.max(20, (this.#output.columns ?? 80) - 1)
    const room = Math.min(MAX_ROWS, (this.#output.rows ?? 24) - 1)
    const text = this.#text(columns)
    const spinner = FRAMES[this.#frame % FRAMES.length] as string
    const tree = treeLines(this.#picture, {
      paint: this.#paint,
      columns,
      now: Date.now(),
      onlyActive: this.#picture,
      spinner,
      remark: (step) => this.#progress(step),
    })
    const rows = Math.max(1, room - 1 - text.length)
    const hidden = tree.length - rows
    const shown =
      hidden > 0 ? [this.#paint('dim', cutTo(`  … ${hidden + 1} lines above: npx tutti show ${this.#picture.run}`, columns)), ...tree.slice(hidden + 1)] : tree
    return [this.#header(spinner, columns), ...shown, ...text].slice(0, Math.max(1, room))
  }

  #header(spinner: string, columns: number): string {
    const { flow, run, begun, used, budget, held } = this.#picture
    const tokens = sayTokens(used)
    const holds = held.microUsd > 0 ? ` (${sayUsd(held.microUsd)} held)` : ''
    const limit = budget?.usd === undefined ? '' : ` of ${sayUsd(budget.usd * 1_000_000)}`
    const money = used.modelCalls > 0 || limit ? `${sayUsd(used.microUsd)}${holds}${limit}` : ''
    const facts = [begun > 0 ? sayMs(Math.max(0, Date.now() - begun)) : '', tokens, money, run].filter(Boolean).join(' · ')
    return `${this.#paint('cyan', spinner)} ${this.#paint('bold', flow)} ${this.#paint('dim', cutTo(facts, columns - flow.length - 3))}`
  }

  #progress(step: Step): string | undefined {
    const map = mapOf(step)
    if (map === undefined) return undefined
    const expected = this.#expected(step.key.slice(0, step.key.lastIndexOf(':')))
    return expected === undefined ? undefined : `of ${sayCount(expected)}`
  }

  #text(columns: number): string[] {
    const newest = [...this.#texts.values()].at(-1)
    if (!newest?.trim()) return []
    return wrap(printable(newest.trimEnd()), columns - 2)
      .slice(-TEXT_ROWS)
      .map((line) => `  ${cutTo(line, columns - 2)}`)
  }
}

/** The text of a partial answer: its `text` where it has one. */
function textIn(value: unknown): string {
  if (typeof value === 'string') return value
  const { text } = (typeof value === 'object' && value !== null ? value : {}) as { text?: unknown }
  return typeof text === 'string' ? text : ''
}
