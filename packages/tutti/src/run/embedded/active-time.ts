import type { Entry } from '../../journal/index.ts'

/** Milliseconds in which at least one of the recorded attempts was under way: what earlier activations of a run spent. */
export function activeMsOf(record: readonly Entry[]): number {
  const spans = record.flatMap((entry) => ('ms' in entry && entry.ms ? [[entry.time - entry.ms, entry.time] as const] : [])).sort(([a], [b]) => a - b)
  let total = 0
  let until = Number.NEGATIVE_INFINITY
  for (const [from, to] of spans) {
    if (to <= until) continue
    total += to - Math.max(from, until)
    until = to
  }
  return total
}
