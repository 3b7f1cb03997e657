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

  finish(): void {
    if (--this.#count === 0) this.#spentMs += this.#clock.now() - this.#since
  }

  get count(): number {
    return this.#count
  }

  /** Milliseconds in which something was under way, up to now. */
  get spentMs(): number {
    return this.#spentMs + (this.#count > 0 ? this.#clock.now() - this.#since : 0)
  }
}
