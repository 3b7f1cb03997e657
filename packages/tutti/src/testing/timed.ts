/** Models of tests that take their time: on the clock of the app that asks them, so that simulated time is theirs too. */
import { type Clock, type Duration, durationMs, systemClock } from '../primitives/index.ts'

/** A model that can be told which clock it is on. */
export interface Timed {
  '~on'(clock: Clock): void
}

export const isTimed = (model: unknown): model is Timed => typeof (model as Partial<Timed> | null)?.['~on'] === 'function'

/** Waits on whatever clock it was last put on. */
export class Pace implements Timed {
  #clock: Clock = systemClock

  '~on'(clock: Clock): void {
    this.#clock = clock
  }

  /** @throws the reason of the signal */
  async wait(time: Duration, signal: AbortSignal | undefined): Promise<void> {
    const ms = durationMs(time)
    signal?.throwIfAborted()
    if (ms === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const forget = this.#clock.alarm(this.#clock.now() + ms, resolve)
    const abort = (): void => {
      forget()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }
}
