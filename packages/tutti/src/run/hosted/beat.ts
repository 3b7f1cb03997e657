/** When the runs of this process write what they gathered: all at the same moment, so that it is one transaction, and not one each. */
import { systemClock } from '../../primitives/index.ts'

/** How far the store may be behind the log while both are well: with few runs, */
const LAG_MS = 100
/** and with many, whose lines in the store are each written at every beat: so the store writes about 125 lines a second and not ten times as many as there are runs. */
const LAG_OF_A_RUN_MS = 8
const LONGEST_LAG_MS = 1_000

export class Beat {
  #next: Promise<void> | undefined
  #waiting = 0
  /** How many waited for the last one. */
  #before = 0

  /** Resolves at the next beat. There is none while nobody waits. */
  next(): Promise<void> {
    this.#waiting++
    this.#next ??= new Promise((resolve) => {
      const lag = Math.min(LONGEST_LAG_MS, Math.max(LAG_MS, this.#before * LAG_OF_A_RUN_MS))
      systemClock.alarm(systemClock.now() + lag, () => {
        this.#before = this.#waiting
        this.#waiting = 0
        this.#next = undefined
        resolve()
      })
    })
    return this.#next
  }
}
