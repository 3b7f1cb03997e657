/**
 * Removes runs that have ended, by what they are or by name, after archiving them where that is asked for.
 *
 * Owns: which runs, in which order, and slices small enough that nobody waits long. Does not own: how a run is removed (`JournalStore.remove`).
 * Invariants: all that was asked for is checked before anything is removed; a run is removed only after its archive is on disk; a run that has not ended, or that a
 * fork still reads, is never removed. On a crash each run is there whole, or gone whole; a run that was archived and not removed is archived again.
 */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared, is, type RunId } from '../primitives/index.ts'
import { Archive, type ArchivedRun } from './archive.ts'
import { everyRun } from './every-run.ts'
import { nextTurn } from './page.ts'
import { type CheckedCriteria, CRITERIA, checkCriteria, fits, givenCriteria, type RunCriteria } from './prune-criteria.ts'
import { hasEnded } from './status.ts'
import type { JournalStore, KeptRun, Removal, RunHead } from './store.port.ts'

export interface PruneOptions extends RunCriteria {
  /** These runs, and no other criterion. One that has not ended refuses all. */
  runs?: readonly string[] | undefined
  /** A folder: each run is written there, to a file of its own that `tutti import` takes, before it is removed. */
  archive?: string | undefined
  /** Says what would be removed; touches nothing, and archives nothing. */
  dryRun?: boolean | undefined
}

/** `last`: among the newest of `keepLast`. `damaged`: it cannot be read, so it cannot be archived. */
export type PruneKept = Omit<KeptRun, 'why'> & { readonly why: KeptRun['why'] | 'last' | 'damaged' }

export interface Pruned extends Omit<Removal, 'kept'> {
  readonly kept: readonly PruneKept[]
  /** Nothing was touched: this is what would be. */
  readonly dryRun: boolean
}

/** So far. */
export interface PruneProgress {
  readonly done: number
  readonly of: number
}

const OPTIONS: Declared<PruneOptions> = { ...CRITERIA, runs: is.list, archive: is.text, dryRun: is.flag }

/** One transaction holds at most so many runs, and a run more than so many entries. */
const SLICE_RUNS = 64
const SLICE_ENTRIES = 1_024

export interface PruneGround {
  /** Epoch ms. */
  readonly now: number
  /** Is told after each slice. */
  readonly see?: ((so: PruneProgress) => void) | undefined
  /** Ends it after the slice that is under way. */
  readonly signal?: AbortSignal | undefined
}

/** @throws CONFIG_INVALID | RUN_NOT_FOUND | RUN_NOT_FINISHED before anything is touched; JOURNAL_ARCHIVE_FAILED: what was not archived is still there */
export async function pruneRuns(store: JournalStore, o: PruneOptions, { now, see, signal }: PruneGround): Promise<Pruned> {
  const kept: PruneKept[] = []
  checkOptions('prune()', o, OPTIONS)
  const chosen = o.runs ? await named(store, o) : await chosenBy(store, checkCriteria(o, now), kept)
  const archive = o.archive === undefined || o.dryRun ? undefined : new Archive(o.archive)
  const removed: RunId[] = []
  let [entries, bytes, done] = [0, 0, 0]
  for (const slice of slicesOf(chosen)) {
    if (signal?.aborted) break
    const archived = archive ? await archiveAll(store, archive, slice, { kept, removed }) : slice
    const removal = await store.remove(idsOf(archived), { dryRun: o.dryRun })
    const stays = new Set(removal.kept.map(({ run }) => run))
    for (const head of archived) if (stays.has(head.run)) archive?.discard(head)
    removed.push(...removal.removed)
    kept.push(...removal.kept)
    entries += removal.entries
    bytes += removal.bytes
    done += slice.length
    see?.({ done, of: chosen.length })
    await nextTurn()
  }
  if (removed.length > 0 && !o.dryRun) await store.compact()
  return { removed, kept, entries, bytes, dryRun: o.dryRun === true }
}

