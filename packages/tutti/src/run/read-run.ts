import { TuttiError } from '../errors/index.ts'
import type { Entry, JournalStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'

/** The whole journal of a run. @throws RUN_NOT_FOUND */
export async function readRun(store: JournalStore, run: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const entry of store.read(run as RunId)) entries.push(entry)
  if (entries.length === 0) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })
  return entries
}
