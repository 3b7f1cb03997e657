/** Standing budgets as an app declares them, and the accounts that a run draws on. */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared, hash128, type Scope } from '../primitives/index.ts'
import type { AccountClaim, AccountKey, Per } from './account.ts'
import type { Budget } from './amounts.ts'
import { declaredLimits, type Limited, type Limits } from './ledger.ts'
import { Calendar, type Every, UTC } from './period.ts'

/** What each tenant, each user of a tenant, or each flow may use in an hour, a day or a month of the calendar. */
export interface StandingBudget extends Budget {
  per: Per
  every: Every
  /** By whose clocks a day begins: a name of the IANA list, as in `'Europe/Berlin'`. Default `'UTC'`. */
  timeZone?: string | undefined
}

interface DeclaredBudget {
  readonly per: Per
  readonly every: Every
  readonly limits: Limits
  readonly calendar: Calendar
}

/** The root before the leaves: a tenant before its users, the month before the day. */
const pers: readonly Per[] = ['tenant', 'user', 'flow']
const everies: readonly Every[] = ['month', 'day', 'hour']

const OPTIONS: Declared<StandingBudget> = {
  ...{ per: true, every: true, timeZone: true, onExhausted: true, usd: true },
  ...{ tokens: true, inputTokens: true, outputTokens: true, modelCalls: true, toolCalls: true },
}

const DAY_MS = 86_400_000
/** How long after its period an account is kept. */
const KEPT_DAYS: Readonly<Record<Every, number>> = { hour: 35, day: 400, month: 4_000 }
const MOST_KNOWN = 5_000

/** Whose run it is, and of which flow. */
export interface Drawn {
  readonly scope: Scope
  readonly flow: string
}

export class StandingBudgets {
  readonly #declared: readonly DeclaredBudget[]
  /** The keys of what was asked last, by budget: a hash costs more than a look. */
  readonly #known = new Map<string, AccountKey>()

  /** @throws CONFIG_INVALID | BUDGET_INVALID | FLOW_NOT_YET */
  constructor(budgets: readonly StandingBudget[]) {
    const declared = budgets.map(declaredIn)
    for (const [i, { per, every }] of declared.entries())
      if (declared.findIndex((other) => other.per === per && other.every === every) !== i)
        throw new TuttiError('CONFIG_INVALID', `tutti() was given two budgets per ${per} and ${every}`, {
          data: { per, every },
          hint: 'Write all its limits in one.',
        })
    this.#declared = declared.toSorted((a, b) => pers.indexOf(a.per) - pers.indexOf(b.per) || everies.indexOf(a.every) - everies.indexOf(b.every))
  }

  /** What is limited by any of them. */
  get limited(): readonly Limited[] {
    return [...new Set(this.#declared.flatMap(({ limits }) => Object.keys(limits) as Limited[]))]
  }

  /** What of these is limited now, whatever it was limited to when it was last held in. */
  limitsOf({ per, every }: Pick<AccountKey, 'per' | 'every'>): Limits | undefined {
    return this.#declared.find((each) => each.per === per && each.every === every)?.limits
  }

  /** The accounts that a call of this run is held in, from the root to the leaves. */
  claimsAt(now: number, drawn: Drawn): readonly AccountClaim[] {
    return this.#declared.map(({ per, every, limits, calendar }) => ({ ...this.#keyOf(per, every, calendar.at(now), drawn), limits }))
  }

  #keyOf(per: Per, every: Every, period: ReturnType<Calendar['at']>, { scope, flow }: Drawn): AccountKey {
    const { tenant, user } = scope
    const whose = per === 'flow' ? { flow } : per === 'tenant' ? { tenant } : { tenant, user }
    const name = JSON.stringify([per, every, period.name, per === 'flow' ? flow : tenant, per === 'user' ? (user ?? null) : undefined])
    const known = this.#known.get(name)
    if (known) return known
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    const { from, until } = period
    const key = { id: hash128(name), per, every, ...whose, period: period.name, from, until, keepUntil: until + KEPT_DAYS[every] * DAY_MS }
    this.#known.set(name, key)
    return key
  }
}

function declaredIn(budget: StandingBudget): DeclaredBudget {
  checkOptions('a budget of tutti()', budget, OPTIONS)
  const { per, every, timeZone = UTC, ...limits } = budget
  if (!pers.includes(per)) throw new TuttiError('CONFIG_INVALID', `a budget is per ${JSON.stringify(per)}`, { hint: "per: 'tenant', 'user' or 'flow'" })
  if (!everies.includes(every))
    throw new TuttiError('CONFIG_INVALID', `a budget is for every ${JSON.stringify(every)}`, { hint: "every: 'hour', 'day' or 'month'" })
  const { onExhausted } = limits
  if (onExhausted !== undefined && onExhausted !== 'fail')
    throw new TuttiError('FLOW_NOT_YET', `a budget per ${per} and ${every} cannot say onExhausted: '${String(onExhausted)}' yet`, {
      data: { per, every, onExhausted },
      hint: 'Leave it out: the call that does not fit fails with BUDGET_EXCEEDED. The budget of a run or a flow can.',
    })
  const known = declaredLimits(limits, `the budget per ${per} and ${every}`)
  if (Object.keys(known).length === 0)
    throw new TuttiError('CONFIG_INVALID', `the budget per ${per} and ${every} limits nothing`, {
      hint: 'Give it usd, tokens, inputTokens, outputTokens, modelCalls or toolCalls.',
    })
  return { per, every, limits: known, calendar: new Calendar(every, timeZone) }
}
