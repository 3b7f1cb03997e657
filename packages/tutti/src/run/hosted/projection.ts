/**
 * The journal of a hosted run, as everyone reads it: a copy of what the log of the engine holds, written behind the run and complete before it is said to have ended.
 *
 * Owns: what is in the log and not in the store yet. Does not own: the truth.
 * Invariants: every entry once and in order, by its `seq`: what the store has already, from an earlier attempt, is passed over. A store that cannot be written to
 * for a while holds nothing up but the end of the run. One attempt at a time writes: a later one takes the lease, and an earlier one is refused (I2).
 */
import { TuttiError } from '../../errors/index.ts'
import type { Blobs, Commit, Entry, HeadChange, JournalStore, StandingChange } from '../../journal/index.ts'
import { type RunId, systemClock } from '../../primitives/index.ts'
import { hostedOwner } from '../embedded/owner.ts'
import type { Beat } from './beat.ts'
import type { Group, LoggedHead } from './group.port.ts'
import { linesOf } from './group-text.ts'
import type { Behind } from './log-store.ts'

/** The engine says who drives the run, so its lease does not run out: nobody else takes it up. 9999-12-31. */
const FOR_EVER = 253_402_300_799_000
const RETRY_MS = [50, 100, 250, 500, 1_000, 2_500, 5_000]

export interface ProjectionGround {
  /** What the journal begins with, before any group. */
  readonly first: readonly Entry[]
  readonly beat: Beat
  /** The store holds more than it did: the run got further, or stands elsewhere than before. */
  written(what: 'progress' | 'standing'): void
  /** The run is no longer this attempt's. */
  lost(error: TuttiError): void
}

export class Projection implements Behind {
  readonly #store: JournalStore
  readonly #run: RunId
  readonly #ground: ProjectionGround
  #queue: Group[] = []
  /** The last entry of the groups that were written, or passed over. */
  #through: number
  #working: Promise<void> | undefined
  #at: { readonly epoch: number; lastSeq: number } | undefined
  #closed = false
  #failed = false
  #error: TuttiError | undefined
  #hurry: () => void = () => {}
  /** Ends the pauses between two tries. */
  readonly #paused = new Set<() => void>()

  constructor(store: JournalStore, run: RunId, ground: ProjectionGround) {
    this.#store = store
    this.#run = run
    this.#ground = ground
    this.#through = ground.first.at(-1)?.seq ?? 0
  }

