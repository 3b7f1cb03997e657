import { expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { amounts } from '../testing/priced-flow.ts'
import { testEngine } from '../testing/test-engine.ts'
import { flow, forecastFlow, type Run, signal } from './index.ts'

const paying = (version: string, cost: (input: string) => number) =>
  flow('pays', { version }, async (input: string, run: Run) =>
    run['~core'].ask<string>({
      name: 'call',
      kind: 'model',
      effect: 'idempotent',
      fingerprint: input,
      plan: () => ({ hold: amounts(1e6), execute: () => ({ value: 'x', settle: amounts(cost(input)) }) }),
    }),
  )

test('[B7] a forecast is what the completed runs of that flow and version cost: their median and 95th percentile, with how many they are', async () => {
  const store = memoryStore()
  let cost = 0
  const pays = paying('2', () => cost)
  const { start } = testEngine([pays, paying('1', () => 999_999)], { store })
  await (
    await start(
      paying('1', () => 999_999),
      'old',
    )
  ).result()
  for (let i = 1; i <= 40; i++) {
    cost = i * 1_000
    await (await start(pays, 'same')).result()
  }
  const told = await forecastFlow(store, { flow: 'pays', version: '2', input: { is: 'same' } })
  expect(told).toMatchObject({ usd: { p50: 0.02, p95: 0.038 }, runs: 40, basis: { usd: 'all runs' } })
  expect(told.ms.p95).toBeGreaterThanOrEqual(told.ms.p50)
})

test('[B7] goes by the size of the input where that explains the cost, and not beyond the sizes that were seen', async () => {
  const store = memoryStore()
  const pays = paying('1', (input) => input.length * 100 + (input.length % 3))
  const { start } = testEngine([pays], { store })
  for (let i = 1; i <= 30; i++) await (await start(pays, 'x'.repeat(i * 10))).result()
  const by = await forecastFlow(store, { flow: 'pays', input: { is: 'x'.repeat(200) } })
  expect(by.basis.usd).toBe('input size')
  expect(by.usd.p50).toBeCloseTo(0.02, 4)
  expect(by.usd.p95).toBeLessThan(0.021)
  for (const usd of [by.usd.p50, by.usd.p95]) expect(String(usd)).toMatch(/^0\.\d{1,6}$/)
  expect((await forecastFlow(store, { flow: 'pays', input: { is: 'x'.repeat(5_000) } })).basis.usd).toBe('all runs')
})

test('[B7] without a completed run there is no forecast, and it says so', async () => {
  await expect(forecastFlow(memoryStore(), { flow: 'pays' })).rejects.toMatchObject({ code: 'RUN_NO_HISTORY' })
})

test('[B1] what a run that waits has used is summed as whole micro-USD: 0.1 and 0.2 are 0.3', async () => {
  const call = (run: Run, name: string, cost: number) =>
    run['~core'].ask<string>({
      ...{ name, kind: 'model', effect: 'idempotent', fingerprint: name },
      plan: () => ({ hold: amounts(1e6), execute: () => ({ value: 'x', settle: amounts(cost) }) }),
    })
  const waiting = flow('waiting', async (_: null, run: Run) => {
    await call(run, 'a', 100_000)
    await call(run, 'b', 200_000)
    return run.wait(signal('go', z.string()))
  })
  const { start } = testEngine([waiting], { store: memoryStore() })
  expect(await (await start(waiting, null)).outcome()).toMatchObject({ status: 'waiting', usage: { usd: 0.3 } })
})
