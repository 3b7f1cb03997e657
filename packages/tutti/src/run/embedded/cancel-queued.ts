/** A run that has not begun is ended without its flow: it holds nothing, so it need not wait for its queue to let it through. */
import type { Entry, InboxMessage, JournalStore, RunHead } from '../../journal/index.ts'
import { newOwner } from './owner.ts'

/** Long enough for one commit; should the process end meanwhile, whoever comes next finds the message in the inbox. */
const LEASE_MS = 1_000

const noUsage = { usd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0, activeMs: 0 }

/** Answers the entries that end the run; `undefined` when it has begun in the meantime, and takes the message as every run does. */
export async function cancelQueued(
  store: JournalStore,
  { run, lastSeq }: RunHead,
  { id, reason }: Extract<InboxMessage, { type: 'cancel' }>,
  now: number,
): Promise<readonly Entry[] | undefined> {
  // An owner of its own: this process may be beginning the run at this moment, and its lease must stand in the way.
  const lease = await store.acquire(run, newOwner(), now, now + LEASE_MS)
  if (!lease) return undefined
  const hasBegun = (await store.head(run))?.lastSeq !== lastSeq
  const entries: readonly Entry[] = [
    { seq: lastSeq + 1, time: now, type: 'run.cancelling', reason },
    { seq: lastSeq + 2, time: now, type: 'run.cancelled', reason, usage: noUsage },
  ]
  const end = { entries, head: { status: 'cancelled' }, taken: [id] } as const
  await store.append({ run, epoch: lease.epoch, release: true, ...(hasBegun ? { entries: [] } : end) })
  return hasBegun ? undefined : entries
}
