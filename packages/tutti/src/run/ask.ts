/** One ask of a flow: from the moment it is made until its outcome is delivered. Owned by the pump. */
import { rebuildError, type TuttiError } from '../errors/index.ts'
import { decode, type Json, LazyAbort } from '../primitives/index.ts'
import type { AskOp, Outcome } from './engine.port.ts'
import type { RunScope } from './scope.ts'

export class Ask {
  readonly scope: RunScope
  readonly key: string
  readonly promise: Promise<unknown>
  op: AskOp | undefined
  settled = false
  readonly #abort = new LazyAbort()
  #resolve!: (value: unknown) => void
  #reject!: (error: unknown) => void

  constructor(scope: RunScope, key: string) {
    this.scope = scope
    this.key = key
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get abandoned(): boolean {
    return this.#abort.aborted
  }

  /** Gives the flow what the journal holds: the decoded record, the rebuilt error. */
  deliver(outcome: Outcome, value: Json | undefined): void {
    if (this.settled) return
    this.settled = true
    switch (outcome.type) {
      case 'step.failed':
        return this.#fail(rebuildError(outcome.error))
      case 'timer.fired':
        return this.#resolve(timedOut)
      default:
        return this.#resolve(value === undefined ? undefined : decode(value))
    }
  }

  /** The flow does not get its outcome any more: it was cancelled, or its deadline passed. */
  cancel(reason: TuttiError): void {
    if (!this.settled) {
      this.settled = true
      this.#fail(reason)
    }
    this.#abort.abort(reason)
  }

  /** Tells the work that nobody waits for it, without telling the flow. */
  abort(reason: TuttiError): void {
    this.#abort.abort(reason)
  }

  #fail(error: unknown): void {
    // A failure that nobody awaits must not end the process: it is in the journal.
    this.promise.catch(ignore)
    this.#reject(error)
  }
}

/** What an ask resolves to when its timer fired: a sleep is over, a wait was in vain. */
export const timedOut = Symbol('timed out')

const ignore = (): void => {}
