/**
 * The window of a limit by the minute: what was taken in each of the last 61 seconds. Pure.
 *
 * A window of whole seconds, counted with the second that has only partly left it, never lets more through in any 60 seconds than it may; it may let through up to
 * a second later than it could. A bucket that fills up again as it goes would let through almost twice as much in the minute after it was full.
 */
import type { LimitAnswer, LimitAsk, LimitBook, LimitChange } from './limit.port.ts'

/** Second (epoch s), requests, tokens. */
export type Slot = [second: number, requests: number, tokens: number]

const SECOND_MS = 1_000
/** Seconds that may overlap the last minute. */
const SPAN = 61

/** Takes what is asked from these slots, in place, or says how long it must wait. Slots that are over are dropped. */
export function takeFrom(slots: Slot[], { most, take, now }: LimitAsk): LimitAnswer {
  const second = Math.floor(now / SECOND_MS)
  // A clock that was set back must not stop everybody until it stands again where it stood.
  const live = slots.filter(([at]) => at > second - SPAN && at < second + SPAN)
  slots.splice(0, slots.length, ...live)
  let freeRequests = (most.requests ?? Number.POSITIVE_INFINITY) - sumOf(slots, 1) - take.requests
  let freeTokens = (most.tokens ?? Number.POSITIVE_INFINITY) - sumOf(slots, 2) - take.tokens
  if (freeRequests >= 0 && freeTokens >= 0) {
    add(slots, second, take.requests, take.tokens)
    return { taken: true, slot: second }
  }
  for (const [at, requests, taken] of slots) {
    freeRequests += requests
    freeTokens += taken
    if (freeRequests >= 0 && freeTokens >= 0) return { taken: false, waitMs: (at + SPAN) * SECOND_MS - now }
  }
  return { taken: false, waitMs: SPAN * SECOND_MS }
}

/** Corrects what was taken, as long as it counts. */
export function changeIn(slots: Slot[], { slot, by }: LimitChange): void {
  const found = slots.find(([at]) => at === slot)
  if (!found) return
  found[1] = Math.max(0, found[1] + by.requests)
  found[2] = Math.max(0, found[2] + by.tokens)
}

/** In the order of their seconds. */
function add(slots: Slot[], second: number, requests: number, tokens: number): void {
  const after = slots.findLastIndex(([at]) => at <= second)
  const last = slots[after]
  if (last?.[0] === second) {
    last[1] += requests
    last[2] += tokens
  } else slots.splice(after + 1, 0, [second, requests, tokens])
}

function sumOf(slots: readonly Slot[], column: 1 | 2): number {
  let sum = 0
  for (const slot of slots) sum += slot[column]
  return sum
}

/** The limits of this process alone. */
export function memoryLimits(): LimitBook {
  const windows = new Map<string, Slot[]>()
  const windowOf = (name: string): Slot[] => {
    const window = windows.get(name) ?? []
    windows.set(name, window)
    return window
  }
  return { take: (ask) => takeFrom(windowOf(ask.name), ask), change: (change) => changeIn(windowOf(change.name), change) }
}
