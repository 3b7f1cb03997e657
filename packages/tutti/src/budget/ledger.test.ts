import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accounts, type LedgerCall, LedgerTwin, limitedNames } from '../testing/ledger-model.ts'
import { type Amounts, type Budget, Ledger, nothing, sum, tighter } from './index.ts'

const amounts = (over: Partial<Amounts> = {}): Amounts => ({ ...nothing, ...over })
const few = fc.nat(6)
const worst = fc.record({
  microUsd: fc.nat(40),
  inputTokens: few,
  outputTokens: few,
  cacheReadTokens: fc.constant(0),
  modelCalls: fc.nat(1),
  toolCalls: fc.nat(1),
})
const token = fc.nat(9)
const calls: fc.Arbitrary<LedgerCall[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('hold' as const), token, chain: fc.nat(3), worst }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), token, quarters: fc.option(fc.nat(4), { nil: undefined }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('grant' as const), account: fc.nat(3), more: fc.nat(20) }) },
  ),
  { maxLength: 40 },
)
const limit = (most: number): fc.Arbitrary<number | undefined> => fc.option(fc.nat(most), { nil: undefined })
const budget: fc.Arbitrary<Budget> = fc.record({
  usd: fc.option(
    fc.nat(100).map((microUsd) => microUsd / 1e6),
    { nil: undefined },
  ),
  tokens: limit(60),
  inputTokens: limit(60),
  outputTokens: limit(60),
  modelCalls: limit(4),
})
const budgets = fc.tuple(budget, budget, budget, budget)

describe('the ledger', () => {
  it('[B1] under any interleaving of holds, settlements and grants, what is spent and held passes no limit', () => {
    fc.assert(
      fc.property(budgets, calls, (given, todo) => {
        const twin = new LedgerTwin(given)
        for (const call of todo) {
          twin.apply(call)
          const taken = twin.taken()
          expect(taken).toEqual(twin.expected())
          const limits = twin.limits()
          for (const account of accounts) for (const name of limitedNames) expect(taken[account]?.[name]).toBeLessThanOrEqual(limits[account]?.[name] as number)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[B2] a ledger restored from any prefix of what was recorded counts each call at least as high as it was, and passes no limit', () => {
    fc.assert(
      fc.property(budgets, calls, fc.nat(60), (given, todo, length) => {
        const twin = new LedgerTwin(given)
        for (const call of todo) if (call.do !== 'grant') twin.apply(call)
        const taken = twin.taken(twin.restored(length))
        const was = twin.expected(length)
        const limits = twin.limits()
        for (const account of accounts)
          for (const name of limitedNames) {
            expect(taken[account]?.[name]).toBeGreaterThanOrEqual(was[account]?.[name] as number)
            expect(taken[account]?.[name]).toBeLessThanOrEqual(limits[account]?.[name] as number)
          }
      }),
      { numRuns: 300 },
    )
  })

  it('[B1] hold and settle count once for one token, however often they are said', () => {
    const ledger = new Ledger({ usd: 0.001 })
    for (let i = 0; i < 3; i++) expect(ledger.hold([], 't', amounts({ microUsd: 600 }))).toBeUndefined()
    expect(ledger.held().microUsd).toBe(600)
    for (let i = 0; i < 3; i++) ledger.settle('t', amounts({ microUsd: 100 }))
    expect([ledger.held().microUsd, ledger.spent().microUsd]).toEqual([0, 100])
    ledger.hold([], 't', amounts({ microUsd: 600 }))
    expect(ledger.held().microUsd).toBe(0)
  })

  it('[B1] a refusal names the account, the limit, what is taken and what was asked', () => {
    const ledger = new Ledger({ tokens: 100 })
    ledger.open('a', { modelCalls: 1 })
    ledger.hold(['a'], 't1', amounts({ inputTokens: 50, modelCalls: 1 }))
    expect(ledger.hold([], 't2', amounts({ inputTokens: 30, outputTokens: 21 }))).toEqual({
      account: '',
      limit: 'tokens',
      allowed: 100,
      taken: 50,
      asked: 51,
      held: 50,
      policy: 'fail',
    })
    expect(ledger.hold(['a'], 't3', amounts({ modelCalls: 1 }))).toMatchObject({ account: 'a', limit: 'modelCalls' })
    expect(ledger.left(['a'])).toEqual({ tokens: 50, modelCalls: 0 })
  })

  it('[B8] what passes its hold is counted as it was, and named', () => {
    const ledger = new Ledger({ outputTokens: 10 })
    ledger.hold([], 't', amounts({ outputTokens: 10, microUsd: 5 }))
    expect(ledger.settle('t', amounts({ outputTokens: 12, microUsd: 4 }))).toEqual(['tokens', 'outputTokens'])
    expect(ledger.spent().outputTokens).toBe(12)
    expect(ledger.left()).toEqual({ outputTokens: 0 })
    expect(ledger.hold([], 'u', amounts({ outputTokens: 1 }))).toMatchObject({ limit: 'outputTokens', taken: 12 })
  })

  it.each([
    ['NaN', Number.NaN],
    ['a negative amount', -1],
    ['an infinity', Number.POSITIVE_INFINITY],
  ])('[B1] %s is refused as a hold, and as a settlement counts in full', (_, wrong) => {
    const ledger = new Ledger({ tokens: 10 })
    expect(() => ledger.hold([], 't', amounts({ inputTokens: wrong }))).toThrowError(expect.objectContaining({ code: 'BUDGET_INVALID' }))
    ledger.hold([], 'u', amounts({ inputTokens: 8 }))
    ledger.settle('u', amounts({ inputTokens: wrong }))
    expect(ledger.spent().inputTokens).toBe(8)
    expect(ledger.hold([], 'v', amounts({ inputTokens: 3 }))).toMatchObject({ limit: 'tokens' })
  })

  it('[B1] a limit is a number of zero or more, and called by a name that is known', () => {
    for (const wrong of [{ usd: -1 }, { tokens: Number.NaN }, { usd: '1' }, { dollars: 1 }] as unknown as Budget[])
      expect(() => new Ledger(wrong)).toThrowError(expect.objectContaining({ code: 'BUDGET_INVALID' }))
    expect(new Ledger({ usd: 0 }).hold([], 't', amounts({ microUsd: 1 }))).toMatchObject({ limit: 'microUsd', allowed: 0 })
  })

  it('[B1] money is counted in whole micro-USD: a limit of 0.1 holds exactly ten calls of 0.01', () => {
    const ledger = new Ledger({ usd: 0.1 })
    for (let i = 0; i < 10; i++) expect(ledger.hold([], `t${i}`, amounts({ microUsd: 10_000 }))).toBeUndefined()
    expect(ledger.hold([], 't10', amounts({ microUsd: 1 }))).toBeDefined()
  })

  it('[B1] two budgets at once limit to the lower of each amount, and one that is left open limits nothing', () => {
    expect(tighter({ usd: 1, tokens: 5 }, { usd: 2, modelCalls: 3 })).toEqual({ usd: 1, tokens: 5, modelCalls: 3 })
    expect(tighter({ usd: undefined }, { usd: 2 })).toEqual({ usd: 2 })
    expect(tighter(undefined, { usd: 2 })).toEqual({ usd: 2 })
    expect(sum(amounts({ toolCalls: 1 }), amounts({ toolCalls: 2 })).toolCalls).toBe(3)
  })
})
