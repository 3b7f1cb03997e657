/**
 * The check that every row of a journal file carries: SQLite itself does not notice a bit that changed on the disk.
 *
 * A CRC-32, begun from where the row belongs, so that a row found in another place is refused as well. Any single flipped bit is found, and all but one in
 * four thousand million of greater damage. It is no seal against people: whoever can write the file can compute it. Blobs need none, they are named by their hash.
 */
import { crc32 } from 'node:zlib'
import { TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'

/** Of the text of an entry; `run` is the number of its run in the file. Signed, because SQLite then keeps it in four bytes. */
export const entryCheck = (run: number, seq: number, body: string | Uint8Array): number => crc32(body, (Math.imul(run, 0x9e3779b1) ^ seq) >>> 0) | 0

/** Of a message in an inbox, the `n`th of its run that is open. One that was taken has neither: its id is all that is left. */
export const letterCheck = (run: number, id: string, n: number | null, body: string | null): number => crc32(`${id}\n${n}\n${body}`, run >>> 0) | 0

/** Of the line of a run: all that is in it, in the order of its columns. */
export const headCheck = (values: readonly (string | number | null)[]): number => crc32(JSON.stringify(values)) | 0

/** @throws JOURNAL_CORRUPT always: the row of `run` does not hold what was written. */
export function damagedRow(run: RunId, what: 'line' | 'inbox', fault: string): TuttiError<'JOURNAL_CORRUPT'> {
  const message = `the ${what} of run '${run}' ${fault}`
  return new TuttiError('JOURNAL_CORRUPT', message, { data: { run, what } })
}
