/** Two runs of a store side by side. Large values are read where they differ. */
import type { JournalStore } from '../journal/index.ts'
import { diffRuns } from './diff.ts'
import { loadValues } from './loaded-value.ts'
import { readRun } from './read-run.ts'
import { recordedSteps, valueGiven } from './recorded-step.ts'
import type { RunDiff } from './run-diff.port.ts'

/** Of so many steps whose large values differ, these are read. */
const MOST_READ = 100

/** @throws RUN_NOT_FOUND | JOURNAL_CORRUPT */
export async function compareRuns(store: JournalStore, a: string, b: string): Promise<RunDiff> {
  const [before, after] = [await readRun(store, a), await readRun(store, b)]
  const brief = diffRuns(before, after)
  const ends = [...before, ...after].map((entry) => (entry.type === 'run.completed' ? entry.output : entry.type === 'run.started' ? entry.input : undefined))
  const differing = brief.steps.filter(({ values = [] }) => values.length > 0).slice(0, MOST_READ)
  const sides = [recordedSteps(before), recordedSteps(after)]
  const given = differing.flatMap(({ key }) => sides.map((steps) => steps.get(key)).map((step) => step && valueGiven(step)))
  const wanted = [...given, ...(brief.input.length + brief.output.length > 0 ? ends : [])]
  const load = await loadValues(store, wanted)
  return load ? diffRuns(before, after, load) : brief
}
