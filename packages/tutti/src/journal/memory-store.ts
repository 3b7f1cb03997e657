/**
 * Journals in memory: the same group commit, fencing and paging as on disk, and nothing left when the process ends.
 *
 * Owns: the books (`memory-books.ts`). Does not own: what entries mean.
 * Invariants: I1 in form (an append resolves in a later turn of the event loop, never at once), I2, I10. Entries are kept as text, so that
 * a reader gets a copy and a test finds what would not survive a disk.
 * On a crash everything is gone: for tests and scripts. `close` keeps what was written, so that the store can be opened again.
 */
import type { RunId } from '../primitives/index.ts'
import { checkBlob, parseEntry } from './codec.ts'
import { CommitQueue } from './commit-queue.ts'
import type { Entry } from './entry.ts'
import { appendJob, type Created, createJob, postJob, removedMeanwhile, type WriteGroup } from './job.ts'
import { memoryLimits } from './limit-window.ts'
import { copyHead, MemoryBooks } from './memory-books.ts'
import { nextTurn, READ_PAGE } from './page.ts'
import type { Admitted, InboxMessage, JournalStore, Lease, Removal } from './store.port.ts'

/** A store that lives as long as this process, for tests and for scripts that need no durability. */
export function memoryStore(): JournalStore {
  const books = new MemoryBooks()
  return booksStore(
    () => books,
    (jobs) => books.write(jobs),
  )
}

/** A store over books that somebody else keeps, and that are written to by `write`. */
export function booksStore(current: () => MemoryBooks, write: WriteGroup): JournalStore {
  const queue = new CommitQueue(write)
  const watchers = new Set<() => void>()
  const tellWatchers = (): void => {
    for (const changed of watchers) changed()
  }

  async function* read(run: RunId, { after = 0 }: { readonly after?: number | undefined } = {}): AsyncGenerator<Entry> {
    queue.forgive(run)
    const bodies = current().runs.get(run)?.bodies ?? []
    for (let i = after; i < bodies.length; i++) {
      if ((i - after) % READ_PAGE === 0) await nextTurn()
      if (current().runs.get(run)?.bodies !== bodies) throw removedMeanwhile(run)
      yield parseEntry(bodies[i] as string, run, i + 1)
    }
  }

  return {
    '~store': 'memory',
    limits: memoryLimits(),
    open: async () => {},
    create: async (start) => {
      queue.forgive(start.run)
      return (await queue.submit<Created>(createJob(start))) as Created & { created: true }
    },
    append: async (commit) => queue.submit<string | undefined>(appendJob(commit)),
    accounts: async (filter = {}) => current().accounts.list(filter),
    read,
    blob: async (hash) => checkBlob(hash, current().blobs.get(hash)),
    head: async (run) => {
      const book = current().runs.get(run)
      return book && copyHead(book.head)
    },
    list: async (filter = {}) => current().list(filter).map(copyHead),
    acquire: async (run, owner, now, until) => queue.submit<Lease | undefined>({ op: 'acquire', run, owner, now, until }),
    admit: async (admission) => queue.submit<Admitted>({ op: 'admit', ...admission }),
    place: async (run) => current().queue.place(run),
    renew: async (leases, until) => queue.submit<readonly RunId[]>({ op: 'renew', leases: [...leases], until }),
    post: async (run, message) => {
      const answer = await queue.submit<'posted' | 'duplicate'>(postJob(run, message))
      if (answer === 'posted') tellWatchers()
      return answer
    },
    inbox: async (run) =>
      [...(current().runs.get(run)?.inbox.values() ?? [])].filter((body) => body !== undefined).map((body) => JSON.parse(body) as InboxMessage),
    due: async (flows, now, limit) => current().due(flows, now, limit).map(copyHead),
    unheard: async (flows, limit) => current().unheard(flows, limit).map(copyHead),
    schedules: async () => structuredClone([...current().schedules.values()]),
    keepSchedule: async (name, change) => {
      await queue.submit<undefined>({ op: 'keep-schedule', name, change: structuredClone(change) })
      tellWatchers()
    },
    dropSchedule: async (name) => {
      const wasThere = await queue.submit<boolean>({ op: 'drop-schedule', name })
      tellWatchers()
      return wasThere
    },
    remove: async (runs, { dryRun = false, force = false } = {}) => queue.submit<Removal>({ op: 'remove', runs: [...runs], dryRun, force }),
    shred: async (subject, step) => queue.submit<number>({ op: 'shred', subject, step }),
    compact: async () => {},
    watch: (changed) => {
      const watcher = (): void => changed()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    close: () => queue.idle(),
  }
}
