/**
 * Sources into an index, a little at a time.
 *
 * Owns what is new, changed, unchanged and gone. Does not own the order of the work, nor what is recorded of it: that is the flow in `ingest-flow.ts`.
 * Invariants: N1 a document is taken in whole or not at all; N2 what fails keeps what the index had of it, and is tried again the next time;
 * N3 a document goes only when every place it was found under was looked at and does not hold it any more; N4 taking in twice changes nothing.
 */
import { TuttiError } from '../errors/index.ts'
import type { SkippedFile } from './document.ts'
import { type LoadOptions, load, loadBytes } from './load.ts'
import type { Partition } from './partition.ts'
import { type Scanned, type ScanOptions, scan } from './scan.ts'
import { type SplitOptions, split } from './split.ts'

export interface IngestOptions extends LoadOptions, ScanOptions {
  readonly split?: SplitOptions | undefined
}

/** A file that was found, compared with what the index has. */
export interface FoundFile {
  readonly source: string
  readonly hash: string
  readonly state: 'added' | 'changed' | 'unchanged'
  /** Positions in `origins` of the survey: where it was found. */
  readonly found: readonly number[]
}

export interface Survey {
  readonly origins: readonly string[]
  readonly files: readonly FoundFile[]
  readonly skipped: readonly SkippedFile[]
}

export interface IngestReport {
  added: number
  changed: number
  removed: number
  unchanged: number
  skipped: SkippedFile[]
  /** Chunks that a provider's model embedded, where one does. */
  embedded?: number | undefined
}

/**
 * Looks at the sources and compares them with the index. Reads every file, writes nothing.
 * @throws RETRIEVAL_UNREADABLE for a place that does not exist; RETRIEVAL_EMPTY where nothing is found and nothing ever was
 */
export async function survey(partition: Partition, from: readonly string[], o: IngestOptions = {}): Promise<Survey> {
  const places = await Promise.all(from.map((place) => scan(place, { root: o.root, everything: o.everything })))
  const files: FoundFile[] = []
  const skipped: SkippedFile[] = []
  for (const [source, found] of sourcesOf(places, partition)) {
    const loaded = await loadBytes(source, o)
    const known = partition.hash(source)
    const hash = 'hash' in loaded ? loaded.hash : known
    if ('skipped' in loaded) skipped.push(loaded.skipped)
    // A file that cannot be read is still there: what the index has of it stays.
    if (hash !== undefined) files.push({ source, hash, state: known === undefined ? 'added' : known === hash ? 'unchanged' : 'changed', found })
  }
  return { origins: places.map(({ origin }) => origin), files, skipped }
}

/** Each source once, with the positions of the places it was found under. */
function sourcesOf(places: readonly Scanned[], partition: Partition): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const [i, { origin, sources }] of places.entries()) {
    if (sources.length === 0 && !partition.knows(origin))
      throw new TuttiError('RETRIEVAL_EMPTY', `nothing to read was found in ${origin === '' ? 'the working directory' : origin}`, { data: { from: origin } })
    for (const source of sources) found.set(source, [...(found.get(source) ?? []), i])
  }
  return found
}

/** Takes one file in, or says why not. Does nothing when the index has it already. */
export async function takeIn(
  partition: Partition,
  file: FoundFile,
  origins: readonly string[],
  o: IngestOptions = {},
): Promise<{ readonly skipped?: SkippedFile | undefined }> {
  const places = file.found.flatMap((i) => origins[i] ?? [])
  if (partition.hash(file.source) === file.hash) {
    for (const origin of places) partition.link(origin, [file.source])
    return {}
  }
  const loaded = await load(file.source, { root: o.root, maxBytes: o.maxBytes })
  if ('skipped' in loaded) return loaded
  partition.put(loaded.document, split(loaded.document, o.split), places)
  return {}
}

/** Notes what did not change, and takes out what is gone from the places that were looked at. Returns how many documents went. */
export function takeOut(partition: Partition, { origins, files }: Pick<Survey, 'origins' | 'files'>): number {
  let removed = 0
  for (const [i, origin] of origins.entries()) {
    const here = files.filter(({ found }) => found.includes(i))
    partition.link(
      origin,
      here.filter(({ state }) => state === 'unchanged').map(({ source }) => source),
    )
    removed += partition.removeGone(origin, new Set(here.map(({ source }) => source)))
  }
  if (removed > 0 || files.some(({ state }) => state === 'changed')) partition.sweepVectors()
  return removed
}
