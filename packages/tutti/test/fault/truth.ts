/** What really happened in a simulated history, seen from outside: what is durable, what was executed, what was promised to whom. It finds what must never be. */
import { type Answer, type AppendJob, type Commit, type Entry, type Job, parseEntry } from '../../src/journal/index.ts'
import { hash128, type RunId } from '../../src/primitives/index.ts'
import type { DiskWatcher, StoreProcess, StoreWatcher } from '../../src/testing/faulty-store.ts'

/** An execution as it begins. */
export interface Begun {
  readonly process: StoreProcess
  readonly run: RunId
  readonly idempotencyKey: string
  readonly effect: 'read' | 'idempotent' | 'once'
}

export class Truth implements DiskWatcher {
  readonly violations: string[] = []
  readonly journals = new Map<RunId, Entry[]>()
  /** Effects that happened, with what they gave. */
  readonly happened = new Map<string, string>()
  readonly #underWay = new Map<string, Set<StoreProcess>>()
  readonly #epochs = new Map<RunId, number>()
  readonly #recorded = new Set<string>()
  readonly #values = new Set<string>()
  readonly #starts = new Map<string, number>()
  readonly #notDone = new Map<string, number>()
  readonly #bills = new Map<RunId, number>()
  readonly #limits = new Map<RunId, number>()
  readonly #failed = new Map<StoreProcess, Set<RunId>>()
  readonly #promised: { readonly run: RunId; readonly seq: number; readonly text: string; readonly to: string }[] = []

  found(what: string): void {
    this.violations.push(what)
  }

  // ── the disk ──

  synced(jobs: readonly Job[], answers: readonly Answer[]): void {
    for (const [i, job] of jobs.entries()) {
      const answer = answers[i]
      if (job.op === 'create' && (answer as { created: boolean }).created) this.#created(job.run, job.head.epoch, job.bodies)
      else if (job.op === 'acquire' && answer !== undefined) this.#epochs.set(job.run, (answer as { epoch: number }).epoch)
      else if (job.op === 'append' && answer === undefined) this.#appended(job)
    }
  }

  #created(run: RunId, epoch: number, bodies: readonly string[]): void {
    this.#epochs.set(run, epoch)
    this.journals.set(run, [])
    for (const body of bodies) this.#note(run, body)
  }

  #appended({ run, epoch, bodies }: AppendJob): void {
    if (epoch !== this.#epochs.get(run)) this.found(`I2: ${run} was written under epoch ${epoch}, but is held under ${this.#epochs.get(run)}`)
    for (const body of bodies) this.#note(run, body)
  }

  #note(run: RunId, body: string): void {
    const journal = this.journals.get(run) as Entry[]
    const entry = parseEntry(body, run, journal.length + 1)
    journal.push(entry)
    const isDone = entry.type === 'step.completed' || (entry.type === 'step.resolved' && entry.verdict === 'done')
    if (isDone || (entry.type === 'step.failed' && entry.final)) {
      const id = hash128(`${run}|${entry.key}`)
      if (this.#recorded.has(id)) this.found(`I3: the outcome of ${entry.key} of ${run} is recorded twice`)
      this.#recorded.add(id)
    }
    if (isDone && typeof entry.value === 'string') this.#values.add(entry.value)
  }

  // ── the world ──

  limit(run: RunId, microUsd: number): void {
    this.#limits.set(run, microUsd)
  }

  begins({ process, run, idempotencyKey: key, effect }: Begun): void {
    // A process that was stopped past its lease cannot know: what it does with the same key harms nobody, and its outcome is refused.
    const isStale = process.epochs.get(run) !== this.#epochs.get(run)
    if (this.#recorded.has(key) && !(isStale && effect !== 'once')) this.found(`I3: a recorded ${effect} step of ${run} was executed again by ${process.name}`)
    if (this.#failed.get(process)?.has(run)) this.found(`I6: ${process.name} went on with ${run} after its store had failed`)
    if (effect === 'once') {
      const starts = (this.#starts.get(key) ?? 0) + 1
      this.#starts.set(key, starts)
      if (starts > 1 + (this.#notDone.get(key) ?? 0)) this.found(`I8: a once effect of ${run} was begun ${starts} times on a guess`)
    }
    const underWay = this.#underWay.get(key) ?? new Set()
    this.#underWay.set(key, underWay.add(process))
  }

  ended(key: string, process: StoreProcess): void {
    this.#underWay.get(key)?.delete(process)
  }

  /** True while a living process may still do it. */
  isUnderWay(key: string): boolean {
    return [...(this.#underWay.get(key) ?? [])].some(({ alive }) => alive)
  }

  /** A person has looked, and says that it did not happen. */
  saysNotDone(key: string): void {
    this.#notDone.set(key, (this.#notDone.get(key) ?? 0) + 1)
  }

  bills(run: RunId, microUsd: number): void {
    const bill = this.billOf(run) + microUsd
    this.#bills.set(run, bill)
    if (bill > (this.#limits.get(run) ?? Number.POSITIVE_INFINITY)) this.found(`I7: ${run} has cost ${bill} of ${this.#limits.get(run)} micro-USD`)
  }

  billOf(run: RunId): number {
    return this.#bills.get(run) ?? 0
  }

  delivered(run: RunId, value: string): void {
    if (!this.#values.has(value)) this.found(`I1: the flow of ${run} was given '${value}' before it was durable`)
  }

  // ── what was promised ──

  /** Somebody was shown that this entry stands in the journal. */
  promise(run: RunId, seq: number, text: string, to: string): void {
    this.#promised.push({ run, seq, text, to })
    if (!this.#stands(run, seq, text)) this.found(`I1: ${to} was shown entry ${seq} of ${run}, '${text}', which is not durable`)
  }

  #stands(run: RunId, seq: number, text: string): boolean {
    const entry = this.journals.get(run)?.[seq - 1]
    return entry !== undefined && textOf(entry) === text
  }

  /** After the last crash: everything that was ever promised stands. */
  keptPromises(): void {
    for (const { run, seq, text, to } of this.#promised)
      if (!this.#stands(run, seq, text)) this.found(`R1: entry ${seq} of ${run}, '${text}', which ${to} had been shown, is lost`)
  }

  watcherOf(process: StoreProcess): StoreWatcher {
    const failed = new Set<RunId>()
    const readings = new Map<RunId, number>()
    this.#failed.set(process, failed)
    return {
      acknowledged: ({ run, entries }: Commit) => {
        for (const entry of entries) this.promise(run, entry.seq, textOf(entry), process.name)
      },
      // The engine hears of it now; what it does from the next turn on, it does knowing.
      refused: (run) => {
        const reading = readings.get(run)
        setImmediate(() => setImmediate(() => readings.get(run) === reading && failed.add(run)))
      },
      read: (run) => {
        readings.set(run, (readings.get(run) ?? 0) + 1)
        failed.delete(run)
      },
    }
  }
}

/** What an entry says, in a few words. */
export const textOf = (entry: Entry): string => `${entry.type} ${'key' in entry ? entry.key : ''}`.trimEnd()
