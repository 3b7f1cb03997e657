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
  /** The record holds what became of it. */
  answered: boolean
}

export class RunRecord {
  readonly outcomes: readonly Outcome[]
  /** True when the run has ended: it may be read again, never gone on with. */
  readonly ended: boolean
  // Made when there is something to keep: a run that begins has recorded nothing.
  #byKey: Map<string, RecordedAsk> | undefined
  #byAt: Map<string, RecordedAsk> | undefined
  /** A place that is a scope, or a map: the first key asked below it. */
  #below: Map<string, string> | undefined
  #retuned: Set<string> | undefined
  #marks: Set<string> | undefined
  /** By the place of a scope: the highest number that was asked in it, made when it is first asked for. */
  #furthest: Map<string, number> | undefined

  constructor(entries: readonly Entry[]) {
    const outcomes: Outcome[] = []
    let ended = false
    for (const entry of entries) {
      if (entry.type === 'run.patched') this.#marks = (this.#marks ?? new Set()).add(markKey(entry.scope, entry.id))
      if (entry.type === 'note' && entry.at.length === 0) {
        this.#retuned = (this.#retuned ?? new Set()).add(entry.key)
        continue
      }
      const key = 'key' in entry ? entry.key : undefined
      const ask = key === undefined ? undefined : (this.#byKey?.get(key) ?? this.#add(askOf(entry)))
      if (isOutcome(entry)) {
        outcomes.push(entry)
        if (ask) ask.answered = true
      }
      ended ||= entry.type === 'run.completed' || entry.type === 'run.failed' || entry.type === 'run.cancelled'
    }
    this.outcomes = outcomes
    this.ended = ended
  }

  #add(ask: RecordedAsk | undefined): RecordedAsk | undefined {
    if (!ask) return undefined
    this.#byKey = (this.#byKey ?? new Map()).set(ask.key, ask)
    this.#byAt = (this.#byAt ?? new Map()).set(ask.at, ask)
    for (let above = aboveOf(ask.at); above !== '' && !this.#below?.has(above); above = aboveOf(above))
      this.#below = (this.#below ?? new Map()).set(above, ask.key)
    return ask
  }

  byKey(key: string): RecordedAsk | undefined {
    return this.#byKey?.get(key)
  }

  byAt(at: string): RecordedAsk | undefined {
    return this.#byAt?.get(at)
  }

  /** Everything that was asked, in the order of its first entries. */
  asks(): Iterable<RecordedAsk> {
    return this.#byKey?.values() ?? nothing
  }

  /** The first key that was asked below this place, where it is a scope or a map. */
  below(at: string): string | undefined {
    return this.#below?.get(at)
  }

  /** True when code that was put in later went its new way in this scope. */
  marked(scope: string | undefined, id: string): boolean {
    return this.#marks?.has(markKey(scope, id)) ?? false
  }

  /** The highest number that was asked in the scope at this place; -1 for none. */
  furthest(at: At): number {
    this.#furthest ??= furthestOf(this.#byAt?.keys() ?? nothing)
    return this.#furthest.get(placeOf(at)) ?? -1
  }

  /** True when the record says already that this step went on with other tunables. */
  retuned(key: string): boolean {
    return this.#retuned?.has(key) ?? false
  }
}

const nothing: readonly never[] = []

const markKey = (scope: string | undefined, id: string): string => `${scope ?? ''}|${id}`

function furthestOf(places: Iterable<string>): Map<string, number> {
  const furthest = new Map<string, number>()
  for (const place of places)
    for (let at = place; at !== ''; at = aboveOf(at)) {
      const above = aboveOf(at)
      furthest.set(above, Math.max(furthest.get(above) ?? -1, Number(at.slice(above === '' ? 0 : above.length + 1))))
    }
  return furthest
}

/** The place of what no flow asked for: a note of the pump's own, about the step whose key it has. */
export const NOWHERE: At = []

/** A place as text. Most lie in the flow itself: one number, for which `join` would be a tenth of a replay. */
export const placeOf = (at: At): string => (at.length === 1 ? String(at[0]) : at.join('.'))

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
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: entry.tunable, sort: 'effect', answered: false }
    case 'timer.set':
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'timer', answered: false }
    case 'signal.awaited':
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'wait', answered: false }
    case 'note':
      return { key: entry.key, at: placeOf(entry.at), fingerprint: entry.fingerprint, tunable: undefined, sort: 'note', answered: false }
    default:
      return undefined
  }
}
