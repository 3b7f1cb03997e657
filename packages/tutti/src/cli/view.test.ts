import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Entry } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { LiveView } from './live-view.ts'
import { RunPicture } from './picture.ts'
import { PlainView } from './plain-view.ts'
import type { Output } from './terminal.ts'
import type { View } from './view.port.ts'
import { viewFor } from './view.ts'

const run = 'run_1' as RunId
const asked = { at: [0], fingerprint: 'f' }
const started: Entry = { seq: 1, time: 0, type: 'run.started', format: 1, run, flow: 'desk', version: '1', scope: { tenant: 'default' }, input: null }
const completed = (seq: number, key: string): Entry => ({ seq, time: seq * 100, type: 'step.completed', key, ...asked, value: null, ms: 5 })

/** A terminal of so many rows that obeys what is written to it, as far as the live view goes. */
class Screen implements Output {
  readonly isTTY = true
  readonly columns = 60
  readonly rows: number
  lines: string[] = ['']
  row = 0
  cursor = true
  written = ''

  constructor(rows: number) {
    this.rows = rows
  }

  write(text: string): void {
    this.written += text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal begin with one
    for (const [part] of text.matchAll(/\u001b\[\??\d*[a-zA-Z]|\r|\n|[^\u001b\r\n]+/g)) this.#take(part)
  }

  #take(part: string): void {
    if (part === '\u001b[?25l') this.cursor = false
    else if (part === '\u001b[?25h') this.cursor = true
    else if (part === '\u001b[J') this.lines = [...this.lines.slice(0, this.row), '']
    else if (part.endsWith('A')) this.row -= Number.parseInt(part.slice(2), 10)
    else if (part === '\n') this.lines[++this.row] ??= ''
    else if (!part.startsWith('\u001b') && part !== '\r') this.lines[this.row] = part
    if (this.row < 0) throw new Error('it went above what it had painted')
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function show(view: View, picture: RunPicture, entries: readonly Entry[]): void {
  for (const entry of entries) {
    picture.take(entry)
    view.see({ type: 'entry', entry })
  }
}

test('[O5] the live view never takes more rows than the terminal has, nor more than twenty', () => {
  const entries = [started, ...Array.from({ length: 80 }, (_, i) => completed(i + 2, `desk/step ${i}`))]
  for (const rows of [3, 10, 60]) {
    const screen = new Screen(rows)
    const picture = new RunPicture()
    const view = new LiveView(screen, picture, {})
    show(view, picture, entries)
    view.see({ type: 'part', run, key: 'desk/step 80', attempt: 1, part: { type: 'text', text: 'word '.repeat(400) } })
    vi.advanceTimersByTime(250)
    const shown = screen.lines.filter((line) => line !== '').length
    expect(shown).toBeLessThanOrEqual(Math.min(20, rows - 1))
    expect(screen.lines[0]).toContain('desk')
    if (rows >= 10) expect(screen.lines.join('\n')).toMatch(/lines above[\s\S]*step 79[\s\S]*word/)
    view.close()
  }
})

test('[O5] closing the live view takes away what it painted and brings the cursor back; what it said stays', () => {
  const screen = new Screen(24)
  const picture = new RunPicture()
  const view = new LiveView(screen, picture, {})
  show(view, picture, [started, completed(2, 'desk/first')])
  vi.advanceTimersByTime(500)
  expect(screen.cursor).toBe(false)
  expect(screen.lines.join('\n')).toContain('first')
  view.say('a line that stays')
  vi.advanceTimersByTime(500)
  view.close()
  expect({ cursor: screen.cursor, lines: screen.lines.filter(Boolean) }).toEqual({ cursor: true, lines: ['a line that stays'] })
})

test('[M7] streamed text is shown while it comes, and is void when another attempt begins', () => {
  const screen = new Screen(24)
  const picture = new RunPicture()
  const view = new LiveView(screen, picture, {})
  show(view, picture, [started])
  const part = { type: 'part', run, key: 'desk/turn:1', attempt: 1 } as const
  view.see({ ...part, part: { type: 'text', text: 'Three \u001b[31mtimes' } })
  vi.advanceTimersByTime(100)
  expect(screen.lines.join('\n')).toContain('Three times')
  view.see({ ...part, part: { type: 'reset' } })
  vi.advanceTimersByTime(100)
  expect(screen.lines.join('\n')).not.toContain('Three')
  view.see({ ...part, part: { type: 'partial', value: { text: 'Four', citations: [] } } })
  vi.advanceTimersByTime(100)
  expect(screen.lines.join('\n')).toContain('Four')
  view.close()
})

test('[O5] where nothing can be repainted there is one line an event, and a long map is summed up', () => {
  const lines: string[] = []
  const picture = new RunPicture()
  const view = new PlainView({ write: (text: string) => lines.push(text) }, picture)
  show(view, picture, [started, ...Array.from({ length: 50 }, (_, i) => completed(i + 2, `desk/item:${i}`)), completed(60, 'desk/last')])
  view.close()
  expect(lines[0]).toBe('  +0.0s  desk run_1\n')
  expect(lines.filter((line) => line.includes('item')).length).toBeLessThan(15)
  expect(lines.filter((line) => line.includes('item')).at(-1)).toContain('✓ desk/item ×50')
  expect(lines.join('')).toContain('✓ desk/last  5 ms')
})

test('[O5] a pipe, CI and a dumb terminal get plain lines; --json gets none', () => {
  const picture = new RunPicture()
  const kind = (isTTY: boolean, env: Record<string, string>, quiet = false): string => {
    const view = viewFor({ err: { isTTY, write: () => {} }, env } as never, picture, { quiet })
    view.close()
    return view.constructor.name
  }
  expect([kind(true, {}), kind(false, {}), kind(true, { CI: '1' }), kind(true, { TERM: 'dumb' }), kind(true, {}, true)]).toEqual([
    'LiveView',
    'PlainView',
    'PlainView',
    'PlainView',
    'Object',
  ])
})
