/**
 * A disk that fails as disks do, and the stores of several processes over it, as an explicit model: what is written lies in the cache until it is synced.
 *
 * Owns: what is durable, which process is alive, which answers are late or lost. Does not own: what a group of jobs means (`MemoryBooks`).
 * Everything is drawn from one seed, and no real time passes, so that a history can be had again.
 */
import { TuttiError } from '../errors/index.ts'
import { type Answer, booksStore, type Commit, type Job, type JournalStore, MemoryBooks, type NewRun } from '../journal/index.ts'
import { type RunId, systemClock } from '../primitives/index.ts'
import { bound } from './failpoint-store.ts'
import { settled } from './simulated-clock.ts'

/** Chances of a fault, each asked once for a group of writes. */
export interface Faults {
  /** Nothing is written: the disk is full, for as long as `fullMs`. */
  readonly full: number
  readonly fullMs: number
  /** The sync fails; nobody knows whether what was written would outlive a power cut. */
  readonly syncFails: number
  /** It is durable, and whoever asked is told that it failed. */
  readonly answerLost: number
  /** Another process holds the file for too long. */
  readonly locked: number
}

export const NO_FAULTS: Faults = { full: 0, fullMs: 0, syncFails: 0, answerLost: 0, locked: 0 }

/** Sees what happens on the disk, as it happens. */
export interface DiskWatcher {
  /** These jobs are durable now, and were answered so. */
  synced(jobs: readonly Job[], answers: readonly Answer[]): void
}

/** How often a process looks whether another one wrote. */
const POLL_MS = 250
const never: Promise<never> = new Promise(() => {})

export class FaultyDisk {
  readonly #random: () => number
  readonly #watcher: DiskWatcher
  readonly #platter: (readonly Job[])[] = []
  readonly #processes = new Set<StoreProcess>()
  #books = new MemoryBooks()
  /** Written by somebody, and not synced. */
  #cache: { readonly jobs: readonly Job[]; readonly of: StoreProcess } | undefined
  /** Its sync failed: a power cut may bring it back while nothing was written over it. */
  #ghost: readonly Job[] | undefined
  #fullUntil = 0
  #lock: Promise<unknown> = Promise.resolve()
  faults: Faults = NO_FAULTS

  constructor(random: () => number, watcher: DiskWatcher) {
    this.#random = random
    this.#watcher = watcher
  }

  get books(): MemoryBooks {
    return this.#books
  }

  /** All that is durable, in the order in which it became so. */
  get platter(): readonly (readonly Job[])[] {
    return this.#platter
  }

