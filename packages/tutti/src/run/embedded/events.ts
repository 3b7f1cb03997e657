/** What a watcher is told of an entry or of a provisional part: the public events of a run. */
import { rebuildError } from '../../errors/index.ts'
import type { Entry, Value } from '../../journal/index.ts'
import { decode, type Json } from '../../primitives/index.ts'
import type { Sighting } from '../engine.port.ts'
import type { RunEvent } from '../handle.port.ts'
import { cancellation, isLastWord } from '../undone.ts'

type Load = (value: Value) => Promise<Json>

/** Of a provisional part: there may be very many, so nothing is awaited for it. */
export function eventOfPart({ key, part }: Extract<Sighting, { type: 'part' }>, seq: number): RunEvent {
  switch (part.type) {
    case 'text':
      return { type: 'text.delta', seq, key, text: part.text }
    case 'reasoning':
      return { type: 'reasoning.delta', seq, key, text: part.text }
    case 'tool-input':
      return { type: 'tool.input', seq, key, tool: part.tool, text: part.text }
    case 'reset':
      return { type: 'text.reset', seq, key }
    case 'progress':
      return { ...part, type: 'step.progress', seq, key }
    case 'partial':
      return { type: 'output.partial', seq, key, partial: part.value as never }
  }
}

export async function eventsOfEntry(entry: Entry, load: Load): Promise<readonly RunEvent[]> {
  const { seq } = entry
  switch (entry.type) {
    case 'step.started':
      return [{ type: 'step.started', seq, ...named(entry.key) }]
    case 'step.completed':
    case 'step.failed':
      return [
        {
          type: entry.type,
          seq,
          ...named(entry.key),
          ...(entry.ms === undefined ? {} : { ms: entry.ms }),
          ...(entry.settle ? { usd: entry.settle.microUsd / 1_000_000 } : {}),
        },
      ]
    case 'step.compensated':
      return isLastWord(entry) ? [{ type: 'step.undone', seq, ...named(entry.key), ...(entry.error ? { error: rebuildError(entry.error) } : {}) }] : []
    case 'signal.awaited':
      return [{ type: 'signal.awaited', seq, key: entry.key, signal: entry.signal, ...(entry.data === undefined ? {} : { data: entry.data }) }]
    case 'signal.refused':
      return [{ type: 'signal.refused', seq, key: entry.key, signal: entry.signal, id: entry.id, error: rebuildError(entry.error) }]
    case 'note':
      return entry.name === undefined
        ? []
        : [{ type: 'custom', seq, key: entry.key, name: entry.name, data: decode(entry.data === undefined ? null : await load(entry.data)) as Json }]
    case 'run.completed':
      return [{ type: 'run.completed', seq, output: decode(await load(entry.output)), usage: entry.usage }]
    case 'run.failed':
      return [{ type: 'run.failed', seq, error: rebuildError(entry.error) }]
    case 'run.cancelled':
      return [{ type: 'run.failed', seq, error: cancellation(entry) }]
    default:
      return []
  }
}

const named = (key: string): { key: string; name: string } => ({ key, name: key.slice(key.lastIndexOf('/') + 1) })
