/** Where commits belong: on the main thread while they are quick, in a worker once they would delay what else the process does. */

/** Measured: up to here streamed tokens are late by milliseconds at worst; at 20 ms a commit they are late by 200. */
const SLOW_MS = 4
/** Back on the main thread below this: a worker costs about twice the CPU. Lower than `SLOW_MS`, so that it does not flutter. */
const QUICK_MS = 2
/** Weight of the newest commit in the moving average. */
const WEIGHT = 1 / 8

export type Place = 'main' | 'worker'

export class CommitPlace {
  readonly #fixed: Place | undefined
  #place: Place
  #averageMs: number | undefined

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

  /** A commit took this long. */
  note(ms: number): void {
    this.#averageMs = this.#averageMs === undefined ? ms : this.#averageMs + (ms - this.#averageMs) * WEIGHT
    if (this.#fixed) return
    if (this.#averageMs >= SLOW_MS) this.#place = 'worker'
    else if (this.#averageMs < QUICK_MS) this.#place = 'main'
  }
}
