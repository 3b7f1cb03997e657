/**
 * Starts flows by the clock.
 *
 * Owns: the alarm for the next instant, and what is done about instants that nobody was there for. Does not own: the instants (`instants.ts`), what is kept
 * of a schedule (the store), the runs.
 * Invariants: an instant has one run, named after it, whoever starts it and however often (R1: a start under an id is idempotent); an instant is dealt with
 * before it is noted as such, so that a crash in between starts nothing twice and loses nothing; the noted instant never goes back, whatever the clock does.
 */
import { sayThrown, TuttiError } from '../../errors/index.ts'
import type { ScheduleState } from '../../journal/index.ts'
import { decode, hash128, type Json, type RunId } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { StartOptions } from '../handle.port.ts'
import { type CompiledSchedule, compileSchedule, type Schedule, type ScheduleSpec } from '../schedule.ts'
import type { EngineParts } from './engine-parts.port.ts'

/** An instant that is dealt with later than this was missed: nobody was there. */
const LATE_MS = 10_000
/** Of those that were missed, no more than so many are made up for. */
const MOST_MISSED = 100
/** A store that fails is looked at again after so long. */
const AGAIN_MS = 1_000
/** So long a run that holds others up is waited for before it is looked at, should nobody tell that it has ended. */
const PATIENCE_MS = 30_000

export interface SchedulerOptions extends Pick<EngineParts, 'store' | 'clock' | 'registry'> {
  readonly schedules: readonly Schedule[]
  start(flow: AnyFlow, input: unknown, o: StartOptions): Promise<RunId>
}

/** A schedule that can be kept here. */
interface Kept extends CompiledSchedule {
  readonly name: string
  readonly spec: ScheduleSpec
  readonly flow: AnyFlow
  readonly state: ScheduleState
  inputAt(at: Date): unknown
}

