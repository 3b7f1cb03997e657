/** A run under way where nothing can be repainted (a pipe, a log, CI): one line an event; the items of a long map are summed up once a second. */
import type { Entry } from '../journal/index.ts'
import type { Sighting } from '../run/index.ts'
import { inOneLine } from './paint.ts'
import type { RunPicture } from './picture.ts'
import { sayMs, sayUsd } from './quantity.ts'
import type { Output } from './terminal.ts'
import type { View } from './view.port.ts'

const MAP_EVERY_MS = 1_000
const FEW_ITEMS = 6

export class PlainView implements View {
  readonly #output: Output
  readonly #picture: RunPicture
  readonly #maps = new Map<string, { done: number; said: number; saidAt: number }>()

  constructor(output: Output, picture: RunPicture) {
    this.#output = output
    this.#picture = picture
  }

  see(sighting: Sighting): void {
    if (sighting.type !== 'entry') return
    const line = this.#lineOf(sighting.entry)
    if (line) this.say(`${padTime(sighting.entry.time - this.#picture.begun)}  ${line}`)
  }

  say(text: string): void {
    this.#output.write(`${text}\n`)
  }

  close(): void {
    for (const [map, { done, said }] of this.#maps) if (done > said) this.say(`         ✓ ${map} ×${done}`)
    this.#maps.clear()
  }

  #lineOf(entry: Entry): string | undefined {
    switch (entry.type) {
      case 'run.started':
        return `${entry.flow} ${entry.run}`
      case 'run.resumed':
        return 'goes on'
      case 'run.suspended':
        return entry.why === 'drain' || entry.why === 'waiting' ? 'rests' : `rests: ${entry.why}${entry.reason ? `: ${inOneLine(entry.reason)}` : ''}`
      case 'run.cancelling':
        return `is being cancelled: ${inOneLine(entry.reason)}`
      case 'step.started':
        return `… ${entry.key}${entry.attempt > 1 ? `, attempt ${entry.attempt}` : ''}`
      case 'step.completed':
        return this.#completed(entry)
      case 'step.failed':
        return `${entry.final ? '✗' : '↻'} ${entry.key}: ${entry.error.code}: ${inOneLine(entry.error.message)}`
      case 'step.compensated':
        return `${entry.error ? '!' : '↶'} ${entry.key} ${entry.error ? `is not undone: ${entry.error.code}: ${inOneLine(entry.error.message)}` : 'is undone'}`
      case 'step.doubted':
        return `? ${entry.key}: ${inOneLine(entry.why.message)}`
      case 'budget.exhausted':
        return `⏸ ${entry.key} waits for more budget`
      case 'signal.awaited':
        return `⏸ ${entry.key} waits for the signal '${entry.signal}'`
      case 'signal.refused':
        return `! ${entry.key}: ${inOneLine(entry.error.message)}; it waits on`
      case 'timer.set':
        return `⏸ ${entry.key} waits until ${new Date(entry.fireAt).toISOString()}`
      default:
        return undefined
    }
  }

  #completed(entry: Extract<Entry, { type: 'step.completed' }>): string | undefined {
    const took = entry.ms === undefined ? '' : `  ${sayMs(entry.ms)}`
    const cost = entry.settle?.microUsd ? `  ${sayUsd(entry.settle.microUsd)}` : ''
    const map = /^(.+[^/]):\d+$/.exec(entry.key)?.[1]
    if (map === undefined || map.endsWith('/turn')) return `✓ ${entry.key}${took}${cost}`
    const seen = this.#maps.get(map) ?? { done: 0, said: 0, saidAt: 0 }
    this.#maps.set(map, seen)
    seen.done++
    if (seen.done <= FEW_ITEMS) {
      seen.said = seen.done
      return `✓ ${entry.key}${took}${cost}`
    }
    if (entry.time - seen.saidAt < MAP_EVERY_MS) return undefined
    seen.saidAt = entry.time
    seen.said = seen.done
    return `✓ ${map} ×${seen.done}`
  }
}

const padTime = (ms: number): string => `+${(Math.max(0, ms) / 1_000).toFixed(1)}s`.padStart(7)
