/** What a journal tells of calls for which the budget had no room: that they were made otherwise, late, or not. */
import type { Exhaustion, OnExhausted } from '../../budget/index.ts'
import type { Entry } from '../../journal/index.ts'

/** So many are listed in the usage of a run; the journal holds the rest. */
const MOST = 100

export class Exhaustions {
  #found: Exhaustion[] | undefined

  constructor(record: Iterable<Entry> = []) {
    for (const entry of record) this.see(entry)
  }

  see(entry: Entry): void {
    if (entry.type !== 'step.started' && entry.type !== 'step.failed') return
    const found = exhaustionOf(entry)
    if (!found) return
    this.#found ??= []
    if (this.#found.length < MOST) this.#found.push(found)
  }

  /** As it stands in a usage: left out where there is none. */
  get inUsage(): { readonly exhausted?: readonly Exhaustion[] } {
    return this.#found ? { exhausted: this.#found } : {}
  }
}

function exhaustionOf(entry: Extract<Entry, { type: 'step.started' | 'step.failed' }>): Exhaustion | undefined {
  if (entry.type === 'step.started') return entry.exhausted && { key: entry.key, ...entry.exhausted }
  if (entry.error.code !== 'BUDGET_EXCEEDED' || !entry.final || entry.reused) return undefined
  const { account, limit, policy } = (entry.error.data ?? {}) as { account?: string; limit?: string; policy?: OnExhausted }
  return { key: entry.key, account: account ?? '', limit: limit ?? '', policy: policy ?? 'fail', did: 'was not made' }
}
