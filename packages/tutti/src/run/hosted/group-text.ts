/**
 * A group as the log of an engine holds it.
 *
 * Layout: a line of JSON, with all that the group says besides its entries and blobs, how many entries there are, and the hashes of the blobs; then each entry in a line,
 * in the text that a journal keeps (`journal/codec.ts`), so that what goes to the log and what goes to the store is written once; then the text of each blob.
 * All of these are written by `JSON.stringify`, and hold no line break. A text whose first line has `entries` in it is one of a tutti before 0.2, and is all JSON.
 */
import { type BlobPair, corruptEntry, type Entry, entryText, parseEntry } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import type { Group } from './group.port.ts'

interface Header extends Omit<Group, 'entries' | 'lines' | 'blobs'> {
  /** The `seq` of the first entry, and how many there are. */
  readonly from?: readonly [seq: number, count: number] | undefined
  readonly hashes?: readonly string[] | undefined
}
interface Older extends Omit<Group, 'lines'> {
  readonly from?: undefined
}

/** The entries as a journal keeps them. */
export const linesOf = ({ entries, lines }: Group): readonly string[] => lines ?? entries.map(entryText)

export function groupText(group: Group): string {
  const { entries, blobs = [], taken, head, rest, over } = group
  const from = entries[0] && ([entries[0].seq, entries.length] as const)
  const header: Header = { from, hashes: blobs.length > 0 ? blobs.map(([hash]) => hash) : undefined, taken, head, rest, over }
  return [JSON.stringify(header), ...linesOf(group), ...blobs.map(([, text]) => text)].join('\n')
}

/** @throws JOURNAL_CORRUPT | JOURNAL_NEWER */
export function parseGroup(text: string, run: RunId): Group {
  const [first = '', ...others] = text.split('\n')
  const header = JSON.parse(first) as Header | Older
  if ('entries' in header) return header
  const { from: [seq, count] = [0, 0], hashes = [], ...rest } = header
  if (others.length !== count + hashes.length) throw corruptEntry(run, seq, `is in a group of ${others.length} lines, not ${count + hashes.length}`)
  const lines = others.slice(0, count)
  const entries: readonly Entry[] = lines.map((line, i) => parseEntry(line, run, seq + i))
  const blobs = hashes.map((hash, i): BlobPair => [hash, others[count + i] as string])
  return { ...rest, entries, lines, blobs: blobs.length > 0 ? blobs : undefined }
}
