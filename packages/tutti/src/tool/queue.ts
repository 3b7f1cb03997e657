/** Calls of one tool at once: those that are too many wait their turn, first come first served. */
import type { StepContext } from '../run/index.ts'

class Queue {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #under = 0

  constructor(most: number) {
    this.#most = most
  }

  async run<T>(work: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#under < this.#most) {
      this.#under++
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const enter = (): void => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const abort = (): void => {
      const at = this.#waiting.indexOf(enter)
      if (at >= 0) this.#waiting.splice(at, 1)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiting.push(enter)
    return promise
  }

  /** The place goes to whoever has waited longest. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#under--
  }
}

/** `execute`, of which no more than `most` run at once in this process. What waits has not begun, so what is given up while it waits is not done. */
export function queued<T>(
  most: number,
  execute: (input: unknown, ctx: StepContext) => T | Promise<T>,
  notDone: (cause: unknown) => Error,
): (input: unknown, ctx: StepContext) => Promise<T> {
  const queue = new Queue(most)
  return async (input, ctx) => {
    let begun = false
    try {
      return await queue.run(() => {
        begun = true
        return execute(input, ctx)
      }, ctx.signal)
    } catch (error) {
      throw begun ? error : notDone(error)
    }
  }
}
