/** A ledger beside the plainest statement of one: every token, where it draws, and what it takes. */
import { type Amounts, type Budget, Ledger, type Limited } from '../budget/index.ts'

/** Scopes with budgets of their own: `a/b` lies in `a`, `c` beside them. */
export const accounts = ['', 'a', 'a/b', 'c'] as const
const chains = [[], ['a'], ['a', 'a/b'], ['c']] as const
export const limitedNames: readonly Limited[] = ['microUsd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls']

export type LedgerCall =
  | { readonly do: 'hold'; readonly token: number; readonly chain: number; readonly worst: Amounts }
  /** `quarters` of the hold were used; left out: nobody knows. */
  | { readonly do: 'settle'; readonly token: number; readonly quarters: number | undefined }
  | { readonly do: 'grant'; readonly account: number; readonly more: number }

interface Taken {
  readonly chain: readonly string[]
  readonly held: Amounts
  settled: Amounts | undefined
}
type Taking = Readonly<Record<string, Record<Limited, number>>>

export class LedgerTwin {
  readonly #budgets: readonly Budget[]
  readonly #tokens = new Map<string, Taken>()
  readonly #limits: Partial<Record<Limited, number>>[]
  /** What a journal would hold: each hold that was granted, each settlement. */
  readonly #record: { readonly token: string; readonly redo: (to: Ledger) => void }[] = []
  readonly ledger: Ledger

  /** @param budgets of the run, then of the scopes in the order of `accounts` */
  constructor(budgets: readonly Budget[]) {
    this.#budgets = budgets
    this.#limits = budgets.map(
      ({ usd, ...counts }) => ({ ...counts, ...(usd === undefined ? {} : { microUsd: Math.round(usd * 1e6) }) }) as Partial<Record<Limited, number>>,
    )
    this.ledger = this.#opened(new Ledger(budgets[0]))
  }

  apply(call: LedgerCall): void {
    if (call.do === 'hold') this.#hold(call)
    else if (call.do === 'settle') this.#settle(call)
    else this.#grant(call)
  }

  /** What each account takes now, as the ledger says. */
  taken(ledger: Ledger = this.ledger): Taking {
    return each((account, name) => amountOf(ledger.spent(account), name) + amountOf(ledger.held(account), name))
  }

  /** What each account takes by the plain statement; of the first `length` lines of the record only the tokens they name. */
  expected(length?: number): Taking {
    const named = new Set(this.#record.slice(0, length).map(({ token }) => token))
    const takings = [...this.#tokens].filter(([token]) => named.has(token)).map(([, taken]) => taken)
    return each((account, name) =>
      takings.filter(({ chain }) => account === '' || chain.includes(account)).reduce((sum, { held, settled }) => sum + amountOf(settled ?? held, name), 0),
    )
  }

  limits(): Taking {
    return each((account, name) => this.#limits[accounts.indexOf(account)]?.[name] ?? Number.POSITIVE_INFINITY)
  }

  /** The ledger that a process finds after a crash: holds and settlements first, the budgets of scopes when they are opened again. */
  restored(length: number): Ledger {
    const ledger = new Ledger(this.#budgets[0])
    for (const { redo } of this.#record.slice(0, length)) redo(ledger)
    return this.#opened(ledger)
  }

  #opened(ledger: Ledger): Ledger {
    accounts.slice(1).forEach((account, i) => void ledger.open(account, this.#budgets[i + 1]))
    return ledger
  }

  #hold({ token: number, chain: index, worst }: Extract<LedgerCall, { do: 'hold' }>): void {
    const token = `t${number}`
    const chain = chains[index] as readonly string[]
    const refused = this.ledger.hold(chain, token, worst)
    if (refused || this.#tokens.has(token)) return
    this.#tokens.set(token, { chain, held: worst, settled: undefined })
    this.#record.push({ token, redo: (to) => to.restoreHold(chain, token, worst) })
  }

  #settle({ token: number, quarters }: Extract<LedgerCall, { do: 'settle' }>): void {
    const token = `t${number}`
    const taken = this.#tokens.get(token)
    const used = taken && quarters !== undefined ? quartersOf(taken.held, quarters) : undefined
    this.ledger.settle(token, used)
    if (!taken || taken.settled) return
    taken.settled = used ?? taken.held
    this.#record.push({ token, redo: (to) => void to.settle(token, used) })
  }

  #grant({ account, more }: Extract<LedgerCall, { do: 'grant' }>): void {
    this.ledger.grant(accounts[account] as string, { tokens: more, usd: more / 1e6 })
    const limits = this.#limits[account] as Partial<Record<Limited, number>>
    for (const name of ['tokens', 'microUsd'] as const) if (limits[name] !== undefined) limits[name] += more
  }
}

const amountOf = (of: Amounts, name: Limited): number => (name === 'tokens' ? of.inputTokens + of.outputTokens : of[name])
const quartersOf = (held: Amounts, quarters: number): Amounts =>
  Object.fromEntries(Object.entries(held).map(([name, amount]) => [name, Math.floor((amount * quarters) / 4)])) as unknown as Amounts

function each(amount: (account: (typeof accounts)[number], name: Limited) => number): Taking {
  return Object.fromEntries(accounts.map((account) => [account, Object.fromEntries(limitedNames.map((name) => [name, amount(account, name)]))])) as Taking
}
