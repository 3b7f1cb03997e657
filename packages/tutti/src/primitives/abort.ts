/** An AbortController that is made only when somebody asks for its signal: most steps never do. */
export class LazyAbort {
  #controller: AbortController | undefined
  #reason: unknown
  #aborted = false

  get aborted(): boolean {
    return this.#aborted
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/** Settles as `work`, or rejects with the reason as soon as `signal` aborts, whichever is first. */
export function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const done = (settle: () => void): void => {
      signal.removeEventListener('abort', abort)
      settle()
    }
    work.then(
      (value) => done(() => resolve(value)),
      (error) => done(() => reject(error)),
    )
  })
}
