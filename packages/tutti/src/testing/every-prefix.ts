/** What a crash may leave: a run, gone on with from every prefix of its journal. */
import { type Entry, isTerminal } from '../journal/index.ts'
import type { AnyFlow } from '../run/index.ts'
import { type Driven, resumeRun } from './driven-run.ts'
import { type Journal, seedJournal } from './failpoint-store.ts'

type DriveOptions = NonNullable<Parameters<typeof resumeRun>[3]>

export interface GoneOn extends Driven {
  /** What the crash left. */
  readonly left: readonly Entry[]
}

/** Goes on from every prefix that a process which ended there would have left, each in a store and an engine of its own. */
export async function fromEveryPrefix(
  journal: Journal,
  flow: AnyFlow,
  options: (left: readonly Entry[]) => DriveOptions = () => ({}),
): Promise<readonly GoneOn[]> {
  const gone: GoneOn[] = []
  const end = journal.entries.findIndex(isTerminal)
  for (let length = 1; length <= end; length++) {
    const left = journal.entries.slice(0, length)
    const store = await seedJournal(journal, length)
    gone.push({ left, ...(await resumeRun(store, flow, journal.run, options(left))) })
  }
  return gone
}

/** The keys whose outcome is in these entries. */
export const doneIn = (entries: readonly Entry[]): readonly string[] => entries.flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : []))
