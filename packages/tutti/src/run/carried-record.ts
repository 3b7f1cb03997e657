/**
 * The record of a run that was carried over to another version of its flow, once or several times: what the present version did, and what it knows from before.
 *
 * A `run.patched` that names versions divides the record. What stands before it is read under the names of now, and is no history of the present version, but what it is
 * seeded with. Of two entries about one key the one of the later version holds. A record that was never carried over reads as it is. Costs linear time.
 */
import type { Entry, RunPatched, RunStarted } from '../journal/index.ts'

type Mark = RunPatched & { readonly seq: number; readonly time: number }

export interface CarriedRecord {
  /** `undefined`: it was never carried over. */
  readonly mark: Mark | undefined
  /** The record of the present version: `run.started` as if it had begun with it, then what came after the last mark. */
  readonly present: readonly Entry[]
  /** What stands before the last mark. */
  readonly before: readonly Entry[]
  /** All of it, in its order. */
  readonly whole: readonly Entry[]
  /** What the key of a step was when it was first recorded. */
  firstKeyOf(key: string): string
}

const isMark = (entry: Entry): entry is Entry & Mark => entry.type === 'run.patched' && entry.to !== undefined

/** What one version of the flow did, and the mark it begins with; the first has none. */
export interface Era {
  readonly mark: Mark | undefined
  readonly entries: readonly Entry[]
}

export function erasOf(record: readonly Entry[]): readonly Era[] {
  const marks = record.filter(isMark)
  if (marks.length === 0) return [{ mark: undefined, entries: record }]
  return [undefined, ...marks].map((mark, i) => ({
    mark,
    entries: record.filter(({ seq }) => seq > (mark?.seq ?? 0) && seq < (marks[i]?.seq ?? Number.POSITIVE_INFINITY)),
  }))
}

export function carriedRecord(record: readonly Entry[]): CarriedRecord {
  const eras = erasOf(record)
  const marks = eras.flatMap((era) => era.mark ?? [])
  const mark = marks.at(-1)
  const started = record[0]
  if (!mark || started?.type !== 'run.started') return { mark: undefined, present: record, before: [], whole: record, firstKeyOf: (key) => key }
  let first: ReadonlyMap<string, string> = new Map()
  let before: readonly Entry[] = []
  let whole: readonly Entry[] = []
  marks.forEach((each, i) => {
    const era = eras[i]?.entries ?? []
    const name = nameAfter(each)
    const known = new Map([...keysOf(era).map((key) => [key, key] as const), ...first])
    first = new Map([...known].map(([now, then]) => [name(now), then]))
    before = under(name, latest(before, era))
    whole = under(name, [...whole, ...era])
  })
  const present = eras.at(-1)?.entries ?? []
  return { mark, present: [startedNow(started, marks), ...present], before, whole: [...whole, mark, ...present], firstKeyOf: (key) => first.get(key) ?? key }
}

/** What whoever begins with this record knows of it: what the present version did, and, of what it never asked for, what was done before. */
export function knownFrom(record: readonly Entry[]): readonly Entry[] {
  const { present, before, mark } = carriedRecord(record)
  return mark ? latest(before.slice(1), present) : record
}

/** The names of now, by the marks of the run, for a key of the version it began with. */
function startedNow(started: RunStarted & Entry, marks: readonly Mark[]): Entry {
  const input = marks.findLast((mark) => mark.input !== undefined)?.input ?? started.input
  return { ...started, version: marks.at(-1)?.to ?? started.version, input }
}

/** The later entries first, for what they speak of holds; then what only the earlier ones speak of. */
function latest(earlier: readonly Entry[], later: readonly Entry[]): readonly Entry[] {
  // What was noted of a step, or said of undoing it, says nothing of what became of it.
  const spoken = new Set(keysOf(later.filter(({ type }) => type !== 'note' && type !== 'step.compensated' && type !== 'signal.refused')))
  const rest = earlier.filter((entry) => !('key' in entry && entry.key !== undefined && spoken.has(entry.key)))
  return earlier.length === 0 ? later : later[0]?.type === 'run.started' ? [...later, ...rest] : [...rest.slice(0, 1), ...later, ...rest.slice(1)]
}

const keysOf = (entries: readonly Entry[]): readonly string[] => entries.flatMap((entry) => ('key' in entry && entry.key !== undefined ? [entry.key] : []))

/** With every key as `name` says it. */
export function under(name: (key: string) => string, entries: readonly Entry[]): readonly Entry[] {
  return entries.map((entry) => {
    const key = 'key' in entry && entry.key !== undefined ? { key: name(entry.key) } : {}
    const to = entry.type === 'signal.received' && entry.to !== undefined ? { to: name(entry.to) } : {}
    const draws = entry.type === 'step.started' && entry.draws ? { draws: entry.draws.map(name) } : {}
    return { ...entry, ...key, ...to, ...draws } as Entry
  })
}

/** What a key is called after a mark. A key that another one took the name of is called as nobody can ask for it. */
export function nameAfter({ rename = {}, from }: Mark): (key: string) => string {
  const names = Object.entries(rename).sort(([a], [b]) => b.length - a.length)
  return (key) => {
    for (const [old, now] of names) if (isIn(key, old)) return now + key.slice(old.length)
    return names.some(([, now]) => isIn(key, now)) ? `${key}~${from}` : key
  }
}

/** It is that step, lies in that scope, or is an item of that map. */
const isIn = (key: string, of: string): boolean => key === of || (key.startsWith(of) && /^(\/|:(\d+|items)(\/|$))/.test(key.slice(of.length)))
