/**
 * What an activation writes to when the truth is the log of an outside engine: all that it appends in one turn of the event loop is one group.
 *
 * Owns: what was appended and is not durable yet, which messages were taken. Does not own: the log (the engine's), the journal that
 * others read (the projection's).
 * Invariants: I1 (an append resolves once the engine says that its group is in the log), one group is on its way at a time, in the order of the calls.
 * On a crash what was not in the log was never said: the next attempt begins with what is.
 */
import {
  type BlobPair,
  type Blobs,
  type Commit,
  type Entry,
  entryText,
  type InboxMessage,
  isTerminal,
  type JournalStore,
  type Lease,
  parseEntry,
  type StandingChange,
} from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import type { RunStore } from '../embedded/run-store.port.ts'
import type { Group, LoggedHead } from './group.port.ts'

/** So many entries one group holds at most, if no single commit has more. */
const GROUP_ENTRIES = 512
/** So much text (characters) one group holds at most; the rest goes to the store of the journal first, and only its hash into the log. */
const SPILL_CHARS = 1_000_000

interface Pending {
  readonly commit: Commit
  readonly resolve: (instead: string | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Where text goes that is too large for the log, and what was written is read again. */
export interface Behind {
  spill(blobs: Blobs): Promise<void>
  /** What these ask of accounts that outlive the run, in one transaction: of each, what is to be written instead of its first entry. */
  hold(changes: readonly StandingChange[]): Promise<readonly (string | undefined)[]>
  /** Resolves once all that is in the log is in the store. */
  flushed(): Promise<void>
}

export class LogStore implements RunStore {
  readonly #store: JournalStore
  readonly #behind: Behind
  /** What came through the engine, not through the store. */
  readonly #told = new Map<string, InboxMessage>()
  readonly #taken = new Set<string>()
  /** Text that the log gave back, by hash: asked for while the record is delivered. */
  #recalled = new Map<string, string>()
  /** There may be something in the inbox of the store. */
  #look = false
  #waiting: Pending[] = []
  #onItsWay: readonly Pending[] = []
  /** Of those on their way whose hold did not fit. */
  #instead: ReadonlyMap<Pending, string> = new Map()
  #rest: Group | undefined
  /** It was said last that the run rests. */
  #rested = false
  #failed: { readonly error: unknown } | undefined
  /** Who asked for the next group. */
  #taker: { readonly resolve: (group: Group | Promise<Group>) => void; readonly reject: (error: unknown) => void } | undefined

  constructor(store: JournalStore, behind: Behind) {
    this.#store = store
    this.#behind = behind
  }

  append(commit: Commit): Promise<string | undefined> {
    if (this.#failed) return Promise.reject(this.#failed.error)
    // The record is delivered, or nearly: what is asked for from here on is in the store too.
    if (this.#recalled.size > 0) this.#recalled = new Map()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject })
      if (this.#waiting.length === 1) setImmediate(this.#offer)
    })
  }

  /** What is there and was not taken; that of a message may be in the log, and not in the store yet. */
  async inbox(run: RunId): Promise<readonly InboxMessage[]> {
    const posted = this.#look ? await this.#store.inbox(run) : []
    return [...this.#told.values(), ...posted.filter(({ id }) => !this.#taken.has(id))]
  }

  /** From here on the inbox of the store is looked at too: until somebody sends something to a new run, there is nothing. */
  look(): void {
    this.#look = true
  }

  async *read(run: RunId, o?: { readonly after?: number | undefined }): AsyncIterable<Entry> {
    await this.#behind.flushed()
    yield* this.#store.read(run, o)
  }

  async blob(hash: string, run?: RunId): Promise<string> {
    const recalled = this.#recalled.get(hash)
    if (recalled !== undefined) return recalled
    await this.#behind.flushed()
    return this.#store.blob(hash, run)
  }

  /** Whoever the engine gives the run to holds it, for as long as the attempt lasts. */
  renew(_leases: readonly Lease[]): Promise<readonly RunId[]> {
    return Promise.resolve([])
  }

  /** What the log gave back need not be asked of the store, one by one. */
  recall(blobs: NonNullable<Group['blobs']>): void {
    for (const [hash, text] of blobs) this.#recalled.set(hash, text)
  }

  tell(message: InboxMessage): void {
    if (!this.#taken.has(message.id)) this.#told.set(message.id, message)
  }

  took(ids: readonly string[]): void {
    for (const id of ids) {
      this.#taken.add(id)
      this.#told.delete(id)
    }
  }

  /** The next group, as soon as there is one. Rejects when there will be none in this attempt. */
  take(): Promise<Group> {
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject }
      this.#offer()
    })
  }

  /** Gives whoever asked what there is. */
  readonly #offer = (): void => {
    const taker = this.#taker
    if (!taker) return
    if (this.#failed) taker.reject(this.#failed.error)
    else if (this.#waiting.length > 0) taker.resolve(this.#group())
    else if (this.#rest) {
      taker.resolve(this.#rest)
      this.#rest = undefined
      this.#rested = true
    } else return
    this.#taker = undefined
  }

  /** The group that was taken is in the log. */
  durable(): void {
    const pending = this.#onItsWay
    this.#onItsWay = []
    for (const one of pending) {
      this.took(one.commit.taken ?? [])
      one.resolve(this.#instead.get(one))
    }
    this.#instead = new Map()
  }

  /** The run waits for nothing but timers and messages. */
  rest(rest: Group): void {
    this.#rest = rest
    this.#offer()
  }

  /** Answers the rest that was not taken yet. */
  unrest(): Group | undefined {
    const rest = this.#rest
    this.#rest = undefined
    return rest
  }

  /** The attempt is over: nothing is appended any more. */
  fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = { error }
    for (const { reject } of [...this.#onItsWay, ...this.#waiting]) reject(error)
    this.#onItsWay = []
    this.#waiting = []
    this.#offer()
  }

  /** At once, unless something has to be asked of the store first. */
  #group(): Group | Promise<Group> {
    this.#rest = undefined
    const pending = this.#takePending()
    this.#onItsWay = pending
    const blobs = pending.some(({ commit }) => commit.blobs) ? sorted(pending.flatMap(({ commit }) => [...(commit.blobs ?? [])])) : none
    const asking = pending.filter(({ commit }) => commit.standing)
    if (blobs.large.length === 0 && asking.length === 0) return this.#groupOf(pending, blobs.small)
    return this.#prepared(blobs.large, asking).then(() => this.#groupOf(pending, blobs.small))
  }

  /** Text that is too large is in the store before the log says so; so is what is held: asked again after a crash in between, it is held once. */
  async #prepared(large: readonly BlobPair[], asking: readonly Pending[]): Promise<void> {
    if (large.length > 0) await this.#behind.spill(new Map(large))
    if (asking.length === 0) return
    const lines = await this.#behind.hold(asking.map(({ commit }) => commit.standing as StandingChange))
    this.#instead = new Map(asking.flatMap((one, i): [Pending, string][] => (lines[i] === undefined ? [] : [[one, lines[i]]])))
  }

  #groupOf(pending: readonly Pending[], blobs: readonly BlobPair[]): Group {
    const commits = pending.map(({ commit }) => commit)
    const entries = pending.length === 1 ? this.#entriesOf(pending[0] as Pending) : pending.flatMap((one) => this.#entriesOf(one))
    const taken = commits.flatMap((commit) => commit.taken ?? [])
    return {
      entries,
      lines: entries.map(entryText),
      blobs: blobs.length > 0 ? blobs : undefined,
      taken: taken.length > 0 ? taken : undefined,
      head: this.#goesOn(headOf(commits)),
      over: commits.some(({ release }) => release) ? (entries.some(isTerminal) ? 'ended' : 'still') : undefined,
    }
  }

  #entriesOf(one: Pending): readonly Entry[] {
    const instead = this.#instead.get(one)
    const { run, entries } = one.commit
    const [first, ...others] = entries
    return first && instead !== undefined ? [parseEntry(instead, run, first.seq), ...others] : entries
  }

  /** What follows a rest ends it. */
  #goesOn(head: LoggedHead | undefined): LoggedHead | undefined {
    if (!this.#rested) return head
    this.#rested = false
    return { status: 'running', waiting: null, ...head }
  }

  #takePending(): readonly Pending[] {
    let entries = 0
    let end = 0
    for (; end < this.#waiting.length; end++) {
      entries += (this.#waiting[end] as Pending).commit.entries.length
      if (entries > GROUP_ENTRIES && end > 0) break
    }
    return this.#waiting.splice(0, end)
  }
}

const none: Sorted = { large: [], small: [] }

interface Sorted {
  readonly large: readonly BlobPair[]
  readonly small: readonly BlobPair[]
}

/** The smallest go into the log, as many as fit; each once. */
function sorted(blobs: readonly BlobPair[]): Sorted {
  let chars = 0
  const bySize = [...new Map(blobs)].sort(([, a], [, b]) => a.length - b.length)
  const end = bySize.findIndex(([, text]) => {
    chars += text.length
    return chars > SPILL_CHARS
  })
  const count = end < 0 ? bySize.length : end
  return { small: bySize.slice(0, count), large: bySize.slice(count) }
}

/** What all of them make of the line of the run. */
function headOf(commits: readonly Commit[]): LoggedHead | undefined {
  let head: Record<string, unknown> | undefined
  for (const commit of commits) if (commit.head) for (const [name, value] of Object.entries(commit.head)) head = { ...head, [name]: value ?? null }
  return head as LoggedHead | undefined
}
