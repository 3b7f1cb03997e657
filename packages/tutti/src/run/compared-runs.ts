/** Two runs of a store side by side. Large values are read where they differ. */
import { isBlobRef, type JournalStore, type Value } from '../journal/index.ts'
import type { Json } from '../primitives/index.ts'
import { diffRuns, inPlace } from './diff.ts'
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
  const texts = await blobsOf(store, wanted)
  if (texts.size === 0) return brief
  return diffRuns(before, after, (value) => inPlace(value) ?? (isBlobRef(value) ? texts.get(value['~blob']) : undefined))
}

async function blobsOf(store: JournalStore, values: readonly (Value | undefined)[]): Promise<ReadonlyMap<string, Json>> {
  const loaded = new Map<string, Json>()
  for (const value of values) {
    if (!isBlobRef(value) || loaded.has(value['~blob'])) continue
    loaded.set(value['~blob'], JSON.parse(await store.blob(value['~blob'])) as Json)
  }
  return loaded
}
