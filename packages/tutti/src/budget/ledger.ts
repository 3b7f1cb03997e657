/**
 * The ledger of one run: what may be used, what is held, what is spent. A pure state machine: no clock, no I/O; its state is a
 * reading of the journal (`step.started` holds, outcomes and `budget.settled` settle).
 *
 * Owns: accounts (one for the run, one for each scope with a budget of its own) and open holds.
 * Does not own: prices, counting, what happens on refusal.
 * Invariants: I7. For every limited amount of every account: spent + held ≤ limit, as long as no provider passes its hold. Money is integer
 * micro-USD. `hold` and `settle` are idempotent by token. A hold that is never settled stays held: unknown is never 0.
 */
import { TuttiError } from '../errors/index.ts'
import { sayGiven, sayKnown } from '../primitives/index.ts'
import { type Amounts, type Budget, exhaustionPolicies, nothing, type OnExhausted, sum, unsound } from './amounts.ts'

/** What can be limited. `tokens` is input and output together. */
export type Limited = 'microUsd' | 'tokens' | 'inputTokens' | 'outputTokens' | 'modelCalls' | 'toolCalls'
export type Limits = Partial<Record<Limited, number>>

/** Why a hold was refused: the first limit that it would have passed. */
export interface Refusal {
  readonly account: string
  readonly limit: Limited
  readonly allowed: number
  /** Spent and held already. */
  readonly taken: number
  readonly asked: number
  /** Of what is taken: what is only held, and may come back. */
  readonly held: number
  /** What the account that refuses wants done, else what the run wants. */
  readonly policy: OnExhausted
}

interface Account {
  limits: Limits
  /** By how much they were raised; a scope may be opened again after it was granted more. */
  readonly granted: Limits
  onExhausted: OnExhausted | undefined
  spent: Amounts
  held: Amounts
}
interface Hold {
  readonly accounts: readonly Account[]
  readonly amounts: Amounts
}

/** The limits of whoever has none. */
const unlimited: Limits = Object.freeze({})
const noneOf: readonly Limited[] = []

/** The account every hold draws on. */
const RUN_ACCOUNT = ''
/** All that is limited but money. */
const counted = ['tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls'] as const
export const limitedNames = ['microUsd', ...counted] as const
/** As a person writes them. */
const budgetNames = ['usd', ...counted]

export class Ledger {
  readonly #accounts = new Map<string, Account>()
  readonly #holds = new Map<string, Hold>()
  readonly #settled = new Set<string>()
  readonly #run: Account
  /** What is drawn on where no scope has a budget of its own. */
  readonly #alone: readonly Account[]

  constructor(budget?: Budget | undefined) {
    this.#run = this.#account(RUN_ACCOUNT)
    this.#alone = [this.#run]
    this.open(RUN_ACCOUNT, budget)
  }

  /** Opens an account, or sets the limits of one that a restored hold has already drawn on. @throws BUDGET_INVALID */
  open(path: string, budget: Budget | undefined): void {
    const account = this.#account(path)
    account.limits = limitsOf(budget)
    account.onExhausted = budget?.onExhausted
  }

  /** Raises the limits that an account has. @throws BUDGET_INVALID */
  grant(path: string, more: Budget): void {
    const { granted } = this.#account(path)
    for (const [name, value] of Object.entries(limitsOf(more)) as [Limited, number][]) granted[name] = (granted[name] ?? 0) + value
  }

