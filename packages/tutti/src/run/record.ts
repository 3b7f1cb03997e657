/** The record of a run, arranged for the pump: what was asked where, and which outcomes follow one another. A reading; it owns nothing. */
import type { At, Entry } from '../journal/index.ts'
import type { Outcome } from './engine.port.ts'

/** What sort of ask an entry answers to. */
export type Sort = 'effect' | 'timer' | 'wait' | 'note'

export interface RecordedAsk {
  readonly key: string
  readonly at: string
  readonly fingerprint: string
  readonly tunable: string | undefined
  readonly sort: Sort
}

export class RunRecord {
  readonly outcomes: readonly Outcome[]
  /** True when the run has ended: it may be read again, never gone on with. */
  readonly ended: boolean
  readonly #byKey = new Map<string, RecordedAsk>()
  readonly #byAt = new Map<string, RecordedAsk>()
  /** A place that is a scope, or a map: the first key asked below it. */
  readonly #below = new Map<string, string>()
  readonly #answered = new Set<string>()
  readonly #retuned = new Set<string>()

  constructor(entries: readonly Entry[]) {
    const outcomes: Outcome[] = []
    let ended = false
    for (const entry of entries) {
      const ask = askOf(entry)
      if (entry.type === 'note' && entry.at.length === 0) this.#retuned.add(entry.key)
      if (ask && !this.#byKey.has(ask.key)) {
        this.#byKey.set(ask.key, ask)
        this.#byAt.set(ask.at, ask)
        for (let above = aboveOf(ask.at); above !== '' && !this.#below.has(above); above = aboveOf(above)) this.#below.set(above, ask.key)
      }
      if (isOutcome(entry)) {
        outcomes.push(entry)
        if ('key' in entry && entry.key !== undefined) this.#answered.add(entry.key)
      }
      ended ||= entry.type === 'run.completed' || entry.type === 'run.failed' || entry.type === 'run.cancelled'
    }
    this.outcomes = outcomes
    this.ended = ended
  }

  byKey(key: string): RecordedAsk | undefined {
    return this.#byKey.get(key)
  }

  byAt(at: string): RecordedAsk | undefined {
    return this.#byAt.get(at)
  }

  /** Everything that was asked, in the order of its first entries. */
  asks(): Iterable<RecordedAsk> {
    return this.#byKey.values()
  }

  /** The first key that was asked below this place, where it is a scope or a map. */
  below(at: string): string | undefined {
    return this.#below.get(at)
  }

  /** True when the record says already that this step went on with other tunables. */
  retuned(key: string): boolean {
    return this.#retuned.has(key)
  }

  /** True when the record holds what became of this key. */
  answers(key: string): boolean {
    return this.#answered.has(key)
  }
}

/** The place of what no flow asked for: a note of the pump's own, about the step whose key it has. */
export const NOWHERE: At = []

export const placeOf = (at: At): string => at.join('.')

/** The place of the scope, or the map, that a place lies in; empty for the flow itself. */
export const aboveOf = (at: string): string => at.slice(0, Math.max(0, at.lastIndexOf('.')))

export function isOutcome(entry: Entry): entry is Entry & Outcome {
  switch (entry.type) {
    case 'step.completed':
    case 'timer.fired':
    case 'run.cancelling':
      return true
    case 'step.failed':
      return entry.final
    case 'step.resolved':
      return entry.verdict === 'done'
    case 'signal.received':
      return entry.key !== undefined
    default:
      return false
  }
}

function askOf(entry: Entry): RecordedAsk | undefined {
  switch (entry.type) {
    case 'step.started':
    case 'step.completed':
    case 'step.failed':
      if (entry.at === undefined || entry.fingerprint === undefined) return undefined
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: entry.tunable, sort: 'effect' }
    case 'timer.set':
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'timer' }
    case 'signal.awaited':
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'wait' }
    case 'note':
      if (entry.at.length === 0) return undefined
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'note' }
    default:
      return undefined
  }
}
