/** Recorded values at hand: those in place, and large ones that were read beforehand. */
import { isBlobRef, type JournalStore, type Value } from '../journal/index.ts'
import type { Json } from '../primitives/index.ts'

/** The JSON of a recorded value; `undefined` where it is not at hand. */
export type LoadedValue = (value: Value) => Json | undefined

/** Values in place; large ones are not at hand. */
export const inPlace: LoadedValue = (value) => (isBlobRef(value) ? undefined : value)

/** With the large ones among these; `undefined` where none is. @throws JOURNAL_CORRUPT */
export async function loadValues(store: JournalStore, values: Iterable<Value | undefined>): Promise<LoadedValue | undefined> {
  const loaded = new Map<string, Json>()
  for (const value of values) {
    if (!isBlobRef(value) || loaded.has(value['~blob'])) continue
    loaded.set(value['~blob'], JSON.parse(await store.blob(value['~blob'])) as Json)
  }
  return loaded.size === 0 ? undefined : (value) => (isBlobRef(value) ? loaded.get(value['~blob']) : value)
}
