/** Where a run stands in its queue, when every line has its turn. */
import type { QueuePlace } from './queue.port.ts'

export interface LineLength {
  readonly priority: number
  readonly turn: number
  readonly runs: number
}

export interface LinePlace {
  readonly priority: number
  /** Of its line; no two of one priority have the same. */
  readonly turn: number
  /** Runs of its own line that came before it. */
  readonly before: number
}

/** Before its turn each line of its priority is served once for each run before it, and once more if that line is next sooner. */
export function placeAmong(mine: LinePlace, lines: readonly LineLength[]): QueuePlace {
  let ahead = mine.before
  let queued = 0
  for (const { priority, turn, runs } of lines) {
    queued += runs
    if (priority > mine.priority) ahead += runs
    else if (priority === mine.priority && turn !== mine.turn) ahead += Math.min(runs, turn < mine.turn ? mine.before + 1 : mine.before)
  }
  return { position: ahead + 1, queued }
}
