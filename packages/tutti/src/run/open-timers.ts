/** The timers of a record that have not fired: what is taken in the order of the journal. */
import type { Entry } from '../journal/index.ts'

export class OpenTimers {
  readonly #at = new Map<string, number>()

  take(entry: Entry): void {
    if (entry.type === 'timer.set') this.#at.set(entry.key, entry.fireAt)
    if (entry.type === 'timer.fired') this.#at.delete(entry.key)
  }

  /** When the first of them fires (epoch ms); infinite where none is open. */
  get earliest(): number {
    return Math.min(...this.#at.values())
  }
}
