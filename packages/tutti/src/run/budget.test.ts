import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Budget } from '../budget/index.ts'
import { type Entry, memoryStore } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { amounts, type Bill, billed, type PricedNode, pricedFlow, pricedProgram } from '../testing/priced-flow.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { type EffectSpec, flow, type Run } from './index.ts'

const RUNS = Number(process.env.RUNS ?? 60)
const number = fc.integer({ min: 0, max: 2 ** 30 })

/** What was billed for the attempts that a journal announces, by the scopes they lie in: every prefix of a key. */
function billedIn(run: RunId, entries: readonly Entry[], ...bills: readonly Bill[]): Map<string, number> {
  const byScope = new Map<string, number>()
  for (const entry of entries) {
    if (entry.type !== 'step.started') continue
    const name = billed({ idempotencyKey: hash128(`${run}|${entry.key}`), attempt: entry.attempt })
    const cost = bills.reduce((sum, bill) => sum + (bill.get(name) ?? 0), 0)
    for (let end = entry.key.length; end > 0; end = entry.key.lastIndexOf('/', end - 1))
      byScope.set(entry.key.slice(0, end), (byScope.get(entry.key.slice(0, end)) ?? 0) + cost)
  }
  return byScope
}

/** The limit of each scope of a program that has one, by its key. */
function limitsOf(node: PricedNode, key: string, names: Map<string, number> = new Map(), found: Map<string, number> = new Map()): Map<string, number> {
  const named = (name: string): string => {
    const n = (names.get(`${key}/${name}`) ?? 0) + 1
    names.set(`${key}/${name}`, n)
    return n === 1 ? `${key}/${name}` : `${key}/${name}#${n}`
  }
  if (node.t === 'scope') {
    const scope = named('scope')
    found.set(scope, node.limit)
    limitsOf(node.body, scope, names, found)
  } else if (node.t === 'par') for (const part of node.parts) limitsOf(part, named('branch'), names, found)
  else if (node.t === 'seq') for (const part of node.parts) limitsOf(part, key, names, found)
  return found
}

function checkBills(bills: ReadonlyMap<string, number>, program: PricedNode, limit: number): void {
  expect(bills.get('priced') ?? 0).toBeLessThanOrEqual(limit)
  for (const [scope, own] of limitsOf(program, 'priced')) expect(bills.get(scope) ?? 0).toBeLessThanOrEqual(own)
}

