/** Time that passes only when a test says so. */
import { type Clock, checkValue, type Duration, durationMs } from '../primitives/index.ts'

export interface SimulatedClock extends Clock {
  /** Lets time pass: every alarm that comes due goes off at its own instant, in order, and what it sets off is done before the next one. */
  advance(by: Duration): Promise<void>
  /** How many alarms are set. */
  readonly alarms: number
  /** When the first of them is due (epoch ms). */
  readonly nextAt: number | undefined
}

interface Alarm {
  readonly at: number
  readonly fire: () => void
}

/** @param startMs epoch milliseconds at which it stands first. Default 2026-01-01. */
export function simulatedClock(startMs: number = Date.UTC(2026, 0, 1)): SimulatedClock {
  checkValue('the time at which simulatedClock() begins', 'startMs', startMs, {
    fits: Number.isFinite,
    hint: () => 'It is a number, epoch milliseconds: Date.UTC(2026, 0, 1).',
  })
  let now = startMs
  const alarms = new Set<Alarm>()
  const due = (until: number): Alarm | undefined => {
    let first: Alarm | undefined
    for (const alarm of alarms) if (alarm.at <= until && (!first || alarm.at < first.at)) first = alarm
    return first
  }
  return {
    now: () => now,
    alarm(at, fire) {
      const alarm = { at, fire }
      alarms.add(alarm)
      // What is due already needs no more time to pass, only a turn of the event loop, as with any clock.
      if (at <= now)
        setImmediate(() => {
          if (alarms.delete(alarm)) fire()
        })
      return () => void alarms.delete(alarm)
    },
    async advance(by) {
      const until = now + durationMs(by)
      await settled()
      for (let alarm = due(until); alarm; alarm = due(until)) {
        alarms.delete(alarm)
        now = Math.max(now, alarm.at)
        alarm.fire()
        await settled()
      }
      now = until
      await settled()
    },
    get alarms() {
      return alarms.size
    },
    get nextAt() {
      return due(Number.POSITIVE_INFINITY)?.at
    },
  }
}

/** So many turns of the event loop are enough for a store to commit, the pump to deliver and the flow to ask again, a few times over. */
const TURNS = 20

/** Lets everything that is under way without waiting for time come to its end. */
export async function settled(turns: number = TURNS): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
