/** When the runs of this process write what they gathered: all at the same moment, so that it is one transaction, and not one each. */
import { systemClock } from '../../primitives/index.ts'

/** How far the store may be behind the log while both are well. */
const LAG_MS = 100

export class Beat {
  #next: Promise<void> | undefined

  /** Resolves at the next beat. There is none while nobody waits. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      systemClock.alarm(systemClock.now() + LAG_MS, () => {
        this.#next = undefined
        resolve()
      })
    })
    return this.#next
  }
}
