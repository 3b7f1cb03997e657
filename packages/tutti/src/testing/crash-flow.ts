/** The flows of the crash tests: everything that may be under way when a process is killed, with results that depend on the keys alone. */
import { type Amounts, type Budget, nothing } from '../budget/index.ts'
import { hash128, hashFraction } from '../primitives/index.ts'
import { type Flow, flow, type Run, type StepContext } from '../run/index.ts'
import type { World } from './world.ts'

/** The worst case of one priced call, and what it comes to: micro-USD. */
const HOLD = 1_000
export const COST = 400
/** What the tight flow may spend: a lost attempt counts in full, so a killed process costs it calls, never money beyond this. */
export const TIGHT: Budget = { usd: 0.012, modelCalls: 12 }
/** Effects of one run that can be under way at the same moment, by its flow. */
export const BRANCHES: { readonly [flow: string]: number } = { work: 1 + 2 + 3, tight: 3, shop: 2 + 1, doomed: 1, trip: 1, queued: 1, random: 64 }

/** So long each effect takes (ms), and what it gives: the same for one key, in whichever process. */
export const latencyOf = (key: string): number => 1 + Math.floor(hashFraction(`latency ${key}`) * 12)
export const resultOf = (key: string): string => hash128(`result ${key}`).slice(0, 6)
export const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const amounts = (microUsd: number): Amounts => ({ ...nothing, microUsd, modelCalls: 1 })

export function crashFlows(world: World, quick = false): { readonly work: Flow<number, string>; readonly tight: Flow<number, string> } {
  const plain = async (run: Run, ctx: StepContext): Promise<string> => {
    world.executed({ run: run.id, key: ctx.idempotencyKey, attempt: ctx.attempt, sort: 'plain' })
    await later(quick ? 0 : latencyOf(ctx.idempotencyKey))
    if (ctx.attempt === 1 && hashFraction(`fails ${ctx.idempotencyKey}`) < 0.1) throw new Error('the first attempt of this one fails')
    return resultOf(ctx.idempotencyKey)
  }
  const retry = { attempts: 50, backoff: 2, max: 4 }
  const step = (run: Run, name: string, n: number): Promise<string> =>
    run.step(name, n, (_, ctx) => plain(run, ctx), { retry, effect: n % 2 === 0 ? 'read' : 'idempotent' })
  const priced = (run: Run, name: string): Promise<string> =>
    run['~core'].ask<string>({
      name,
      kind: 'model',
      effect: 'idempotent',
      fingerprint: name,
      plan: () => ({
        hold: amounts(HOLD),
        execute: async (ctx) => {
          world.executed({ run: run.id, key: ctx.idempotencyKey, attempt: ctx.attempt, sort: 'priced' })
          await later(quick ? 0 : latencyOf(ctx.idempotencyKey))
          return { value: resultOf(ctx.idempotencyKey), settle: amounts(COST) }
        },
      }),
    })

  const item = flow('item', async (n: number, run) => `${await step(run, 'one', n)}${n % 3 === 0 ? await priced(run, 'ask') : await step(run, 'two', n)}`)
  const branch = flow('branch', async (n: number, run) => {
    const first = await step(run, 'first', n)
    await run.sleep('nap', 3)
    return `${first}${await step(run, 'second', n + 1)}${run.random().toFixed(3)}`
  })
  const work = flow('work', async (n: number, run) => {
    const begun = step(run, 'early', n)
    const parts = await run.all([run.call(branch, 1), run.call(branch, 2), run.map('m', [0, 1, 2, 3, 4, 5, 6, 7], item, { concurrency: 3 })])
    const raced = await Promise.race([step(run, 'hare', 2), step(run, 'tortoise', 3)]).then(() => 'raced')
    return [await begun, ...parts.flat(), raced, await priced(run, 'sum'), run.uuid()].join(' ')
  })
  const tight = flow('tight', { budget: TIGHT }, async (n: number, run) => {
    const answers = await run.map(
      'ask',
      Array(40).fill(n),
      flow('call', async (_: number, own) => priced(own, 'model')),
      { concurrency: 3, onError: 'collect' },
    )
    return answers.map((answer) => (answer.ok ? 'x' : answer.error.code === 'BUDGET_EXCEEDED' ? '.' : `[${answer.error.code}]`)).join('')
  })
  return { work, tight }
}
