/** Stores that fail where a test says so, and stores that hold a journal cut short. */
import { TuttiError } from '../errors/index.ts'
import { type Commit, type Entry, type EntryOf, isBlobRef, type JournalStore, memoryStore } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'

/** What becomes of an append: it goes through, it is refused, or it is never answered (as when the process or the machine goes down). */
export type Fate = 'write' | 'refuse' | 'vanish'

/** `store`, with `fate` asked before each append; once one has vanished, so does everything after it. */
export function failpointStore(store: JournalStore, fate: (commit: Commit) => Fate): JournalStore {
  let down = false
  const append = (commit: Commit): Promise<string | undefined> => {
    const answer = down ? 'vanish' : fate(commit)
    if (answer === 'write') return store.append(commit)
    if (answer === 'refuse') return Promise.reject(new TuttiError('JOURNAL_UNWRITABLE', `the failpoint refused entry ${commit.entries[0]?.seq ?? '(head)'}`))
    down = true
    return new Promise(() => {})
  }
  return { ...bound(store), append }
}

/** Every method of a store, whether it is an object of functions or an instance of a class. */
export function bound(store: JournalStore): JournalStore {
  return {
    '~store': store['~store'],
    open: () => store.open(),
    create: (run) => store.create(run),
    append: (commit) => store.append(commit),
    accounts: (filter) => store.accounts(filter),
    read: (run, o) => store.read(run, o),
    blob: (hash, run) => store.blob(hash, run),
    head: (run) => store.head(run),
    list: (filter) => store.list(filter),
    acquire: (run, owner, now, until) => store.acquire(run, owner, now, until),
    admit: (admission) => store.admit(admission),
    place: (run) => store.place(run),
    renew: (leases, until) => store.renew(leases, until),
    post: (run, message, now) => store.post(run, message, now),
    inbox: (run) => store.inbox(run),
    due: (flows, now, limit) => store.due(flows, now, limit),
    unheard: (flows, limit) => store.unheard(flows, limit),
    schedules: () => store.schedules(),
    keepSchedule: (name, change) => store.keepSchedule(name, change),
    dropSchedule: (name) => store.dropSchedule(name),
    remove: (runs, o) => store.remove(runs, o),
    shred: (subject, step) => store.shred(subject, step),
    compact: () => store.compact(),
    watch: (changed) => store.watch(changed),
    close: () => store.close(),
  }
}

/** A journal as it lies in a store: entries, and the text of the blobs they name. */
export interface Journal {
  readonly run: RunId
  readonly entries: readonly Entry[]
  readonly blobs: ReadonlyMap<string, string>
}

export async function journalOf(store: JournalStore, run: RunId): Promise<Journal> {
  const entries: Entry[] = []
  const blobs = new Map<string, string>()
  for await (const entry of store.read(run)) {
    entries.push(entry)
    for (const value of Object.values(entry)) if (isBlobRef(value)) blobs.set(value['~blob'], await store.blob(value['~blob']))
  }
  return { run, entries, blobs }
}

/** Writes the first `length` entries of a journal to a store, as a process leaves them that ended there; nobody holds the run. */
export async function seedJournal(
  { run, entries, blobs }: Journal,
  length: number = entries.length,
  store: JournalStore = memoryStore(),
): Promise<JournalStore> {
  const { flow, version: first, scope, labels = {} } = entries[0] as EntryOf<'run.started'>
  const createdAt = entries[0]?.time ?? 0
  const left = entries.slice(0, length)
  const version = left.reduce((now, entry) => (entry.type === 'run.patched' ? (entry.to ?? now) : now), first)
  await store.create({ run, flow, version, scope, createdAt, startHash: hash128(run), labels, entries: left, blobs })
  return store
}
