/** Entries and values as the text a store keeps, and back, with everything checked that a reader relies on. */
import { TuttiError } from '../errors/index.ts'
import { hash128, type Json, type RunId } from '../primitives/index.ts'
import { type BlobRef, type Entry, type EntryOf, type EntryType, isBlobRef, JOURNAL_FORMAT, type Value } from './entry.ts'
import { lengthen, shorten } from './short-names.ts'

/** Bytes of JSON text up to which a value stays in its entry. */
export const INLINE_BYTES = 1024

type Written = 'type' | 'seq' | 'time'
const required: { readonly [T in EntryType]: readonly Exclude<keyof EntryOf<T>, Written>[] } = {
  'run.started': ['format', 'run', 'flow', 'version', 'scope', 'input'],
  'run.completed': ['output', 'usage'],
  'run.failed': ['error', 'usage'],
  'run.cancelling': ['reason'],
  'run.cancelled': ['reason', 'usage'],
  'run.suspended': ['why'],
  'run.resumed': ['owner', 'epoch'],
  'run.forked': ['from'],
  'run.patched': ['id'],
  'step.started': ['key', 'at', 'fingerprint', 'attempt'],
  'step.completed': ['key', 'value'],
  'step.failed': ['key', 'attempt', 'error', 'final'],
  'step.doubted': ['key', 'attempt', 'why'],
  'step.resolved': ['key', 'attempt', 'by', 'verdict'],
  'step.compensated': ['key'],
  'budget.settled': ['key', 'attempt', 'settle'],
  'budget.granted': ['key', 'more'],
  'budget.exhausted': ['key', 'account', 'limit', 'allowed', 'taken', 'asked'],
  'timer.set': ['key', 'at', 'fingerprint', 'fireAt'],
  'timer.fired': ['key'],
  'signal.awaited': ['key', 'at', 'fingerprint', 'signal'],
  'signal.received': ['signal', 'id', 'value'],
  'signal.refused': ['key', 'signal', 'id', 'error', 'value'],
  'thread.compacted': ['key', 'data'],
  note: ['key', 'at', 'fingerprint'],
}

/** The line of a journal: one JSON object, with short names, without its `seq`. */
export const entryText = (entry: Entry): string => JSON.stringify(shorten(entry))

/**
 * The entry that a line holds.
 * @throws JOURNAL_CORRUPT when it is not the whole entry `seq` of this run; JOURNAL_NEWER when its type or format is not known here.
 */
export function parseEntry(text: string, run: RunId, seq: number): Entry {
  const entry = lengthen(parseObject(text, run, seq), seq)
  const type = entry.type
  if (typeof type !== 'string') throw corruptEntry(run, seq, "has no 'type'")
  if (!Object.hasOwn(required, type)) throw newerEntry(run, seq, `is of type '${type}'`)
  if (typeof entry.time !== 'number') throw corruptEntry(run, seq, "has no 'time'")
  for (const field of required[type as EntryType]) if (entry[field] === undefined) throw corruptEntry(run, seq, `is a '${type}' without '${field}'`)
  if (type === 'run.started' && entry.format !== JOURNAL_FORMAT) throw newerEntry(run, seq, `is of format ${String(entry.format)}`)
  return entry as unknown as Entry
}

/** @throws JOURNAL_CORRUPT: what `run` holds at `seq` cannot be what was written. */
export function corruptEntry(run: RunId, seq: number, fault: string, cause?: unknown): TuttiError<'JOURNAL_CORRUPT'> {
  return new TuttiError('JOURNAL_CORRUPT', `entry ${seq} of run '${run}' ${fault}`, { data: { run, seq }, cause })
}

function newerEntry(run: RunId, seq: number, fault: string): TuttiError<'JOURNAL_NEWER'> {
  return new TuttiError('JOURNAL_NEWER', `entry ${seq} of run '${run}' ${fault}, which this version of tutti does not know`, { data: { run, seq } })
}

function parseObject(text: string, run: RunId, seq: number): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw corruptEntry(run, seq, 'is not JSON', cause)
  }
  if (typeof value !== 'object' || value === null) throw corruptEntry(run, seq, 'is not an object')
  return value as Record<string, unknown>
}

/** What an entry holds of a value, and, when the value is too large to stay in it, the blob to append beside: `[hash, text]`. */
export interface SplitValue {
  readonly value: Value
  readonly blob?: readonly [hash: string, text: string] | undefined
}

/** A value stays in place up to 1 KiB of text. One that looks like a reference itself always becomes a blob. */
export function splitValue(json: Json): SplitValue {
  if (json === null || typeof json === 'boolean' || typeof json === 'number') return { value: json }
  const text = JSON.stringify(json)
  const small = text.length * 3 <= INLINE_BYTES || Buffer.byteLength(text) <= INLINE_BYTES
  if (small && !isBlobRef(json)) return { value: json }
  const hash = hash128(text)
  const reference: BlobRef = { '~blob': hash, bytes: Buffer.byteLength(text) }
  return { value: reference, blob: [hash, text] }
}

/** The JSON that an entry's value stands for; `blob` is the store's. @throws JOURNAL_CORRUPT */
export async function joinValue(value: Value, blob: (hash: string) => Promise<string>): Promise<Json> {
  if (!isBlobRef(value)) return value
  const hash = value['~blob']
  const text = await blob(hash)
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new TuttiError('JOURNAL_CORRUPT', `blob '${hash}' is not JSON`, { data: { blob: hash }, cause })
  }
}

/** The text, if it is the one its hash names. @throws JOURNAL_CORRUPT */
export function checkBlob(hash: string, text: string | undefined): string {
  if (text === undefined) throw new TuttiError('JOURNAL_CORRUPT', `blob '${hash}' is missing`, { data: { blob: hash } })
  if (hash128(text) !== hash) throw new TuttiError('JOURNAL_CORRUPT', `blob '${hash}' does not hold the text it was written with`, { data: { blob: hash } })
  return text
}
