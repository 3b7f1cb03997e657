/** Calendar periods: the hour, the day or the month that an instant lies in, by the clock of a time zone. Pure; no state but what was worked out last. */
import { TuttiError } from '../errors/index.ts'

export type Every = 'hour' | 'day' | 'month'

export interface Period {
  /** As a person writes it: `2026-11`, `2026-11-30`, `2026-11-30T14`; in a time zone other than UTC with its name behind. */
  readonly name: string
  /** Epoch ms: the first instant of it, and the first after it. */
  readonly from: number
  readonly until: number
}

export const UTC = 'UTC'

/**
 * The periods of one length in one time zone. Where clocks are set back the hour that comes twice is one period, twice as long.
 * @throws CONFIG_INVALID when there is no such time zone
 */
export class Calendar {
  readonly #every: Every
  readonly #zone: string
  readonly #format: Intl.DateTimeFormat | undefined
  #last: Period | undefined

  constructor(every: Every, zone: string = UTC) {
    this.#every = every
    this.#zone = zone
    this.#format = zone === UTC ? undefined : formatOf(zone)
  }

  at(now: number): Period {
    const last = this.#last
    if (last && now >= last.from && now < last.until) return last
    const [year, month, day, hour] = this.#partsAt(now)
    const every = this.#every
    const local = every === 'month' ? Date.UTC(year, month) : every === 'day' ? Date.UTC(year, month, day) : Date.UTC(year, month, day, hour)
    const next = every === 'month' ? Date.UTC(year, month + 1) : local + (every === 'day' ? 86_400_000 : 3_600_000)
    const text = new Date(local).toISOString().slice(0, every === 'month' ? 7 : every === 'day' ? 10 : 13)
    const period = { name: this.#format ? `${text} ${this.#zone}` : text, from: this.#instantOf(local), until: this.#instantOf(next) }
    // Where a whole day was left out of the calendar, the next instant is worked out anew.
    this.#last = now >= period.from && now < period.until ? period : undefined
    return period
  }

  /** Year, month from 0, day, hour, as the clocks there show them. */
  #partsAt(now: number): readonly [year: number, month: number, day: number, hour: number] {
    const local = new Date(now + this.#offsetAt(now))
    return [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate(), local.getUTCHours()]
  }

  /** How far the clocks there are ahead of UTC (ms). */
  #offsetAt(now: number): number {
    if (!this.#format) return 0
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(now)) parts[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(now / 1_000) * 1_000
  }

  /** The first instant at which the clocks there show this, or more. */
  #instantOf(local: number): number {
    if (!this.#format) return local
    const ahead = this.#offsetAt(local - 86_400_000)
    const behind = this.#offsetAt(local + 86_400_000)
    const candidates = [local - ahead, local - behind].sort((a, b) => a - b)
    return candidates.find((at) => at + this.#offsetAt(at) >= local) ?? (candidates[1] as number)
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...numeric })
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `'${zone}' is not a time zone`, {
      data: { timeZone: zone },
      hint: "Its name, as in 'Europe/Berlin'; or leave it out: UTC.",
      cause,
    })
  }
}
