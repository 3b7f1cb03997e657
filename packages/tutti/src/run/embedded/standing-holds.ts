/**
 * What a run asks of the accounts that outlive it, read off the entries it writes: what is held with `step.started`, and settled with what ends the attempt.
 *
 * Owns: which attempts hold there. Does not own: the accounts (the store's), the limits (the app's).
 * Invariant: I7; what an entry settles is settled with it, in one transaction. An app without standing budgets pays one look at each append.
 */
import type { Limited, Limits, StandingBudgets } from '../../budget/index.ts'
import {
  type Commit,
  type Entry,
  type EntryOf,
  isTerminal,
  parseEntry,
  type RunStarted,
  type StandingChange,
  type StandingHold,
  type StandingSettle,
} from '../../journal/index.ts'
import { hash128, SparseSet } from '../../primitives/index.ts'
import { tokenOf } from './restored-ledger.ts'

/** What is written when the hold of `step.started` does not fit: a failure, whose error the store says. */
type Instead = Omit<EntryOf<'step.failed'>, 'seq' | 'time' | 'error'>

export interface Otherwise {
  readonly instead: Instead
  /** Called before the append resolves, when that is what was written. */
  refused(): void
}

export class StandingHolds {
  readonly #budgets: StandingBudgets | undefined
  readonly #drawn: Pick<RunStarted, 'scope' | 'flow'>
  readonly #open = new SparseSet<string>()
  readonly #asked = new SparseSet<Promise<unknown>>()
  /** Something was held there, here or in an earlier activation. */
  #ever = false

  /** @param record all that the run has recorded */
  constructor(budgets: StandingBudgets | undefined, drawn: Pick<RunStarted, 'scope' | 'flow'>, record: readonly Entry[]) {
    this.#budgets = budgets
    this.#drawn = drawn
    for (const entry of record) this.#follow(entry)
  }

  /** Whether what is held is held there too. */
  get apply(): boolean {
    return this.#budgets !== undefined
  }

  /** What is limited there. */
  get limited(): readonly Limited[] {
    return this.#budgets?.limited ?? []
  }

  /** What is left there nobody knows without asking the store; that it is limited decides what must be held. */
  limit(left: Limits): Limits {
    if (!this.#budgets) return left
    for (const name of this.limited) left[name] ??= Number.POSITIVE_INFINITY
    return left
  }

  /** What the commit of these entries asks. */
  changeFor(entries: readonly Entry[], instead: Instead | undefined): StandingChange | undefined {
    if (!this.#budgets && !this.#ever) return undefined
    const settles: StandingSettle[] = []
    let hold: StandingHold | undefined
    let closes = false
    for (const entry of entries) {
      if (isTerminal(entry)) closes = true
      if (entry.type === 'step.started' && instead) hold = this.#holdOf(entry, instead) ?? hold
      const settled = this.#follow(entry)
      if (settled) settles.push({ token: hash128(settled.token), actual: settled.actual })
    }
    if (!hold && settles.length === 0 && !closes) return undefined
    return { hold, settles: settles.length > 0 ? settles : undefined, closes: closes || undefined }
  }

  #holdOf({ key, attempt, hold, standing, seq, time }: EntryOf<'step.started'>, instead: Instead): StandingHold | undefined {
    if (!standing || !hold || !this.#budgets) return undefined
    return { token: hash128(tokenOf(key, attempt)), claims: this.#budgets.claimsAt(time, this.#drawn), amounts: hold, instead: { ...instead, seq, time } }
  }

  /** The same answer; until it has come nobody knows whether what was asked for is held. */
  asking<T>(answer: Promise<T>, otherwise: Otherwise | undefined): Promise<T> {
    if (!otherwise) return answer
    const told = (): void => void this.#asked.delete(answer)
    this.#asked.add(answer)
    answer.then(told, told)
    return answer
  }

  /** Resolves once all of it is known; `undefined` when it is. A run that ends says what it used, and what was refused is none of it. */
  get undecided(): Promise<unknown> | undefined {
    return this.#asked.size > 0 ? Promise.allSettled(this.#asked) : undefined
  }

  /** It was not held after all: the entries as they were written. @param line what stands in the place of the first */
  refused(line: string, { run, entries: [first, ...others] }: Commit, otherwise: Otherwise | undefined): readonly Entry[] {
    if (otherwise) this.#open.delete(tokenOf(otherwise.instead.key, otherwise.instead.attempt))
    otherwise?.refused()
    return [parseEntry(line, run, first?.seq ?? 0), ...others]
  }

  /** The attempt that this ends, if it holds. */
  #follow(entry: Entry): StandingSettle | undefined {
    if (entry.type === 'step.started') {
      if (entry.standing) {
        this.#open.add(tokenOf(entry.key, entry.attempt))
        this.#ever = true
      }
      return undefined
    }
    if (this.#open.size === 0) return undefined
    if (entry.type === 'step.completed' || entry.type === 'step.failed' || entry.type === 'budget.settled') {
      const token = tokenOf(entry.key, entry.attempt ?? 1)
      return this.#open.delete(token) ? { token, actual: entry.settle } : undefined
    }
    if (entry.type !== 'step.resolved' || entry.verdict !== 'done') return undefined
    const token = tokenOf(entry.key, entry.attempt)
    return this.#open.delete(token) ? { token } : undefined
  }
}
