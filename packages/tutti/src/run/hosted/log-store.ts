/**
 * What an activation writes to when the truth is the log of an outside engine: all that it appends in one turn of the event loop is one group.
 *
 * Owns: what was appended and is not durable yet, which messages were taken. Does not own: the log (the engine's), the journal that
 * others read (the projection's).
 * Invariants: I1 (an append resolves once the engine says that its group is in the log), one group is on its way at a time, in the order of the calls.
 * On a crash what was not in the log was never said: the next attempt begins with what is.
 */
import {
  type Blobs,
  type Commit,
  type Entry,
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
  #wake: () => void = () => {}

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
      if (this.#waiting.length === 1) setImmediate(() => this.#wake())
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
  async take(): Promise<Group> {
    for (;;) {
      if (this.#failed) throw this.#failed.error
      if (this.#waiting.length > 0) return this.#group()
      if (this.#rest) {
        const rest = this.#rest
        this.#rest = undefined
        this.#rested = true
        return rest
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
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
    this.#wake()
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
    this.#wake()
  }

  async #group(): Promise<Group> {
    this.#rest = undefined
    const pending = this.#takePending()
    this.#onItsWay = pending
    const commits = pending.map(({ commit }) => commit)
    const blobs = new Map(commits.flatMap((commit) => [...(commit.blobs ?? [])]))
    const { large, small } = sorted(blobs)
    if (large.size > 0) await this.#behind.spill(large)
    const taken = commits.flatMap((commit) => commit.taken ?? [])
    this.#instead = await this.#held(pending)
    const entries = pending.flatMap((one) => entriesOf(one.commit, this.#instead.get(one)))
    return {
      entries,
      blobs: small.length > 0 ? small : undefined,
      taken: taken.length > 0 ? taken : undefined,
      head: this.#goesOn(headOf(commits)),
      over: commits.some(({ release }) => release) ? (entries.some(isTerminal) ? 'ended' : 'still') : undefined,
    }
  }

  /** Held before the log says so: asked again after a crash in between, it is held once. */
  async #held(pending: readonly Pending[]): Promise<ReadonlyMap<Pending, string>> {
    const asking = pending.filter(({ commit }) => commit.standing)
    if (asking.length === 0) return new Map()
    const lines = await this.#behind.hold(asking.map(({ commit }) => commit.standing as StandingChange))
    return new Map(asking.flatMap((one, i): [Pending, string][] => (lines[i] === undefined ? [] : [[one, lines[i]]])))
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

function entriesOf({ run, entries }: Commit, instead: string | undefined): readonly Entry[] {
  const [first, ...others] = entries
  return first && instead !== undefined ? [parseEntry(instead, run, first.seq), ...others] : entries
}

/** The smallest go into the log, as many as fit. */
function sorted(blobs: Blobs): { readonly large: Blobs; readonly small: readonly (readonly [string, string])[] } {
  let chars = 0
  const bySize = [...blobs].sort(([, a], [, b]) => a.length - b.length)
  const end = bySize.findIndex(([, text]) => {
    chars += text.length
    return chars > SPILL_CHARS
  })
  const count = end < 0 ? bySize.length : end
  return { small: bySize.slice(0, count), large: new Map(bySize.slice(count)) }
}

/** What all of them make of the line of the run. */
function headOf(commits: readonly Commit[]): LoggedHead | undefined {
  let head: Record<string, unknown> | undefined
  for (const commit of commits) for (const [name, value] of Object.entries(commit.head ?? {})) head = { ...head, [name]: value ?? null }
  return head as LoggedHead | undefined
}
