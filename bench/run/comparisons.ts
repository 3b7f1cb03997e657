/** What it costs to compare two runs of ten thousand steps, and to say why one came to its output. The journals are made here: only the reading is measured. */
import type { Entry } from '../../packages/tutti/src/journal/index.ts'
import { diffRuns, whyOf } from '../../packages/tutti/src/run/index.ts'
import type { Report } from '../figure.ts'

const STEPS = 10_000

export function comparisonFigures(report: Report): void {
  const [before, after] = [stepsAfterOneAnother(0), stepsAfterOneAnother(1)]
  report({ name: 'diff of two runs of 10,000 steps', value: msOf(() => diffRuns(before, after)), unit: 'ms', target: { atMost: 1_000 } })
  report({ name: 'why of a run of 10,000 steps', value: msOf(() => whyOf(before)), unit: 'ms', target: { atMost: 1_000 } })
  const wide = itemsOfOneMap()
  report({ name: 'why of a map of 10,000 items', value: msOf(() => whyOf(wide)), unit: 'ms', target: { atMost: 1_000 } })
}

/** Each rests on all before it: the most there is to look at. Every seventh gives `seventh` more. */
function stepsAfterOneAnother(seventh: number): readonly Entry[] {
  return Array.from({ length: STEPS }, (_, i) => {
    const value = i % 7 === 0 ? i + seventh : i
    const settle = { microUsd: i % 7, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    return { seq: i + 2, time: i * 2 + 1, type: 'step.completed', key: `f/s${i}`, at: [i], fingerprint: `f${i}`, value, ms: 1, settle }
  })
}

/** Eight at a time, so that in time they are eight chains; then one step that rests on all. */
function itemsOfOneMap(): readonly Entry[] {
  const items = Array.from({ length: STEPS - 1 }, (_, i): Entry => {
    const settle = { microUsd: i % 7, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    return { seq: i + 2, time: 5 * (i >> 3) + 5, type: 'step.completed', key: `f/each:${i}`, at: [0, i], fingerprint: `f${i}`, value: i, ms: 5, settle }
  })
  const last: Entry = { seq: STEPS + 1, time: STEPS, type: 'step.completed', key: 'f/sum', at: [1], fingerprint: 'f', value: 0, ms: 1 }
  return [...items, last]
}

function msOf(work: () => unknown): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}
