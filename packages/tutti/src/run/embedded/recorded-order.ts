/**
 * The order in which outcomes reached a flow in the record that a run is seeded with, and how far this run has gone the same way.
 *
 * Invariant: I4, for a seed: while every outcome delivered here is the next one there, with the same value, a flow asks the same as it did there. From the first
 * one that is another, in another order, or missing, it `differs`, for good. What the flow gave up (the loser of a race) is passed over.
 */
import type { Entry, Value } from '../../journal/index.ts'
import type { Outcome } from '../engine.port.ts'
import { isOutcome } from '../record.ts'

export class RecordedOrder {
  readonly #outcomes: readonly Outcome[]
  readonly #positions = new Map<string, number>()
  readonly #abandoned = new Set<string>()
  #cursor = 0
  #differs: boolean

  /** @param differs the run began with something else than the record did */
  constructor(entries: readonly Entry[], differs: boolean) {
    this.#outcomes = entries.filter(isOutcome)
    this.#differs = differs
    this.#outcomes.forEach((outcome, i) => {
      const key = keyOf(outcome)
      if (key !== undefined) this.#positions.set(key, i)
    })
  }

  /** Something was delivered here that was not, or not then, delivered there. */
  get differs(): boolean {
    return this.#differs
  }

  /** The place of the outcome of this key among all outcomes; `undefined` where the record holds none. */
  positionOf(key: string): number | undefined {
    return this.#positions.get(key)
  }

  /** The place of the outcome that comes after the one at `position`, without those that nobody waits for any more. */
  after(position: number): number {
    for (let next = Math.max(position + 1, this.#cursor); ; next++) {
      const key = keyOf(this.#outcomes[next])
      if (key === undefined || !this.#abandoned.has(key)) return next
    }
  }

  abandon(key: string): void {
    this.#abandoned.add(key)
  }

  delivered(outcome: Outcome): void {
    for (let at = this.#cursor; at < this.#outcomes.length; at++) {
      const due = this.#outcomes[at] as Outcome
      if (isSame(due, outcome)) {
        this.#cursor = at + 1
        return
      }
      if (!this.#isAbandoned(due)) break
    }
    if (!this.#isAbandoned(outcome)) this.#differs = true
  }

  #isAbandoned(outcome: Outcome): boolean {
    const key = keyOf(outcome)
    return key !== undefined && this.#abandoned.has(key)
  }
}

const keyOf = (outcome: Outcome | undefined): string | undefined => (outcome && 'key' in outcome ? outcome.key : undefined)

function isSame(there: Outcome, here: Outcome): boolean {
  return keyOf(there) !== undefined && keyOf(there) === keyOf(here) && said(there) === said(here)
}

/** What the flow is told. A large value is compared by its hash. */
function said(outcome: Outcome): string {
  if (outcome.type === 'step.failed') return `failed ${JSON.stringify(outcome.error)}`
  const value: Value | undefined = 'value' in outcome ? outcome.value : undefined
  return value === undefined ? outcome.type : `gave ${JSON.stringify(value)}`
}
