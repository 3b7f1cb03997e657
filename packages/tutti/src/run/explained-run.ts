/** Why an output of a run in a store came to be. Large values are read where they are shown. */
import type { JournalStore } from '../journal/index.ts'
import { loadValues } from './loaded-value.ts'
import { readRun } from './read-run.ts'
import { recordedSteps, valueGiven } from './recorded-step.ts'
import type { RunWhy } from './run-why.port.ts'
import { whyOf } from './why.ts'

/** Of a chain longer than that, large values are not read. */
const MOST_READ = 200

/** @param step a key; left out, the end of the run. @throws RUN_NOT_FOUND | RUN_STEP_NOT_FOUND | JOURNAL_CORRUPT */
export async function explainRun(store: JournalStore, run: string, step?: string): Promise<RunWhy> {
  const record = await readRun(store, run)
  const brief = whyOf(record, step)
  const steps = recordedSteps(record)
  const shown = brief.time.path.slice(0, MOST_READ).map(({ key }) => steps.get(key))
  const load = await loadValues(
    store,
    shown.map((each) => each && valueGiven(each)),
  )
  return load ? whyOf(record, step, load) : brief
}
