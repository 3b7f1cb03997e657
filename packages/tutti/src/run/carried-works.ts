/**
 * The record of a run that was carried over, told of its works: every entry stands under the key of the work it speaks of.
 *
 * What a version took over is that work still, in its old place and under the key it has now. What was asked under one key with two inputs is two works: the earlier one is
 * called as nobody asks for it. A record that was never carried over reads as it is. Costs linear time.
 */
import type { Entry } from '../journal/index.ts'
import { type Era, erasOf, nameAfter, under } from './carried-record.ts'

/** @param asked what the present version asked for, by key; the record need not hold it */
export function worksIn(record: readonly Entry[], asked: ReadonlyMap<string, { readonly fingerprint: string }>): readonly Entry[] {
  const eras = erasOf(record)
  if (eras.length === 1) return record
  /** Where the outcome stands that an entry only says again. */
  const origins = new Map<number, number>()
  let told: readonly Entry[] = []
  eras.forEach((era, i) => {
    if (era.mark) told = under(nameAfter(era.mark), told)
    const inputs = fingerprintsIn(era.entries)
    if (i === eras.length - 1) for (const [key, { fingerprint }] of asked) inputs.set(key, fingerprint)
    const names = namesIn(told, era, inputs, origins)
    if (names.size > 0) told = under((key) => names.get(key) ?? key, told)
    told = [...told, ...era.entries.filter((entry) => !saidAgain(entry))]
  })
  return told
}

const saidAgain = (entry: Entry): number | undefined => ('reused' in entry ? entry.reused?.seq : undefined)

/** What was done before an era, where it is not called there as it was. */
function namesIn(
  told: readonly Entry[],
  { mark, entries }: Era,
  inputs: ReadonlyMap<string, string>,
  origins: Map<number, number>,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const keys = new Map(told.flatMap((entry) => ('key' in entry && entry.key !== undefined ? [[entry.seq, entry.key] as const] : [])))
  const taken = new Set(keys.values())
  for (const [key, fingerprint] of fingerprintsIn(told)) {
    if ((inputs.get(key) ?? fingerprint) === fingerprint) continue
    let apart = `${key}~${mark?.from}`
    while (taken.has(apart)) apart += '~'
    names.set(key, apart)
  }
  for (const entry of entries) {
    const again = saidAgain(entry)
    if (again === undefined || !('key' in entry) || entry.key === undefined) continue
    const origin = origins.get(again) ?? again
    origins.set(entry.seq, origin)
    const key = keys.get(origin)
    if (key !== undefined) names.set(key, entry.key)
  }
  return names
}

/** By key: what it was last asked with. */
function fingerprintsIn(entries: readonly Entry[]): Map<string, string> {
  return new Map(
    entries.flatMap((entry) => ('key' in entry && 'fingerprint' in entry && entry.fingerprint !== undefined ? [[entry.key, entry.fingerprint] as const] : [])),
  )
}
