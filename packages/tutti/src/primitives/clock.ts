/** Time as a dependency: the only door to the wall clock for rooms that must be deterministic. Instants are epoch milliseconds. */
export interface Clock {
  now(): number
  /** Calls `fire` once `at` (epoch ms) has come; however far off. Returns how to forget it. `idle`: it alone does not keep the process from ending. */
  alarm(at: number, fire: () => void, o?: { readonly idle?: boolean | undefined }): () => void
}

/**
 * A long wait is made of shorter ones: `setTimeout` knows nothing of a machine that slept or a clock that was set, and fires at once beyond 2^31 - 1 ms.
 * So a jump of the clock is noticed this much later.
 */
const LONGEST_TIMEOUT_MS = 30_000

export const systemClock: Clock = {
  now: () => Date.now(),
  alarm(at, fire, { idle = false } = {}) {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const left = at - Date.now()
      timer = left > LONGEST_TIMEOUT_MS ? setTimeout(arm, LONGEST_TIMEOUT_MS) : setTimeout(fire, Math.max(0, left))
      if (idle) timer.unref()
    }
    arm()
    return () => clearTimeout(timer)
  },
}
