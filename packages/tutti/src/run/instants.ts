/** The instants of a schedule: a cron expression in its time zone, or a fixed distance. */
import { Cron } from 'croner'
import { TuttiError } from '../errors/index.ts'
import { type Duration, durationMs } from '../primitives/index.ts'

export interface When {
  /** Five fields (minute, hour, day, month, weekday), or six with seconds before them; `@daily` and the like. */
  readonly cron?: string | undefined
  /** At each multiple of this since 1970-01-01T00:00Z. */
  readonly every?: Duration | undefined
  /** IANA name, for `cron`. Default `'UTC'`. */
  readonly timeZone?: string | undefined
}

/** All in epoch ms. */
export interface Instants {
  /** The first after `at`; `undefined` when none comes any more. */
  after(at: number): number | undefined
  /** The last ones after `from` up to `now`, rising, at most so many. */
  between(from: number, now: number, most: number): number[]
}

/**
 * Where a clock is set forward, an instant that does not exist is that at which the clock goes on; where it is set back, a fixed time comes once, and
 * what comes every so many minutes comes in both hours.
 * @throws SCHEDULE_INVALID naming the field
 */
export function instantsOf(name: string, { cron, every, timeZone }: When): Instants {
  if ((cron === undefined) === (every === undefined)) throw invalid(name, 'cron', 'one of `cron` and `every` is needed, and only one')
  if (every !== undefined) return everySo(name, every, timeZone)
  const zone = checkZone(name, timeZone ?? 'UTC')
  const parsed = parse(name, cron as string, zone)
  const after = (at: number): number | undefined => parsed.nextRun(new Date(at))?.getTime()
  if (after(Date.UTC(2000, 0, 1)) === undefined) throw invalid(name, 'cron', `'${cron}' names a date that never comes`)
  return { after, between: (from, now, most) => risingFrom(after, from, now, most) ?? lastOf(parsed, from, now, most) }
}

function everySo(name: string, every: Duration, timeZone: string | undefined): Instants {
  if (timeZone !== undefined) throw invalid(name, 'timeZone', '`every` knows no time zone; a fixed time of the day is a `cron`')
  const ms = everyMs(name, every)
  const after = (at: number): number => (Math.floor(at / ms) + 1) * ms
  const between = (from: number, now: number, most: number): number[] => {
    const last = Math.floor(now / ms)
    const first = Math.max(Math.floor(from / ms) + 1, last - most + 1)
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * ms)
  }
  return { after, between }
}

function everyMs(name: string, every: Duration): number {
  try {
    const ms = durationMs(every)
    if (ms >= 1_000) return ms
  } catch (error) {
    throw invalid(name, 'every', (error as Error).message)
  }
  throw invalid(name, 'every', `'${every}' is shorter than a second`)
}

function checkZone(name: string, timeZone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
  } catch {
    throw invalid(name, 'timeZone', `'${timeZone}' is no time zone`)
  }
}

function parse(name: string, cron: string, timezone: string): Cron {
  try {
    return new Cron(cron, { timezone, paused: true, mode: '5-or-6-parts' })
  } catch (error) {
    throw invalid(name, 'cron', `'${cron}' is no cron expression: ${(error as Error).message.replace(/^CronPattern: /, '')}`)
  }
}

/** `undefined` when there are more than so many. */
function risingFrom(after: Instants['after'], from: number, now: number, most: number): number[] | undefined {
  const found: number[] = []
  for (let at = after(from); at !== undefined && at <= now; at = after(at)) {
    if (found.length === most) return undefined
    found.push(at)
  }
  return found
}

function lastOf(parsed: Cron, from: number, now: number, most: number): number[] {
  const before = parsed.previousRuns(most + 1, new Date(now + 1_000)).map((date) => date.getTime())
  return before
    .filter((at) => at > from && at <= now)
    .slice(0, most)
    .reverse()
}

const hints: Readonly<Record<string, string>> = {
  cron: "As in '0 3 * * *' (at three every night) or '*/15 9-17 * * 1-5'; or `every: '15m'`.",
  every: "As in '30s', '15m', '6h'.",
  timeZone: "As in 'Europe/Berlin', 'America/New_York', 'UTC'.",
}

export const invalid = (name: string, field: string, says: string, hint = hints[field] ?? ''): TuttiError =>
  new TuttiError('SCHEDULE_INVALID', `the schedule '${name}' cannot be kept: ${says}`, { data: { schedule: name, field }, hint })
