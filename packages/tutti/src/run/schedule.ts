/** `schedule()`: a flow that is started by the clock; declared in code, or kept in the store as text. */
import { checkOptions, type Declared, type Duration, durationMs, encode, insteadOf, is, type Json, type Scope } from '../primitives/index.ts'
import { checkLabelsOf, checkScopeOf } from './check-start.ts'
import type { AnyFlow, Flow } from './definition.port.ts'
import { checkName, isFlow } from './flow.ts'
import { type Instants, instantsOf, invalid, type When } from './instants.ts'
import { checkPriority } from './queue-limits.ts'

interface How {
  /**
   * What becomes of the instants at which no process was there: `'last'` (default) starts a run for the last of them, `'all'` one for each, one after the
   * other, the last 100 at most, `'skip'` none.
   */
  readonly missed?: 'skip' | 'last' | 'all' | undefined
  /** While its last run has not ended: `'skip'` (default) leaves the instant out, `'queue'` starts it when that run has ended, `'allow'` starts it beside it. */
  readonly overlap?: 'skip' | 'allow' | 'queue' | undefined
  /** Each run starts up to so much later: not all at the full hour, and the same for an instant on every process. */
  readonly jitter?: Duration | undefined
  readonly scope?: Partial<Scope> | undefined
  readonly labels?: Record<string, string> | undefined
  /** In the queue of the flow. */
  readonly priority?: number | undefined
}

export interface ScheduleOptions<I> extends When, How {
  // biome-ignore lint/suspicious/noExplicitAny: what comes out does not matter
  readonly flow: Flow<I, any>
  /** What each run is given, or how it comes from the instant. Left out where the flow takes none. */
  readonly input?: NoInfer<I> | ((at: Date) => NoInfer<I>) | undefined
}

/** When a flow is started by itself. Given to `tutti({ schedules })`. */
export interface Schedule {
  readonly name: string
  readonly '~schedule': { readonly flow: AnyFlow; readonly spec: ScheduleSpec; inputAt(at: Date): unknown }
}

/** A schedule as text; `input` as the journal keeps it. */
export interface ScheduleSpec extends When, How {
  readonly flow: string
  readonly input?: Json | undefined
  /** Code declares it: without that code nobody starts its runs. */
  readonly declared?: boolean | undefined
}

/** A schedule, checked, as whoever drives it needs it. */
export interface CompiledSchedule {
  readonly instants: Instants
  readonly missed: NonNullable<How['missed']>
  readonly overlap: NonNullable<How['overlap']>
  readonly jitterMs: number
}

const OPTIONS: Declared<ScheduleOptions<never>> = {
  ...{ flow: true, input: true, cron: true, every: true, timeZone: true },
  ...{ missed: true, overlap: true, jitter: true, scope: is.object, labels: is.object, priority: true },
}

/**
 * Declares that a flow is started by the clock. Each instant has a run of its own, named `name@instant`, however many processes there are.
 *
 * @throws SCHEDULE_INVALID naming the field, for a cron expression or a time zone that is none, or a date that never comes
 * @example
 * const nightly = schedule('nightly', { cron: '0 3 * * *', timeZone: 'Europe/Berlin', flow: report, input: (at) => ({ day: at.toISOString().slice(0, 10) }) })
 * await using app = tutti({ flows: [report], schedules: [nightly] })
 */
export function schedule<I>(name: string, o: ScheduleOptions<I>): Schedule {
  checkOptions<object>(`the schedule '${name}'`, o, OPTIONS, insteadOf('tz', "timeZone: 'Europe/Berlin'"))
  const { flow, input, ...spec } = o
  if (!isFlow(flow)) throw invalid(name, 'flow', 'it has no flow', 'flow: the flow that is started')
  const made: ScheduleSpec = { ...spec, flow: flow.name, declared: true }
  compileSchedule(name, made)
  checkScopeOf(`the schedule '${name}'`, spec.scope)
  checkLabelsOf(`the schedule '${name}'`, spec.labels)
  const inputAt = typeof input === 'function' ? (input as (at: Date) => unknown) : () => input
  if (typeof input !== 'function') encode(input)
  return { name, '~schedule': { flow: flow as AnyFlow, spec: made, inputAt } }
}

/** @throws SCHEDULE_INVALID */
export function compileSchedule(
  name: string,
  { cron, every, timeZone, missed = 'last', overlap = 'skip', jitter = 0, priority }: ScheduleSpec,
): CompiledSchedule {
  checkName(name, 'schedule')
  checkPriority(priority)
  if (!['skip', 'last', 'all'].includes(missed)) throw invalid(name, 'missed', `missed is '${missed}'`, "It is 'skip', 'last' or 'all'.")
  if (!['skip', 'allow', 'queue'].includes(overlap)) throw invalid(name, 'overlap', `overlap is '${overlap}'`, "It is 'skip', 'allow' or 'queue'.")
  return { instants: instantsOf(name, { cron, every, timeZone }), missed, overlap, jitterMs: durationMs(jitter) }
}
