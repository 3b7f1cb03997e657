/**
 * Effects that wait for room in the budget of their run: until somebody grants more, or a call that held it turns out cheaper.
 *
 * Owns: who waits, and since what was said of it. Does not own: limits (the ledger's), entries (the activation's).
 * Invariants: those that wait try again in the order in which they came; a person is asked once for the same figures, in however many activations.
 * On a crash nothing is lost: the effect is asked for again, does not fit, and waits here again.
 */
import type { Refusal } from '../../budget/index.ts'
import type { Entry, OpenWait } from '../../journal/index.ts'
import { SparseMap } from '../../primitives/index.ts'
import { ownSignal } from '../own-signal.ts'
import type { Draft } from './draft.ts'

interface Waiter {
  readonly refusal: Refusal
  readonly goOn: () => void
}

export class BudgetRoom {
  readonly #waiters = new SparseMap<string, Waiter>()
  /** By key: what somebody was asked for last. */
  #asked: Map<string, string> | undefined

  constructor(record: readonly Entry[]) {
    for (const entry of record) {
      if (entry.type === 'budget.exhausted') this.#asked = (this.#asked ?? new Map()).set(entry.key, figuresOf(entry))
      else if (entry.type === 'step.started') this.#asked?.delete(entry.key)
    }
  }

  get size(): number {
    return this.#waiters.size
  }

  /** Resolves when something has changed; whether it fits is seen by trying. */
  wait(key: string, refusal: Refusal): Promise<void> {
    return new Promise((goOn) => this.#waiters.set(key, { refusal, goOn }))
  }

  /** What is to be recorded of a refusal. Nothing while calls under way hold what may come back, and nothing twice. */
  ask(key: string, refusal: Refusal): Draft | undefined {
    const figures = figuresOf(refusal)
    if (refusal.held > 0 || this.#asked?.get(key) === figures) return undefined
    this.#asked = (this.#asked ?? new Map()).set(key, figures)
    const { account, limit, allowed, taken, asked } = refusal
    return { type: 'budget.exhausted', key, account, limit, allowed, taken, asked }
  }

  /** Limits were raised, or a hold came back. */
  changed(): void {
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const { goOn } of waiters) goOn()
  }

  forget(key: string): void {
    this.#waiters.delete(key)
  }

  /** The scopes whose limits are in the way, beside the run itself. */
  get accounts(): ReadonlySet<string> {
    return new Set([...this.#waiters.values()].map(({ refusal }) => refusal.account).filter((account) => account !== ''))
  }

  get waiting(): readonly OpenWait[] {
    return [...this.#waiters].map(([key, { refusal }]) => {
      const { account, limit, allowed, taken, asked } = refusal
      return { signal: ownSignal.grant, key, data: { account, limit, allowed, taken, asked } }
    })
  }
}

const figuresOf = ({ account, limit, allowed, taken, asked }: Pick<Refusal, 'account' | 'allowed' | 'taken' | 'asked'> & { readonly limit: string }): string =>
  JSON.stringify([account, limit, allowed, taken, asked])
