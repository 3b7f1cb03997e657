/** Which blobs an entry or a message names: what a store counts as used, and what an export takes along. */
import { type Entry, isBlobRef, type Value } from './entry.ts'
import type { InboxMessage } from './store.port.ts'

const holders = ['input', 'output', 'partial', 'value', 'data'] as const
type Holder = { readonly [F in (typeof holders)[number]]?: Value }

/** The hashes of the blobs that hold values of an entry or a message. */
export function blobsOf(holder: Entry | InboxMessage): readonly string[] {
  // What a wait shows and what a compaction notes is JSON in place, never a reference.
  if (holder.type === 'signal.awaited' || holder.type === 'thread.compacted') return none
  let hashes = none
  for (const field of holders) {
    const value = (holder as Holder)[field]
    if (isBlobRef(value)) hashes = [...hashes, value['~blob']]
  }
  return hashes
}

const none: readonly string[] = []
