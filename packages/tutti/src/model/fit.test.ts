import { describe, expect, test } from 'vitest'
import type { Budget } from '../budget/index.ts'
import { type ScriptedModel, scripted } from '../testing/scripted.ts'
import type { ModelLike } from './model.port.ts'
import { ask, request, type Told } from './one-question.ts'
import { cache } from './policy.ts'

/** USD per million tokens. */
const prices = { 'scripted/dear': { input: 10, output: 100 }, 'scripted/middle': { input: 2, output: 20 }, 'scripted/cheap': { input: 1, output: 4 } }
const dear = (turns: readonly string[] = ['dear']): ScriptedModel => named('dear', turns)
const middle = (): ScriptedModel => named('middle', ['middle'])
const cheap = (): ScriptedModel => named('cheap', ['cheap'])
const named = (id: string, turns: readonly string[]): ScriptedModel => ({ ...scripted(turns, { id }), provider: 'scripted' })
const short = (maxOutputTokens?: number) => request('hello', maxOutputTokens === undefined ? {} : { settings: { maxOutputTokens } })
const asked = (model: ModelLike, budget: Budget, question = short()): Promise<Told> => ask({ model, request: question }, { budget, gateway: { prices } })
const started = (told: Told) => told.entries.filter((entry) => entry.type === 'step.started')
const answerOf = ({ answer }: Told): string | undefined => answer?.message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
const sent = ({ calls }: ScriptedModel): number | undefined => calls[0]?.options.maxOutputTokens

// The input of `hello` is bounded at about 100 tokens: 0.001 USD of the dear model.
describe("a budget with onExhausted: 'downgrade'", () => {
  test('[B3] asks the next model of the chain that fits, and the answer, the attempt and the usage say why', async () => {
    const models = [dear(), middle(), cheap()] as const
    const told = await asked(models, { usd: 0.01, onExhausted: 'downgrade' })
    expect(answerOf(told)).toBe('cheap')
    expect(models.map(({ calls }) => calls.length)).toEqual([0, 0, 1])
    expect(told.answer?.model.why).toBe('downgraded: the budget has no room for scripted/dear')
    expect(started(told)).toMatchObject([
      {
        label: { model: 'scripted/cheap' },
        exhausted: { account: '', limit: 'microUsd', policy: 'downgrade', did: 'scripted/cheap instead of scripted/dear' },
      },
    ])
  })

  test('[B3] asks the first of its chain while that fits', async () => {
    expect(answerOf(await asked([dear(), cheap()], { usd: 0.2, onExhausted: 'downgrade' }))).toBe('dear')
  })

  test('[B3] passes models by that have no price, and asks the cheapest for a short answer where none fits in full', async () => {
    const unpriced = { ...named('unknown', ['unknown']), provider: 'new' }
    const last = cheap()
    const told = await asked([dear(), unpriced, last], { usd: 0.002, onExhausted: 'downgrade' })
    expect(answerOf(told)).toBe('cheap')
    expect(sent(last)).toBeLessThan(1_024)
    expect((await asked([dear(), cheap()], { usd: 0.00001, onExhausted: 'downgrade' })).error?.code).toBe('BUDGET_EXCEEDED')
  })

  test('[B3][M5] an answer that is kept costs nothing, so the dear model gives it', async () => {
    const models = cache(dear(['first', 'second']), { ttl: '1h' })
    const told = await asked([models, cheap()], { usd: 0.2, onExhausted: 'downgrade' })
    expect(answerOf(told)).toBe('first')
  })

  test('[B3] a limit on calls is no limit that a cheaper model keeps', async () => {
    expect((await asked([dear(), cheap()], { modelCalls: 0, onExhausted: 'downgrade' })).error).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      data: { limit: 'modelCalls' },
    })
  })
})

describe("a budget with onExhausted: 'shrink'", () => {
  test('[B3] makes an answer shorter than was asked for, and says so', async () => {
    const model = dear()
    const told = await asked(model, { usd: 0.01, onExhausted: 'shrink' }, short(5_000))
    expect(answerOf(told)).toBe('dear')
    const most = sent(model) as number
    expect(most).toBeGreaterThanOrEqual(16)
    expect(most).toBeLessThan(100)
    expect(started(told)).toMatchObject([
      { hold: { outputTokens: most }, exhausted: { policy: 'shrink', did: `at most ${most} output tokens instead of 5000` } },
    ])
    expect((started(told)[0] as { hold: { microUsd: number } }).hold.microUsd).toBeLessThanOrEqual(10_000)
  })

  test('[B3] not below 16 tokens: then it fails', async () => {
    const model = dear()
    expect((await asked(model, { outputTokens: 15, onExhausted: 'shrink' }, short(50))).error).toMatchObject({ code: 'BUDGET_EXCEEDED', data: { asked: 16 } })
    expect(sent(model)).toBeUndefined()
    expect(answerOf(await asked(dear(), { outputTokens: 16, onExhausted: 'shrink' }, short(50)))).toBe('dear')
  })

  test("[B1] without it, what a person asked for is not made shorter; with 'fail' the call is not made", async () => {
    expect((await asked(dear(), { usd: 0.01 }, short(5_000))).error?.code).toBe('BUDGET_EXCEEDED')
  })
})

describe('a call under a budget that has less left', () => {
  test("[B1] is made as long as that allows where nobody said how long, and under 'ask' somebody is asked before it becomes less than a full answer", async () => {
    const model = dear()
    expect(answerOf(await asked(model, { usd: 0.01 }))).toBe('dear')
    expect(sent(model)).toBeLessThan(100)
    const waits = dear()
    const budget: Budget = { usd: 0.01, onExhausted: 'ask' }
    const told = await asked(waits, budget)
    expect(told.entries).toContainEqual(expect.objectContaining({ type: 'budget.exhausted', limit: 'microUsd', allowed: 10_000 }))
    expect(waits.calls).toHaveLength(0)
  })
})
