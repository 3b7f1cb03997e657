/** Runs and entries for the tests of stores: each entry's content says which one it is. */
import type { Entry, JournalStore, NewRun } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'

const scope = { tenant: 'acme', user: 'ada' }
/** When the sample run began (epoch ms). */
export const NOW = 1_000_000
/** Entry 1 of a run. */
export const started = (run: RunId, input: string | number = 1): Entry => ({
  seq: 1,
  time: NOW,
  type: 'run.started',
  format: 1,
  run,
  flow: 'desk',
  version: '1',
  scope,
  input,
})
/** An entry whose content says which one it is. */
export const patched = (seq: number, id = `patch ${seq}`): Entry => ({ seq, time: NOW + seq, type: 'run.patched', id })
export const patches = (from: number, to: number): Entry[] => Array.from({ length: to - from + 1 }, (_, i) => patched(from + i))

/** A run with one entry, held by `owner` until NOW + 1,000 unless told otherwise. */
export function newRun(name: string, over: Partial<NewRun> = {}): NewRun {
  const run = name as RunId
  return {
    run,
    flow: 'desk',
    version: '1',
    scope,
    createdAt: NOW,
    startHash: hash128(name),
    labels: { team: 'support' },
    entries: [started(run)],
    lease: { owner: 'one', until: NOW + 1_000 },
    ...over,
  }
}

export async function readAll(store: JournalStore, run: string, after?: number): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of store.read(run as RunId, after === undefined ? undefined : { after })) entries.push(entry)
  return entries
}