const idsOf = (heads: readonly Chosen[]): RunId[] => heads.map(({ run }) => run)

/** What is remembered of each: there may be a million. */
type Chosen = ArchivedRun & Pick<RunHead, 'lastSeq'>
const chosenOf = ({ run, createdAt, lastSeq }: RunHead): Chosen => ({ run, createdAt, lastSeq })

async function named(store: JournalStore, o: PruneOptions): Promise<Chosen[]> {
  const others = givenCriteria(o)
  if (others.length > 0)
    throw new TuttiError('CONFIG_INVALID', `a prune names runs, and has ${others.join(', ')} besides`, { hint: 'Name the runs, or say what they are like.' })
  const heads: Chosen[] = []
  for (const run of new Set(o.runs)) {
    const head = await store.head(run as RunId)
    if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store; nothing was removed`, { data: { run } })
    if (!hasEnded(head.status))
      throw new TuttiError('RUN_NOT_FINISHED', `the run '${run}' is ${head.status}; nothing was removed`, { data: { run, status: head.status } })
    heads.push(chosenOf(head))
  }
  return heads
}

/** Oldest first, so that one that is interrupted has removed the oldest. */
async function chosenBy(store: JournalStore, o: CheckedCriteria, kept: PruneKept[]): Promise<Chosen[]> {
  const chosen: Chosen[] = []
  let last = o.keepLast ?? 0
  // The newest count, whatever their age; without them to count, younger runs need not be looked at.
  const before = last === 0 && Number.isFinite(o.cutoff) ? o.cutoff : undefined
  for await (const head of everyRun(store, { flow: o.flow, tenant: o.tenant, status: o.status, before })) {
    if (!fits(head, o)) continue
    const isOld = head.updatedAt < o.cutoff
    if (!hasEnded(head.status)) {
      if (isOld) kept.push({ run: head.run, why: 'not-ended' })
    } else if (last-- > 0) {
      if (isOld) kept.push({ run: head.run, why: 'last' })
    } else if (isOld) chosen.push(chosenOf(head))
  }
  return chosen.reverse()
}

function* slicesOf(heads: readonly Chosen[]): Generator<readonly Chosen[]> {
  let slice: Chosen[] = []
  let entries = 0
  for (const head of heads) {
    if (slice.length === SLICE_RUNS || (slice.length > 0 && entries + head.lastSeq > SLICE_ENTRIES)) {
      yield slice
      slice = []
      entries = 0
    }
    slice.push(head)
    entries += head.lastSeq
  }
  if (slice.length > 0) yield slice
}

/** Those that are on disk now. A damaged run cannot be, and is kept. @throws JOURNAL_ARCHIVE_FAILED */
async function archiveAll(
  store: JournalStore,
  archive: Archive,
  heads: readonly Chosen[],
  so: { readonly kept: PruneKept[]; readonly removed: readonly RunId[] },
): Promise<Chosen[]> {
  const archived: Chosen[] = []
  for (const head of heads) {
    try {
      await archive.add(store, head)
      archived.push(head)
    } catch (error) {
      if (!TuttiError.is(error)) throw error
      if (error.code === 'RUN_NOT_FOUND') so.kept.push({ run: head.run, why: 'not-found' })
      else if (error.code === 'JOURNAL_CORRUPT' || error.code === 'JOURNAL_NEWER') so.kept.push({ run: head.run, why: 'damaged' })
      else throw stopped(error, head.run, so.removed.length)
    }
  }
  archive.sync()
  return archived
}

function stopped(cause: TuttiError, run: RunId, removed: number): TuttiError {
  if (cause.code !== 'JOURNAL_ARCHIVE_FAILED') return cause
  return new TuttiError('JOURNAL_ARCHIVE_FAILED', `the run '${run}' could not be archived, so it was not removed, nor what came behind it: ${cause.message}`, {
    data: { ...(cause.data as object), run, removed },
    cause,
  })
}