  /** A process that begins, with a store of its own over this disk. */
  boot(name: string): StoreProcess {
    const process = new StoreProcess(name, this, this.#random)
    this.#processes.add(process)
    return process
  }

  /** A process is gone at once; what it had written and not synced may have become durable or not. */
  kill(process: StoreProcess): void {
    process.alive = false
    this.#processes.delete(process)
    if (this.#cache?.of !== process) return
    const { jobs } = this.#cache
    this.#cache = undefined
    if (this.#random() < 0.5) this.#keep(jobs)
  }

  /** Every process is gone, and so is what was not synced: a group is there whole or not at all, for its checksum tells. */
  cutPower(): void {
    const last = this.#cache?.jobs ?? this.#ghost
    this.#cache = undefined
    this.#ghost = undefined
    for (const process of [...this.#processes]) this.kill(process)
    this.#books = new MemoryBooks()
    for (const jobs of this.#platter) this.#books.write(jobs)
    if (last && this.#random() < 0.3) this.#keep(last)
  }

  /** One transaction of a process. */
  write(jobs: readonly Job[], of: StoreProcess): Promise<readonly Answer[]> {
    const turn = this.#lock.then(() => this.#transact(jobs, of))
    // A process that dies in the middle lets go of its lock.
    this.#lock = Promise.race([turn.catch(() => {}), of.death])
    return turn
  }

  async #transact(jobs: readonly Job[], of: StoreProcess): Promise<readonly Answer[]> {
    if (!of.alive) return never
    const { locked, full, fullMs, syncFails, answerLost } = this.faults
    const chance = this.#random()
    if (chance < locked) throw new TuttiError('JOURNAL_LOCKED', 'the simulated disk is held by another process')
    if (chance < locked + full) this.#fullUntil = systemClock.now() + fullMs
    if (full > 0 && systemClock.now() < this.#fullUntil) throw new TuttiError('JOURNAL_UNWRITABLE', 'the simulated disk found no space left')
    this.#cache = { jobs, of }
    await settled(Math.floor(this.#random() * 4))
    if (!of.alive) return never
    this.#cache = undefined
    const outcome = this.#random()
    if (outcome < syncFails) {
      this.#ghost = jobs
      throw new TuttiError('JOURNAL_UNWRITABLE', 'the simulated disk failed to sync')
    }
    const answers = this.#keep(jobs)
    if (outcome < syncFails + answerLost) throw new TuttiError('JOURNAL_UNWRITABLE', 'the answer of the simulated disk was lost')
    return answers
  }

  #keep(jobs: readonly Job[]): readonly Answer[] {
    this.#ghost = undefined
    this.#platter.push(jobs)
    const answers = this.#books.write(jobs)
    this.#watcher.synced(jobs, answers)
    return answers
  }
}

/** What somebody who watches a process of the simulation wants to know of its store. */
export interface StoreWatcher {
  /** The engine has been told that this is durable. */
  acknowledged(commit: Commit): void
  /** The engine has been told that it failed. */
  refused(run: RunId, error: unknown): void
  /** The engine reads the run again. */
  read(run: RunId): void
}

/** One process: its store answers late, in another order from run to run, and not at all once the process is gone. */
export class StoreProcess {
  readonly name: string
  readonly store: JournalStore
  readonly death: Promise<void>
  watcher: StoreWatcher | undefined
  /** The epoch under which this process holds a run. */
  readonly epochs = new Map<RunId, number>()
  readonly #random: () => number
  readonly #order = new Map<string, Promise<void>>()
  #die: () => void = () => {}
  #alive = true
  #stopped: { readonly ended: Promise<void>; readonly end: () => void } | undefined

  constructor(name: string, disk: FaultyDisk, random: () => number) {
    this.name = name
    this.#random = random
    this.death = new Promise((resolve) => {
      this.#die = resolve
    })
    this.store = this.#gated(
      booksStore(
        () => disk.books,
        (jobs) => disk.write(jobs, this),
      ),
    )
  }

  get alive(): boolean {
    return this.#alive
  }

  set alive(alive: boolean) {
    this.#alive = alive
    if (!alive) this.#die()
  }

  /** As SIGSTOP does: nothing goes on here until `goOn`. */
  stop(): void {
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#stopped ??= { ended, end }
  }

  goOn(): void {
    this.#stopped?.end()
    this.#stopped = undefined
  }

  /** Resolves at once in a process that runs, once it goes on in one that is stopped, and never in one that is gone. */
  async here(): Promise<void> {
    while (this.#alive && this.#stopped) await this.#stopped.ended
    if (!this.#alive) await never
  }

  #gated(inner: JournalStore): JournalStore {
    const all = bound(inner)
    const gate = <A extends readonly unknown[], R>(ask: (...args: A) => Promise<R>, lane: (...args: A) => string): ((...args: A) => Promise<R>) => {
      return async (...args) => {
        if (!this.#alive || this.#stopped) await this.here()
        const answer = ask(...args)
        await this.#answerLate(lane(...args), answer)
        return answer
      }
    }
    const byRun = (run: RunId): string => run
    const append = gate(all.append, ({ run }) => run)
    return {
      ...all,
      create: gate(
        async (start: NewRun) => {
          const answer = await all.create(start)
          if (answer.created && start.lease) this.epochs.set(start.run, 1)
          return answer
        },
        ({ run }: NewRun) => run,
      ),
      append: (commit) => this.#watched(commit, append(commit)),
      read: (run, o) => this.#read(all, run, o),
      acquire: gate(async (run: RunId, owner: string, now: number, until: number) => {
        const lease = await all.acquire(run, owner, now, until)
        if (lease) this.epochs.set(run, lease.epoch)
        return lease
      }, byRun),
      renew: gate(all.renew, () => 'renew'),
      post: gate(all.post, byRun),
      inbox: gate(all.inbox, byRun),
      head: gate(all.head, byRun),
      blob: gate(all.blob, () => 'blob'),
      list: gate(all.list, () => 'list'),
      due: gate(all.due, () => 'due'),
      unheard: gate(all.unheard, () => 'unheard'),
      watch: (changed) => this.#poll(changed),
      close: async () => {},
    }
  }

  async *#read(all: JournalStore, ...[run, o]: Parameters<JournalStore['read']>): ReturnType<JournalStore['read']> & AsyncGenerator {
    this.watcher?.read(run)
    for await (const entry of all.read(run, o)) {
      await this.here()
      yield entry
    }
  }

  async #watched(commit: Commit, asked: Promise<string | undefined>): Promise<string | undefined> {
    let instead: string | undefined
    try {
      instead = await asked
    } catch (error) {
      this.watcher?.refused(commit.run, error)
      throw error
    }
    this.watcher?.acknowledged(commit)
    return instead
  }

  /** Now and then some turns late; the answers of one lane keep their order. */
  async #answerLate(lane: string, answer: Promise<unknown>): Promise<void> {
    const turns = this.#random() < 0.3 ? 1 + Math.floor(this.#random() * 5) : 0
    const before = this.#order.get(lane)
    const mine = (async () => {
      await answer.catch(() => {})
      await before
      if (turns > 0) await settled(turns)
      await this.here()
    })()
    this.#order.set(lane, mine)
    await mine
    if (this.#order.get(lane) === mine) this.#order.delete(lane)
  }

  #poll(changed: () => void): () => void {
    let forget = (): void => {}
    const again = (): void => {
      forget = systemClock.alarm(systemClock.now() + POLL_MS, () => {
        if (!this.#alive) return
        if (!this.#stopped) changed()
        again()
      })
    }
    again()
    return () => forget()
  }
}
