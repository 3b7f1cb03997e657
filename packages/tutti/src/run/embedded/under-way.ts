/** How much is under way in an activation that will bring an outcome, and for how long something was. */
import type { Clock } from '../../primitives/index.ts'

export class UnderWay {
  readonly #clock: Clock
  #count = 0
  #since = 0
  #spentMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(): void {
    if (this.#count++ === 0) this.#since = this.#clock.now()
  }

  /** True when it was the last. */
  finish(): boolean {
    if (--this.#count > 0) return false
    this.#spentMs += this.#clock.now() - this.#since
    return true
  }

  get none(): boolean {
    return this.#count === 0
  }

  /** Milliseconds in which something was under way. */
  get spentMs(): number {
    return this.#spentMs
  }
}