export class Scheduler {
  readonly #o: SchedulerOptions
  /** Instants that came while this process was there, and that the run before them holds up. */
  readonly #heldUp = new Set<RunId>()
  readonly #warned = new Set<string>()
  #forget: () => void = () => {}
  #looking: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(o: SchedulerOptions) {
    this.#o = o
  }

  /** A schedule that is new here begins now: it has missed nothing. */
  async begin(): Promise<void> {
    const { store, clock, registry, schedules } = this.#o
    const known = new Set((await store.schedules()).map(({ name }) => name))
    for (const { name, '~schedule': declared } of schedules) {
      registry.add(declared.flow)
      await store.keepSchedule(name, { spec: declared.spec as unknown as Json, ...(!known.has(name) && { considered: clock.now() }) })
    }
    await this.look()
  }

  /** Deals with what is due, and sets the alarm for what comes next. */
  look(): Promise<void> {
    this.#again = true
    this.#looking ??= this.#lookAgain().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** A run is driven here no more: one that waits for it may start. */
  left(): void {
    if (this.#heldUp.size > 0 && !this.#stopped) void this.look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#forget()
    await this.#looking?.catch(() => {})
  }

  async #lookAgain(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      const { clock } = this.#o
      const next: number[] = []
      try {
        for (const state of await this.#o.store.schedules()) {
          const kept = this.#keep(state)
          if (kept) next.push(await this.#dealWith(kept).catch((error) => this.#tryLater(state.name, error)))
        }
      } catch {
        // Nothing was noted that was not done; the store may be there again in a moment.
        next.push(clock.now() + AGAIN_MS)
      }
      this.#forget()
      const at = Math.min(...next)
      if (Number.isFinite(at) && !this.#stopped) this.#forget = clock.alarm(at, () => void this.look())
    }
  }

  /** A schedule whose last run is damaged holds up no other; a store that is not there holds up all. */
  #tryLater(name: string, error: unknown): number {
    if (!TuttiError.is(error, 'JOURNAL_CORRUPT')) throw error
    this.#warn(name, error)
    return this.#o.clock.now() + PATIENCE_MS
  }

  /** `undefined` for one that is paused, is not declared here, or of a flow that is not here. */
  #keep(state: ScheduleState): Kept | undefined {
    const { registry, schedules } = this.#o
    const { name } = state
    const spec = state.spec as unknown as ScheduleSpec | undefined
    const declared = schedules.find((each) => each.name === name)?.['~schedule']
    if (state.damaged) this.#warn(name, new TuttiError('JOURNAL_CORRUPT', 'what the journal holds of it cannot be read', { data: { schedule: name } }))
    if (state.paused || !spec || (spec.declared && !declared)) return undefined
    const flow = declared?.flow ?? registry.latest(spec.flow)
    if (!flow) return undefined
    const inputAt = declared?.inputAt ?? (() => (spec.input === undefined ? undefined : decode(spec.input)))
    try {
      return { name, spec: declared?.spec ?? spec, flow, state, inputAt, ...compileSchedule(name, declared?.spec ?? spec) }
    } catch (error) {
      this.#warn(name, error)
      return undefined
    }
  }

  /** Answers when to look at it next. */
  async #dealWith(kept: Kept): Promise<number> {
    const { clock, store } = this.#o
    const { name, overlap, jitterMs } = kept
    const { come, wanted, late } = this.#due(kept)
    let { run } = kept.state
    for (const at of wanted) {
      const startsAt = at + offsetOf(name, at, jitterMs)
      if (startsAt > clock.now() || this.#stopped) return startsAt
      const overlaps = overlap !== 'allow' && (await this.#isUnderWay(run))
      if (overlaps && (overlap === 'queue' || late.has(at) || this.#heldUp.has(runAt(name, at)))) return this.#holdUp(name, at, wanted)
      if (!overlaps) run = (await this.#start(kept, at)) ?? run
      this.#heldUp.delete(runAt(name, at))
      await store.keepSchedule(name, { considered: at, ...(run !== undefined && { run }) })
    }
    return this.#nextOf(kept, come.at(-1))
  }

  /** What comes after the last instant that was dealt with, or left out. */
  async #nextOf({ name, state, instants, jitterMs }: Kept, last = state.considered): Promise<number> {
    if (last > state.considered) await this.#o.store.keepSchedule(name, { considered: last })
    const next = instants.after(Math.max(last, this.#o.clock.now()))
    return next === undefined ? Number.POSITIVE_INFINITY : next + offsetOf(name, next, jitterMs)
  }

  #holdUp(name: string, from: number, wanted: ReadonlySet<number>): number {
    for (const at of wanted) if (at >= from) this.#heldUp.add(runAt(name, at))
    return this.#o.clock.now() + PATIENCE_MS
  }

  /**
   * The instants that have come, rising, and which of them are to have a run. Of those that were missed as many as its policy says, and these one after the
   * other: they would all overlap.
   */
  #due({ name, state, instants, missed, jitterMs }: Kept): {
    readonly come: readonly number[]
    readonly wanted: ReadonlySet<number>
    readonly late: ReadonlySet<number>
  } {
    const now = this.#o.clock.now()
    const come = instants.between(state.considered, now, MOST_MISSED + 1)
    const inTime = (at: number): boolean => at + jitterMs >= now - LATE_MS || this.#heldUp.has(runAt(name, at))
    const late = come.filter((at) => !inTime(at))
    const madeUp = missed === 'all' ? late.slice(-MOST_MISSED) : missed === 'last' && late.length === come.length ? late.slice(-1) : []
    return { come, wanted: new Set([...madeUp, ...come.filter(inTime)]), late: new Set(late) }
  }

  async #isUnderWay(run: RunId | undefined): Promise<boolean> {
    const head = run && (await this.#o.store.head(run))
    return !!head && !['completed', 'failed', 'cancelled'].includes(head.status)
  }

  /** `undefined` when its input cannot be made: a fault of its code, which holds up nothing else. */
  async #start({ name, spec, flow, inputAt }: Kept, at: number): Promise<RunId | undefined> {
    const id = runAt(name, at)
    let input: unknown
    try {
      input = inputAt(new Date(at))
    } catch (error) {
      this.#warn(name, error)
      return undefined
    }
    try {
      return await this.#o.start(flow, input, { id, scope: spec.scope, labels: { ...spec.labels, schedule: name }, priority: spec.priority })
    } catch (error) {
      // Another process started it, with a later version of the flow or another input.
      if (TuttiError.is(error, 'RUN_ID_TAKEN')) return id
      if (!TuttiError.is(error, 'RUN_NOT_RECORDABLE') && !TuttiError.is(error, 'BUDGET_INVALID')) throw error
      this.#warn(name, error)
      return undefined
    }
  }

  #warn(name: string, error: unknown): void {
    const message = `the schedule '${name}' starts nothing: ${sayThrown(error).message}`
    if (this.#warned.has(message)) return
    this.#warned.add(message)
    process.emitWarning(message, { code: TuttiError.is(error) ? error.code : 'SCHEDULE_INVALID' })
  }
}

/** The run of an instant: the same on every process. */
const runAt = (name: string, at: number): RunId => `${name}@${new Date(at).toISOString().replace('.000Z', 'Z')}` as RunId

/** So much later than its instant a run starts: less than the jitter, and the same on every process. */
const offsetOf = (name: string, at: number, jitterMs: number): number =>
  jitterMs === 0
    ? 0
    : Math.floor(
        (Number.parseInt(
          Buffer.from(hash128(`${name}@${at}`), 'base64url')
            .toString('hex')
            .slice(0, 8),
          16,
        ) /
          2 ** 32) *
          jitterMs,
      )
