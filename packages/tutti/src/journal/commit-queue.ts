/**
 * Group commit: all that is asked of a store in one turn of the event loop is one transaction.
 *
 * Owns: the jobs that wait, their order, and the runs whose last write failed. Does not own: how a group is written (`WriteGroup`).
 * A group that another thread writes is followed at once by the next, before those who waited for it are told, where they have more to do than that thread: otherwise each would
 * stand still while the other works. Where the disk is what takes long, they are told first, so that what they ask for next comes into that group.
 * Invariants: a job settles only after its group is durable (I1), never in the turn it was asked in; one group is under way at a time, in the
 * order of the calls, but that appends to other runs may go before creations; a refused job harms no other (I2); after a failed write every commit of that run is refused until it is read again (I6).
 */
import { rebuildError, TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'
import { type Answer, entriesOf, GROUP_ENTRIES, isRefusal, type Job, type WriteGroup } from './job.ts'

interface Pending {
  readonly job: Job
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** Of the newest group. */
const WEIGHT = 1 / 4
/** Of a group, while runs wait to be created: the rest is theirs. */
const URGENT = 3 / 4
/** Entries of a group where going on takes longer than writing: whoever waits for a larger one is told late, and all at once. */
const SMALL_GROUP = GROUP_ENTRIES / 2

export class CommitQueue {
  readonly #write: WriteGroup
  readonly #awayMs: () => number | undefined
  readonly #flush = (): void => this.#writeNext()
  #waiting: Pending[] = []
  /** What runs at work append, while others wait to be created: it goes first, so that a burst of new runs does not hold them up. */
  #urgent: Pending[] = []
  readonly #toCreate = new Set<RunId>()
  /** What is first of the others had no room beside what is urgent: it comes next. */
  #passedOver = false
  /** Others than creations among those that wait: nothing overtakes them. */
  #inOrder = 0
  #underWay = false
  #armed = false
  readonly #failed = new Map<RunId, unknown>()
  #whenIdle: (() => void)[] = []
  /** How long each that waited for a group goes on for once it is told (ms, moving average). */
  #goingOnMs = 0

  /** @param awayMs how long another thread takes for a group (moving average), where one would write the next */
  constructor(write: WriteGroup, awayMs: () => number | undefined = () => undefined) {
    this.#write = write
    this.#awayMs = awayMs
  }

  /** The answer, once it is durable. @throws whatever refused the job or failed its group */
  submit<A extends Answer>(job: Job): Promise<A> {
    if (job.op === 'append') {
      const failure = this.#failed.get(job.run)
      if (failure !== undefined) return Promise.reject(stillFailing(job.run, failure))
    }
    return new Promise<A>((resolve, reject) => {
      this.#line(job).push({ job, resolve: resolve as (answer: Answer) => void, reject })
      if (!this.#armed && !this.#underWay) {
        this.#armed = true
        setImmediate(this.#flush)
      }
    })
  }

  /** Creations and what is appended to other runs do not depend on one another; all else keeps its order. */
  #line(job: Job): Pending[] {
    if (job.op === 'create') this.#toCreate.add(job.run)
    else if (job.op === 'append' && this.#inOrder === 0 && this.#toCreate.size > 0 && !this.#toCreate.has(job.run)) return this.#urgent
    else this.#inOrder++
    return this.#waiting
  }

  /** The run is being read again: whoever does so knows what was written, and may go on from there. */
  forgive(run: RunId): void {
    this.#failed.delete(run)
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.#asked === 0 && !this.#underWay) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  #writeNext(): void {
    this.#armed = false
    const group = this.#takeGroup()
    if (group.length === 0) return
    this.#underWay = true
    let answers: readonly Answer[] | Promise<readonly Answer[]>
    try {
      answers = this.#write(group.map(({ job }) => job))
    } catch (error) {
      this.#settleFailed(group, error)
      return
    }
    if (Array.isArray(answers)) {
      this.#settle(group, answers)
      this.#goOn()
      return
    }
    const begun = performance.now()
    ;(answers as Promise<readonly Answer[]>).then(
      (late) => this.#settleLate(group, late, performance.now() - begun),
      (error: unknown) => this.#settleFailed(group, error),
    )
  }

  #settleLate(group: readonly Pending[], answers: readonly Answer[], tookMs: number): void {
    const goesOn = this.#asked > 0 && this.#goingOnMs * (group.length + this.#asked) > tookMs && this.#awayMs() !== undefined
    if (goesOn) this.#writeNext()
    const told = performance.now()
    this.#settle(group, answers)
    setImmediate(() => {
      this.#goingOnMs += ((performance.now() - told) / group.length - this.#goingOnMs) * WEIGHT
    })
    if (!goesOn) this.#goOn()
  }

  /** Jobs that wait. */
  get #asked(): number {
    return this.#waiting.length + this.#urgent.length
  }

  /** Entries that the next group may have. */
  get #most(): number {
    const awayMs = this.#awayMs()
    return awayMs !== undefined && this.#goingOnMs * SMALL_GROUP > awayMs ? SMALL_GROUP : GROUP_ENTRIES
  }

  #takeGroup(): Pending[] {
    const most = this.#most
    const urgent = this.#urgent.length > 0 && !this.#passedOver ? takeFrom(this.#urgent, this.#waiting.length > 0 ? most * URGENT : most, most) : []
    const room = urgent.reduce((left, { job }) => left - entriesOf(job), most)
    const others = takeFrom(this.#waiting, room, most)
    this.#passedOver = others.length === 0 && this.#waiting.length > 0
    for (const { job } of others) {
      if (job.op === 'create') this.#toCreate.delete(job.run)
      else this.#inOrder--
    }
    return urgent.length > 0 ? [...urgent, ...others] : others
  }

  #settle(group: readonly Pending[], answers: readonly Answer[]): void {
    for (let i = 0; i < group.length; i++) {
      const { resolve, reject } = group[i] as Pending
      const answer = answers[i]
      if (isRefusal(answer)) reject(rebuildError(answer.refused))
      else resolve(answer)
    }
  }

  #settleFailed(group: readonly Pending[], error: unknown): void {
    const runs = new Set<RunId>()
    for (const { job } of group) if (job.op === 'append') runs.add(job.run)
    // A busy file wrote nothing and harmed nothing: the same commit may be tried again.
    if (!TuttiError.is(error, 'JOURNAL_LOCKED')) for (const run of runs) this.#failed.set(run, error)
    const isBehind = ({ job }: Pending): boolean => job.op === 'append' && runs.has(job.run)
    const behind = [...this.#urgent.filter(isBehind), ...this.#waiting.filter(isBehind)]
    this.#inOrder -= this.#waiting.filter(isBehind).length
    this.#urgent = this.#urgent.filter((pending) => !isBehind(pending))
    this.#waiting = this.#waiting.filter((pending) => !isBehind(pending))
    for (const { reject } of group) reject(error)
    for (const { reject } of behind) reject(error)
    this.#goOn()
  }

  #goOn(): void {
    this.#underWay = false
    if (this.#asked > 0) {
      this.#armed = true
      setImmediate(this.#flush)
      return
    }
    const idle = this.#whenIdle
    this.#whenIdle = []
    // A turn later: whoever was just answered goes first.
    for (const resolve of idle) setImmediate(resolve)
  }
}

/** The first of a line, as many as have room; one alone has. */
function takeFrom(line: Pending[], room: number, most: number): Pending[] {
  let entries = 0
  let end = 0
  for (; end < line.length; end++) {
    entries += entriesOf((line[end] as Pending).job)
    if (entries > room && (end > 0 || room < most)) break
  }
  return line.splice(0, end)
}

function stillFailing(run: RunId, cause: unknown): TuttiError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new TuttiError('JOURNAL_UNWRITABLE', `run '${run}' is not written any further, because an earlier write failed: ${why}`, { data: { run }, cause })
}
