/** Why a run stands still until a person goes on with it. */
import type { EntryOf, JournalStore, RunHead } from '../journal/index.ts'
import { inOneLine } from './paint.ts'

/** What was under way may still be settled after the run was suspended, but not much. */
const LAST_ENTRIES = 16

/** The entry that says so; nothing of a run that does not stand still. */
export async function suspensionOf(store: JournalStore, { run, status, lastSeq }: RunHead): Promise<EntryOf<'run.suspended'> | undefined> {
  if (status !== 'suspended') return undefined
  let last: EntryOf<'run.suspended'> | undefined
  for await (const entry of store.read(run, { after: Math.max(0, lastSeq - LAST_ENTRIES) })) if (entry.type === 'run.suspended') last = entry
  return last
}

/** `paused: the bank is closed`, `JOURNAL_DIVERGED: …`. */
export function saySuspension({ why, reason, error }: Pick<EntryOf<'run.suspended'>, 'why' | 'reason' | 'error'>): string {
  if (error) return inOneLine(`${error.code}: ${error.message}`)
  return reason ? `${why}: ${inOneLine(reason)}` : why
}
