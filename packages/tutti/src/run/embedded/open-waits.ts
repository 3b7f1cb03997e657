/** The waits of a run, as its record tells of them, whoever drives it. */

import type { Entry, OpenWait } from '../../journal/index.ts'
import type { WaitOp } from '../engine.port.ts'
import { ownSignal } from '../own-signal.ts'
import type { Doubt } from './ground.port.ts'

interface RecordedWaits {
  readonly open: readonly OpenWait[]
  /** By the key of a wait that is over: the message that answered it; absent when its time ran out. */
  readonly over: ReadonlyMap<string, string | undefined>
  /** Ids of the signals that the record holds. */
  readonly received: ReadonlySet<string>
}

export async function waitsIn(record: AsyncIterable<Entry> | Iterable<Entry>): Promise<RecordedWaits> {
  const open = new Map<string, OpenWait>()
  const over = new Map<string, string | undefined>()
  const received = new Set<string>()
  for await (const entry of record) {
    // What an earlier version waited for is waited for once the present one asks again.
    if (entry.type === 'run.patched' && entry.to !== undefined) open.clear()
    if (entry.type === 'signal.awaited') {
      const { signal, key, until, data } = entry
      open.set(key, { signal, key, until, data })
      continue
    }
    if (entry.type === 'signal.refused') received.add(entry.id)
    if (entry.type !== 'signal.received' && entry.type !== 'timer.fired') continue
    const id = entry.type === 'signal.received' ? entry.id : undefined
    if (id !== undefined) received.add(id)
    if (entry.key !== undefined && open.delete(entry.key)) over.set(entry.key, id)
  }
  return { open: [...open.values()], over, received }
}

/** The signals that an activation waits for. */
export function waitsOf({ waits }: { readonly waits: ReadonlyMap<string, WaitOp> }): readonly OpenWait[] {
  return [...waits.values()].map(({ signal, key, until, data }) => ({ signal, key, until, data }))
}

/** What an activation that rests waits for: signals, people who know what became of an effect, and grants. */
export function restsFor(of: {
  readonly waits: ReadonlyMap<string, WaitOp>
  readonly doubts: ReadonlyMap<string, Doubt>
  readonly room: { readonly waiting: readonly OpenWait[] }
}): readonly OpenWait[] {
  const doubted = [...of.doubts].map(([key, { data }]) => ({ signal: ownSignal.resolve, key, data }))
  return [...waitsOf(of), ...doubted, ...of.room.waiting]
}