describe('a run under a budget', () => {
  it('[B1] is never billed more than any of its limits, whatever its branches, retries and scopes do', () =>
    fc.assert(
      fc.asyncProperty(number, fc.integer({ min: 0, max: 2_500 }), async (shape, limit) => {
        const program = pricedProgram(shape)
        const bill: Bill = new Map()
        const { outcome, journal } = await startRun(memoryStore(), pricedFlow(program, { usd: limit / 1e6 }, bill), null)
        expect(outcome.status).toBe('completed')
        checkBills(billedIn(journal.run, journal.entries, bill), program, limit)
        expect(outcome.usage.usd * 1e6).toBeLessThanOrEqual(limit + 1e-6)
        expect(outcome.usage.usd * 1e6).toBeGreaterThanOrEqual([...bill.values()].reduce((sum, cost) => sum + cost, 0) - 1e-6)
      }),
      { numRuns: RUNS },
    ))

  it('[B1][B2] is never billed more than its limits in all its processes together, wherever they end', () =>
    fc.assert(
      fc.asyncProperty(
        number,
        fc.integer({ min: 0, max: 2_500 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
        async (shape, limit, cuts) => {
          const program = pricedProgram(shape)
          const bills: Bill[] = [new Map()]
          let { journal } = await startRun(memoryStore(), pricedFlow(program, { usd: limit / 1e6 }, bills[0] as Bill), null)
          for (const cut of cuts) {
            const length = 1 + Math.floor(cut * (journal.entries.length - 2))
            // What the ended processes executed after the cut never happened: only what the record announces did.
            const kept = new Map(
              [...billedAttempts(journal.run, journal.entries.slice(0, length))].map((name) => [
                name,
                bills.reduce((sum, bill) => Math.max(sum, bill.get(name) ?? 0), 0),
              ]),
            )
            const bill: Bill = new Map()
            bills.splice(0, bills.length, kept, bill)
            const resumed = await resumeRun(await seedJournal(journal, length), pricedFlow(program, { usd: limit / 1e6 }, bill), journal.run)
            expect(resumed.outcome.status).toBe('completed')
            journal = resumed.journal
            checkBills(billedIn(journal.run, journal.entries, ...bills), program, limit)
            expect(resumed.outcome.usage.usd * 1e6).toBeLessThanOrEqual(limit + 1e-6)
          }
        },
      ),
      { numRuns: RUNS },
    ))

  const priced = (run: Run, spec: Partial<EffectSpec<unknown>> & { worst?: number; actual?: number } = {}): Promise<unknown> => {
    const { worst = 500, actual, ...rest } = spec
    const plan = () => ({ hold: amounts(worst), execute: () => ({ value: 'x', ...(actual === undefined ? {} : { settle: amounts(actual) }) }) })
    return run['~core'].ask<unknown>({ name: 'call', kind: 'model', effect: 'idempotent', fingerprint: 'f', plan, ...rest })
  }
  const under = (budget: Budget, body: (run: Run) => Promise<unknown>) => flow('desk', { budget }, async (_: null, run) => String(await body(run)))

  it('[B2] an attempt without an outcome counts in full after a crash, also against the limit', async () => {
    const held = gate()
    const desk = under({ usd: 0.0008 }, (run) =>
      priced(run, { plan: () => ({ hold: amounts(500), execute: () => held.promise.then(() => ({ value: 1, settle: amounts(1) })) }) }),
    )
    const { start, store } = testEngine([desk])
    const { id } = await start(desk, null)
    while ((await journalOf(store, id)).entries.length < 2) await new Promise((resolve) => setImmediate(resolve))
    const { outcome } = await resumeRun(await seedJournal(await journalOf(store, id)), desk, id)
    held.open()
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED', data: { limit: 'microUsd', allowed: 800, taken: 500, asked: 500 } },
      usage: { usd: 0.0005, modelCalls: 1 },
    })
  })

  it('[B2] the budget of a scope outlives a crash like that of the run', async () => {
    const spent: string[] = []
    const inner = flow('inner', { budget: { modelCalls: 2 } }, async (_: null, run) => {
      for (let i = 0; i < 4; i++)
        spent.push(
          await priced(run).then(
            () => 'x',
            (error: { code: string }) => error.code,
          ),
        )
      return spent.length
    })
    const desk = flow('desk', async (_: null, run) => run.call(inner, null))
    const { journal } = await startRun(memoryStore(), desk, null)
    expect(spent).toEqual(['x', 'x', 'BUDGET_EXCEEDED', 'BUDGET_EXCEEDED'])
    for (let length = 1; length < journal.entries.length; length++) {
      spent.length = 0
      await resumeRun(await seedJournal(journal, length), desk, journal.run)
      // A lost attempt has been counted, so at most two calls ever came to something.
      expect(spent.filter((one) => one === 'x').length).toBeLessThanOrEqual(2)
      expect(spent.slice(2)).toEqual(['BUDGET_EXCEEDED', 'BUDGET_EXCEEDED'])
    }
  })

  it('[B8] a provider that passes its bound is named, and what it took is counted', async () => {
    const desk = under({ usd: 1 }, (run) => priced(run, { worst: 500, actual: 700 }))
    const handle = await testEngine([desk]).start(desk, null)
    expect(await handle.outcome()).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_OVERRUN', data: { bounds: ['microUsd'], held: { microUsd: 500 }, used: { microUsd: 700 } } },
      usage: { usd: 0.0007 },
    })
    const free = under({ modelCalls: 3 }, (run) => priced(run, { worst: 500, actual: 700 }))
    expect((await (await testEngine([free]).start(free, null)).outcome()).status).toBe('completed')
  })

  it('[B1] usage that no provider can mean counts in full, and a hold that is no number makes no call', async () => {
    const nonsense = under({ usd: 1 }, (run) => priced(run, { actual: Number.NaN }))
    expect((await (await testEngine([nonsense]).start(nonsense, null)).result()).usage.usd).toBe(0.0005)
    const wrong = under({ usd: 1 }, (run) => priced(run, { worst: Number.NaN }))
    expect(await (await testEngine([wrong]).start(wrong, null)).outcome()).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_INVALID' },
      usage: { usd: 0 },
    })
  })

  it('[B1] a loser that nobody waits for is paid for in full', async () => {
    const held = gate()
    const desk = under({ usd: 1 }, (run) =>
      Promise.race([
        priced(run, { plan: () => ({ hold: amounts(300), execute: () => held.promise.then(() => ({ value: 1 })) }) }),
        priced(run, { worst: 500, actual: 100 }),
      ]),
    )
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.result()).usage).toMatchObject({ usd: 0.0004, modelCalls: 2 })
    held.open()
  })

  it('[B3] a grant raises the limit of a run that is under way', async () => {
    const held = gate()
    const begun = gate()
    const desk = under({ modelCalls: 1 }, async (run) => {
      await priced(run)
      await run.step('meanwhile', () => {
        begun.open()
        return held.promise
      })
      return priced(run)
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    await begun.promise
    await handle.grant({ modelCalls: 1 })
    held.open()
    expect((await handle.result()).output).toBe('x')
    const journal = await journalOf(store, handle.id)
    expect(journal.entries.map(({ type }) => type)).toContain('budget.granted')
    const granted = journal.entries.findIndex(({ type }) => type === 'budget.granted') + 1
    expect((await resumeRun(await seedJournal(journal, granted), desk, handle.id)).outcome.status).toBe('completed')
  })
})

const billedAttempts = (run: RunId, entries: readonly Entry[]): Set<string> =>
  new Set(
    entries.flatMap((entry) => (entry.type === 'step.started' ? [billed({ idempotencyKey: hash128(`${run}|${entry.key}`), attempt: entry.attempt })] : [])),
  )
