/**
 * Where commits belong: on the main thread while they are quick and few, in a worker once they would delay what else the process does: because the disk is slow, or because so many
 * runs ask at once that the main thread has enough to do with them. Neither follows every moment: a change of places costs what the other thread has to read anew.
 */

/** Measured: up to here streamed tokens are late by milliseconds at worst; at 20 ms a commit they are late by 200. */
const SLOW_MS = 4
/** Back on the main thread below this, and `FEW`: for little, a worker costs more than it spares. Lower than `SLOW_MS`, so that it does not flutter. */
const QUICK_MS = 2
/** Jobs of a group, as a moving average: from here on another thread writes while this one goes on with those that were written. */
const MANY = 48
const FEW = 24
/** Weight of the newest commit in the moving average. */
const WEIGHT = 1 / 8

export type Place = 'main' | 'worker'

export class CommitPlace {
  readonly #fixed: Place | undefined
  #place: Place
  #averageMs: number | undefined
  #averageJobs = 1

  constructor(choice: 'auto' | Place) {
    this.#fixed = choice === 'auto' ? undefined : choice
    this.#place = this.#fixed ?? 'main'
  }

  /** Where the next commit goes. */
  get place(): Place {
    return this.#place
  }

  /** Moving average of a commit in milliseconds; 0 before the first. */
  get averageMs(): number {
    return this.#averageMs ?? 0
  }

  /** A commit of so many jobs took this long. */
  note(ms: number, jobs: number): void {
    this.#averageMs = this.#averageMs === undefined ? ms : this.#averageMs + (ms - this.#averageMs) * WEIGHT
    this.#averageJobs += (jobs - this.#averageJobs) * WEIGHT
    if (this.#fixed) return
    if (this.#averageMs >= SLOW_MS || this.#averageJobs >= MANY) this.#place = 'worker'
    else if (this.#averageMs < QUICK_MS && this.#averageJobs < FEW) this.#place = 'main'
  }
}