  /**
   * Takes `amounts` from the run and from every account named, or from none of them and says why.
   * @throws BUDGET_INVALID for an amount that is no number of zero or more: one NaN would lift every limit
   */
  hold(paths: readonly string[], token: string, amounts: Amounts): Refusal | undefined {
    if (this.#holds.has(token) || this.#settled.has(token)) return undefined
    const wrong = unsound(amounts)
    if (wrong)
      throw new TuttiError('BUDGET_INVALID', `'${token}' would hold ${String(amounts[wrong])} ${wrong}`, { hint: 'An amount is a number of zero or more.' })
    const refusal = this.refusal(paths, amounts)
    if (!refusal) this.restoreHold(paths, token, amounts)
    return refusal
  }

  /** What `hold` would answer. */
  refusal(paths: readonly string[], amounts: Amounts): Refusal | undefined {
    if (paths.length === 0 && this.#run.limits === unlimited) return undefined
    for (const path of [RUN_ACCOUNT, ...paths]) {
      const account = this.#account(path)
      if (account.limits === unlimited) continue
      for (const limit of limitedNames) {
        const allowed = allowedTo(account, limit)
        if (allowed === undefined) continue
        const asked = amountOf(amounts, limit)
        const held = amountOf(account.held, limit)
        const taken = amountOf(account.spent, limit) + held
        if (asked > 0 && taken + asked > allowed) return { account: path, limit, allowed, taken, asked, held, policy: this.policyOf(path) }
      }
    }
    return undefined
  }

  /** What is to be done about a call that an account refuses: its own word, else that of the run. */
  policyOf(path: string): OnExhausted {
    return this.#account(path).onExhausted ?? this.#account(RUN_ACCOUNT).onExhausted ?? 'fail'
  }

  /** A hold that a journal records: it was granted once, so it is not judged again. */
  restoreHold(paths: readonly string[], token: string, amounts: Amounts): void {
    if (this.#holds.has(token) || this.#settled.has(token)) return
    const accounts = this.#drawnOn(paths)
    for (const account of accounts) account.held = sum(account.held, amounts)
    this.#holds.set(token, { accounts, amounts })
  }

  /**
   * Replaces a hold by what was used; without `actual`, or with one that nothing can have used, by the whole of it. Answers the amounts that passed the
   * hold, if any did.
   */
  settle(token: string, actual?: Amounts | undefined): readonly Limited[] {
    const hold = this.#holds.get(token)
    if (!hold) return noneOf
    this.#holds.delete(token)
    this.#settled.add(token)
    const used = actual && !unsound(actual) ? actual : hold.amounts
    for (const account of hold.accounts) {
      account.held = minus(account.held, hold.amounts)
      account.spent = sum(account.spent, used)
    }
    if (used === hold.amounts) return noneOf
    const passed = (name: Limited): boolean => amountOf(used, name) > amountOf(hold.amounts, name)
    return limitedNames.some(passed) ? limitedNames.filter(passed) : noneOf
  }

  /** What a token holds, until it is settled. */
  holding(token: string): Amounts | undefined {
    return this.#holds.get(token)?.amounts
  }

  /** The holds that were never settled, with what they hold. */
  unsettled(): readonly (readonly [token: string, amounts: Amounts])[] {
    return [...this.#holds].map(([token, hold]) => [token, hold.amounts] as const)
  }

  /** Adds something that needed no hold (an unlimited count, a cost known only afterwards). */
  spend(paths: readonly string[], used: Amounts): void {
    for (const account of this.#drawnOn(paths)) account.spent = sum(account.spent, used)
  }

  spent(path: string = RUN_ACCOUNT): Amounts {
    return this.#account(path).spent
  }

  held(path: string = RUN_ACCOUNT): Amounts {
    return this.#account(path).held
  }

  /** What may still be held, under all the accounts named; a limit that is not set is absent. */
  left(paths: readonly string[] = []): Limits {
    const left: Limits = {}
    for (const account of this.#drawnOn(paths)) {
      if (account.limits === unlimited) continue
      for (const name of Object.keys(account.limits) as Limited[]) {
        const here = (allowedTo(account, name) as number) - amountOf(account.spent, name) - amountOf(account.held, name)
        left[name] = Math.max(0, Math.min(left[name] ?? Number.POSITIVE_INFINITY, here))
      }
    }
    return left
  }

  /** True when a limit on `name` applies to any of the accounts. */
  limits(paths: readonly string[], name: Limited): boolean {
    return this.#drawnOn(paths).some(({ limits }) => limits[name] !== undefined)
  }

  #drawnOn(paths: readonly string[]): readonly Account[] {
    return paths.length === 0 ? this.#alone : [this.#run, ...paths.map((path) => this.#account(path))]
  }

  #account(path: string): Account {
    let account = this.#accounts.get(path)
    if (!account) {
      account = { limits: unlimited, granted: {}, onExhausted: undefined, spent: nothing, held: nothing }
      this.#accounts.set(path, account)
    }
    return account
  }
}

/** @param whose as an error names it. @throws BUDGET_INVALID */
function limitsOf(budget: Budget | undefined, whose = 'the budget'): Limits {
  if (budget === undefined || budget === null) return unlimited
  if (typeof budget !== 'object') throw new TuttiError('BUDGET_INVALID', `${whose} is ${sayGiven(budget)}`, { hint: 'Say of what: { usd: 0.5 }.' })
  const limits: Limits = {}
  for (const [name, value] of Object.entries(budget)) {
    if (value === undefined) continue
    if (name === 'onExhausted') {
      checkPolicy(value)
      continue
    }
    const limited = name === 'usd' ? 'microUsd' : (limitedNames as readonly string[]).includes(name) ? (name as Limited) : undefined
    if (limited === undefined)
      throw new TuttiError('BUDGET_INVALID', `${whose} has no limit called '${name}'`, { hint: sayKnown([name], [...budgetNames, 'onExhausted']) })
    if (typeof value !== 'number' || !(value >= 0)) throw new TuttiError('BUDGET_INVALID', `${whose} limits ${name} to ${sayGiven(value)}`)
    limits[limited] = Math.floor(name === 'usd' ? value * 1_000_000 + 1e-6 : value)
  }
  return limits
}

/**
 * As somebody declares them: half a call or half a token is none, and whoever writes one meant something else. A journal may hold one, written before this was
 * refused.
 * @throws BUDGET_INVALID
 */
export function declaredLimits(budget: Budget | undefined, whose: string): Limits {
  const limits = limitsOf(budget, whose)
  for (const name of counted) {
    const value = budget?.[name]
    if (value === undefined || value === Number.POSITIVE_INFINITY || Number.isInteger(value)) continue
    throw new TuttiError('BUDGET_INVALID', `${whose} limits ${name} to ${value}`, { hint: `${name.endsWith('Calls') ? 'Calls' : 'Tokens'} are counted whole.` })
  }
  return limits
}

/** What somebody grants: the same names, each more than nothing. @throws BUDGET_INVALID */
export function checkGrant(more: Budget): void {
  if (typeof more !== 'object' || more === null) throw new TuttiError('BUDGET_INVALID', `a grant is ${sayGiven(more)}`, { hint: 'Say of what: { usd: 0.5 }.' })
  const names = Object.entries(more).filter(([, value]) => value !== undefined)
  const wrong = names.find(([name, value]) => name === 'onExhausted' || !(typeof value === 'number' && Number.isFinite(value) && value > 0))
  if (wrong) throw new TuttiError('BUDGET_INVALID', `a grant of ${wrong[0]} is ${String(wrong[1])}`, { hint: 'Grant a number above zero of what is limited.' })
  if (names.length === 0) throw new TuttiError('BUDGET_INVALID', 'a grant of nothing', { hint: 'Say how much more: { usd: 0.5 }, { modelCalls: 10 }.' })
  const limits = declaredLimits(more, 'a grant')
  const less = Object.entries(limits).find(([, value]) => value < 1)
  if (less)
    throw new TuttiError('BUDGET_INVALID', `a grant of ${less[0]} is less than one`, { hint: 'The smallest amount of money is a millionth of a dollar.' })
}

/** @throws BUDGET_INVALID */
function checkPolicy(value: unknown): void {
  if (exhaustionPolicies.includes(value as OnExhausted)) return
  const says = typeof value === 'string' ? `'${value}'` : String(value)
  throw new TuttiError('BUDGET_INVALID', `onExhausted is ${says}`, { hint: `It is one of ${exhaustionPolicies.map((each) => `'${each}'`).join(', ')}.` })
}

function allowedTo({ limits, granted }: Account, name: Limited): number | undefined {
  const limit = limits[name]
  return limit === undefined ? undefined : limit + (granted[name] ?? 0)
}

export function amountOf(amounts: Amounts, name: Limited): number {
  return name === 'tokens' ? amounts.inputTokens + amounts.outputTokens : amounts[name]
}

export function minus(a: Amounts, b: Amounts): Amounts {
  if (a === b) return nothing
  return {
    microUsd: a.microUsd - b.microUsd,
    inputTokens: a.inputTokens - b.inputTokens,
    outputTokens: a.outputTokens - b.outputTokens,
    cacheReadTokens: a.cacheReadTokens - b.cacheReadTokens,
    modelCalls: a.modelCalls - b.modelCalls,
    toolCalls: a.toolCalls - b.toolCalls,
  }
}
