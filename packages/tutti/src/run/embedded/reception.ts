/** What becomes of a signal that is sent, as its sender is told. */
import type { Entry, InboxMessage, OpenWait } from '../../journal/index.ts'
import type { Reception } from '../handle.port.ts'
import { waitsIn } from './open-waits.ts'

/** @param open the waits that are known; where they hold none for it, the record is read */
export async function receptionOf(
  { id, signal, key }: Extract<InboxMessage, { type: 'signal' }>,
  open: readonly OpenWait[],
  record: () => AsyncIterable<Entry>,
): Promise<Reception> {
  const isForIt = (wait: OpenWait): boolean => (key === undefined ? wait.signal === signal : wait.key === key)
  if (open.some(isForIt)) return 'delivered'
  const waits = await waitsIn(record())
  if (waits.received.has(id)) return 'duplicate'
  if (key !== undefined && waits.over.has(key)) return 'late'
  return waits.open.some(isForIt) ? 'delivered' : 'early'
}
