/** The accounts of a store in memory. */
import type { AccountState, OpenHold } from '../budget/index.ts'
import type { RunId } from '../primitives/index.ts'
import type { Subject } from './encryption.port.ts'
import type { AccountFilter, AccountTable, StandingChange } from './standing.port.ts'
import { byPeriod, isWanted, judge, refusedText } from './standing.ts'

export class MemoryAccounts {
  readonly #states = new Map<string, AccountState>()
  readonly #holds = new Map<RunId, Map<string, OpenHold>>()

  /** The line that is written instead of the first entry, when the hold does not fit. */
  change(run: RunId, change: StandingChange): string | undefined {
    const refusal = judge(this.#tableOf(run), change)
    return refusal && change.hold && refusedText(change.hold, refusal)
  }

  list(filter: AccountFilter): AccountState[] {
    return [...this.#states.values()].filter((state) => isWanted(filter, state)).sort(byPeriod)
  }

  /** What they used stays counted; whose it was is forgotten. */
  forget({ tenant, user }: Subject): void {
    for (const [id, state] of this.#states) {
      if (state.tenant !== tenant || (user !== undefined && state.user !== user)) continue
      this.#states.set(id, { ...state, tenant: undefined, user: undefined, isErased: true })
    }
  }

  #tableOf(run: RunId): AccountTable {
    const holds = this.#holds.get(run) ?? new Map<string, OpenHold>()
    return {
      state: (id) => this.#states.get(id),
      keep: (state) => {
        const known = this.#states.get(state.id)
        if (!known) this.#dropOld(state.from)
        this.#states.set(state.id, known?.isErased ? { ...state, tenant: undefined, user: undefined, isErased: true } : state)
      },
      hold: (token) => holds.get(token),
      open: () => [...holds.keys()],
      keepHold: (token, hold) => void this.#holds.set(run, holds.set(token, hold)),
      dropHold: (token) => {
        holds.delete(token)
        if (holds.size === 0) this.#holds.delete(run)
      },
    }
  }

  #dropOld(now: number): void {
    for (const [id, { keepUntil }] of this.#states) if (keepUntil <= now) this.#states.delete(id)
  }
}