  add(group: Group): void {
    this.#queue.push(group)
    if (group.over || group.rest) this.#hurry()
    if (!this.#closed) this.#working ??= this.#work()
  }

  /** Resolves once all that was added is in the store. Rejects when another attempt has the run, and when this one was given up before. */
  async flushed(): Promise<void> {
    while (this.#working) {
      this.#hurry()
      await this.#working
    }
    if (this.#error) throw this.#error
    if (this.#queue.length > 0) throw givenUp()
  }

  async spill(blobs: Blobs): Promise<void> {
    await this.persistently(async () => {
      const at = await this.#place()
      if (at) await this.#store.append({ run: this.#run, epoch: at.epoch, entries: [], blobs })
    })
  }

  /** A store that is away is waited for: nothing is called that is not held. */
  async hold(changes: readonly StandingChange[]): Promise<readonly (string | undefined)[]> {
    return this.persistently(async () => {
      const at = await this.#place()
      if (!at) return []
      return Promise.all(changes.map((standing) => this.#store.append({ run: this.#run, epoch: at.epoch, entries: [], standing })))
    })
  }

  close(): void {
    this.#closed = true
    for (const wake of this.#paused) wake()
  }

  /** Ends in the same turn in which it finds nothing to do: a group that is added a moment later is not left lying. */
  async #work(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        await this.#gathered()
        const groups = this.#queue
        this.#queue = []
        await this.persistently(() => this.#write(groups))
      }
    } catch (error) {
      this.#error ??= error as TuttiError
    } finally {
      this.#working = undefined
    }
  }

  /** A moment, so that what follows closely is one write; not when somebody waits for it. */
  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      this.#hurry = () => void setImmediate(resolve)
      if (this.#queue.some(({ over, rest }) => over || rest)) this.#hurry()
      else this.#ground.beat.next().then(resolve)
    })
  }

  async #write(groups: readonly Group[]): Promise<void> {
    const at = await this.#place()
    if (!at) return
    const through = groups.reduce((seq, { entries }) => entries.at(-1)?.seq ?? seq, this.#through)
    const news = newsOf(groups, this.#through, at.lastSeq)
    if (news.length === 0) {
      this.#through = through
      return
    }
    const entries = news.flatMap((group) => group.entries)
    const commit: Commit = {
      run: this.#run,
      epoch: at.epoch,
      entries,
      lines: news.flatMap(linesOf),
      blobs: new Map(news.flatMap(({ blobs }) => blobs ?? [])),
      head: headOf(news),
      taken: news.flatMap(({ taken }) => taken ?? []),
      release: news.at(-1)?.over === 'ended',
    }
    await this.#store.append(commit)
    at.lastSeq = entries.at(-1)?.seq ?? at.lastSeq
    this.#through = through
    this.#ground.written(commit.release || commit.head?.status !== undefined ? 'standing' : 'progress')
  }

  /** The lease under which this attempt writes; `undefined` when the store has the end of the run already. */
  async #place(): Promise<{ readonly epoch: number; lastSeq: number } | undefined> {
    if (this.#at) return this.#at
    const lease = await this.#store.acquire(this.#run, hostedOwner(this.#run), systemClock.now(), FOR_EVER)
    const head = lease?.lastSeq === undefined ? await this.#store.head(this.#run) : undefined
    const lastSeq = lease?.lastSeq ?? head?.lastSeq
    if (lastSeq === undefined) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${this.#run}' in the store of the journal`, { data: { run: this.#run } })
    // After a failed write a store takes nothing more of a run until somebody reads it again.
    if (this.#failed) for await (const _ of this.#store.read(this.#run, { after: lastSeq })) break
    if (lease) this.#at = { epoch: lease.epoch, lastSeq }
    else if (head?.owner !== undefined)
      throw new TuttiError('RUN_BUSY', `the run '${this.#run}' is driven by ${head.owner}`, { data: { run: this.#run, owner: head.owner } })
    return this.#at
  }

  /** As often as it takes, unless it can never be: then the attempt has lost its run. Rejects when the attempt is over. */
  async persistently<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 0; !this.#closed; tries++) {
      try {
        return await work()
      } catch (error) {
        this.#at = undefined
        this.#failed = true
        if (TuttiError.is(error, 'JOURNAL_FENCED') || TuttiError.is(error, 'RUN_NOT_FOUND') || TuttiError.is(error, 'RUN_BUSY')) {
          this.#closed = true
          this.#error = error
          this.#ground.lost(error)
          throw error
        }
        const ms = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] as number
        await this.#pause(ms)
      }
    }
    throw this.#error ?? givenUp()
  }

  /** So long, or until the attempt is over. */
  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#paused.add(resolve)
    const forget = systemClock.alarm(systemClock.now() + ms, resolve)
    await promise
    forget()
    this.#paused.delete(resolve)
  }
}

const givenUp = (): TuttiError => new TuttiError('ENGINE_CLOSED', 'the attempt was given up')

/**
 * Of these groups, which follow entry `through`, those that a store with `lastSeq` entries does not hold. One that only changes the line of the run counts when nothing
 * that the store knows came after it, be it in groups that are still to follow.
 */
function newsOf(groups: readonly Group[], through: number, lastSeq: number): readonly Group[] {
  let seq = through
  const isNews = groups.map(({ entries: [first, ...others] }) => {
    seq = others.at(-1)?.seq ?? first?.seq ?? seq
    return first ? first.seq > lastSeq : seq >= lastSeq
  })
  return groups.slice(isNews.lastIndexOf(false) + 1)
}

function headOf(groups: readonly Group[]): HeadChange | undefined {
  const said: LoggedHead = Object.assign({}, ...groups.map(({ head }) => head))
  const changes = Object.entries(said).map(([name, value]) => [name, value ?? undefined])
  return changes.length > 0 ? (Object.fromEntries(changes) as HeadChange) : undefined
}
