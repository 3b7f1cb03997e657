/** A budget for many runs together: each takes with it no more than nobody else holds, and what it did not use comes back. */
import type { Budget, Usage } from '../budget/index.ts'

const amounts = ['usd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls'] as const

export type Spent = Omit<Usage, 'activeMs' | 'exhausted'>

export class Purse {
  readonly spent: Spent = { usd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }
  readonly #budget: Budget | undefined
  readonly #held = new Set<Budget>()

  constructor(budget: Budget | undefined) {
    this.#budget = budget
  }

  /** The share of one of `shares` runs that may want something now. */
  take(shares: number): Budget | undefined {
    const limits = this.#budget
    if (!limits) return undefined
    const share: Budget = {}
    for (const name of amounts) {
      const limit = limits[name]
      if (limit === undefined) continue
      const held = [...this.#held].reduce((total, other) => total + (other[name] ?? 0), 0)
      const free = Math.max(0, limit - this.#used(name) - held)
      const part = name === 'usd' ? Math.floor((free / shares) * 1_000_000) / 1_000_000 : Math.floor(free / shares)
      share[name] = part > 0 ? part : free
    }
    this.#held.add(share)
    return share
  }

  /** @param share what `take` gave it */
  give(share: Budget | undefined, usage: Spent): void {
    if (share) this.#held.delete(share)
    for (const name of Object.keys(this.spent) as (keyof Spent)[]) this.spent[name] += usage[name]
  }

  #used(name: (typeof amounts)[number]): number {
    return name === 'tokens' ? this.spent.inputTokens + this.spent.outputTokens : this.spent[name]
  }
}
