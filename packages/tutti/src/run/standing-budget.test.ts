import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type StandingBudget, StandingBudgets } from '../budget/index.ts'
import { type JournalStore, memoryStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { bound, failpointStore, journalOf } from '../testing/failpoint-store.ts'
import { hostedEngine, MemoryHost } from '../testing/memory-host.ts'
import { amounts, type Bill, pricedFlow, pricedProgram } from '../testing/priced-flow.ts'
import { seeded } from '../testing/random-program.ts'
import { simulatedClock } from '../testing/simulated-clock.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { EmbeddedHandle, flow, type Run, replayRun } from './index.ts'

const RUNS = Number(process.env.RUNS ?? 30)
const NOON = Date.UTC(2026, 10, 30, 12)

const standing = (...budgets: StandingBudget[]): StandingBudgets => new StandingBudgets(budgets)
const perDay = (microUsd: number): StandingBudgets => standing({ per: 'tenant', every: 'day', usd: microUsd / 1e6 })

/** A call that may cost so much, and costs so much. */
const call = (run: Run, worst: number, actual: number, during: () => unknown = () => {}): Promise<string> =>
  run['~core'].ask<string>({
    name: 'call',
    kind: 'model',
    effect: 'idempotent',
    fingerprint: String(worst),
    plan: () => ({
      hold: amounts(worst),
      execute: async () => {
        await during()
        return { value: 'said', settle: amounts(actual) }
      },
    }),
  })

const sumsOf = async (store: JournalStore): Promise<(readonly [name: string | undefined, spent: number, held: number])[]> =>
  (await store.accounts()).map(({ tenant, flow: name, spent, held }) => [tenant ?? name, spent.microUsd, held.microUsd] as const)

describe('a standing budget', () => {
  it('[B4] a call that was refused is none of what its run used, also when the run ends before the store has said so', async () => {
    const late = gate()
    const plain = memoryStore()
    let held = 0
    const store: JournalStore = {
      ...bound(plain),
      append: async (commit) => {
        if (commit.standing?.hold && ++held === 2) await late.promise
        return plain.append(commit)
      },
    }
    const branch = flow('branch', (_: null, run) => call(run, 60, 25))
    const desk = flow('desk', (_: null, run) => run.all([run.call(branch, null), run.call(branch, null)]))
    const { start } = testEngine([desk], { store, budgets: perDay(10) })
    const handle = await start(desk, null, { scope: { tenant: 'acme' } })
    const outcome = handle.outcome()
    await expect.poll(() => held).toBe(2)
    setTimeout(late.open, 50)
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' }, usage: { usd: 0, modelCalls: 0 } })
  })

  it('[B4] the worst case of a call is held in the account of its tenant before it goes out, and settled to what it cost', async () => {
    const seen: unknown[] = []
    const store = memoryStore()
    const desk = flow('desk', (_: null, run) => call(run, 60, 25, async () => seen.push(await sumsOf(store))))
    const { start, lines } = testEngine([desk], { store, budgets: perDay(100) })
    const handle = await start(desk, null, { scope: { tenant: 'acme' } })
    expect((await handle.result()).output).toBe('said')
    expect(seen).toEqual([[['acme', 0, 60]]])
    expect(await sumsOf(store)).toEqual([['acme', 25, 0]])
    expect(await lines(handle.id)).toEqual(['step.started desk/call @1', 'step.completed desk/call'])
  })

  it('[B4] a call that does not fit is not made: the flow is told whose account, of which day, is how full; other tenants go on', async () => {
    const made: string[] = []
    const store = memoryStore()
    const desk = flow('desk', (who: string, run) => call(run, 60, 60, () => made.push(who)))
    const { start, lines } = testEngine([desk], { store, budgets: perDay(100), clock: simulatedClock(NOON) })
    const ask = async (tenant: string) => (await start(desk, tenant, { scope: { tenant } })).outcome()
    expect(await ask('acme')).toMatchObject({ status: 'completed' })
    expect(await ask('acme')).toMatchObject({
      status: 'failed',
      error: {
        code: 'BUDGET_EXCEEDED',
        message: "'desk/call' could use 0.000060 USD; of the 0.000100 USD allowed to tenant 'acme', day 2026-11-30, 0.000060 USD are spent or held",
        data: { account: "tenant 'acme', day 2026-11-30", limit: 'microUsd', allowed: 100, taken: 60, asked: 60, until: '2026-12-01T00:00:00.000Z' },
        hint: expect.stringContaining('The next day begins at 2026-12-01T00:00:00.000Z'),
      },
    })
    expect(await ask('other')).toMatchObject({ status: 'completed' })
    expect(made).toEqual(['acme', 'other'])
    const [, refused] = (await store.list()).toReversed()
    expect(await lines(refused?.run ?? '')).toEqual(['step.failed desk/call @1 BUDGET_EXCEEDED final'])
  })

  it('[B4] a new period begins by the calendar, whether a process is up or not; a higher limit holds at once', async () => {
    const store = memoryStore()
    const clock = simulatedClock(NOON)
    const desk = flow('desk', (_: null, run) => call(run, 60, 60))
    const ask = async (microUsd: number): Promise<string> => {
      const { start } = testEngine([desk], { store, budgets: perDay(microUsd), clock })
      return (await (await start(desk, null)).outcome()).status
    }
    expect([await ask(100), await ask(100), await ask(120), await ask(120)]).toEqual(['completed', 'failed', 'completed', 'failed'])
    await clock.advance('12h')
    expect([await ask(100), await ask(100)]).toEqual(['completed', 'failed'])
  })

  it('[B4] a limit by user is each user’s own, one by flow is of all tenants together, and tokens and calls are limited as money is', async () => {
    const store = memoryStore()
    const desk = flow('desk', (_: null, run) => call(run, 10, 10))
    const budgets = standing({ per: 'user', every: 'hour', modelCalls: 1 }, { per: 'flow', every: 'month', modelCalls: 4 })
    const { start } = testEngine([desk], { store, budgets, clock: simulatedClock(NOON) })
    const ask = async (tenant: string, user?: string): Promise<string> => {
      const outcome = await (await start(desk, null, { scope: { tenant, user } })).outcome()
      return outcome.status === 'failed' ? String((outcome.error.data as { account: string }).account) : outcome.status
    }
    expect(await ask('acme', 'ada')).toBe('completed')
    expect(await ask('acme', 'ada')).toBe("user 'ada' of 'acme', hour 2026-11-30T12")
    expect(await ask('other', 'ada')).toBe('completed')
    expect(await ask('acme')).toBe('completed')
    expect(await ask('acme')).toBe("nobody of 'acme', hour 2026-11-30T12")
    expect(await ask('acme', 'bob')).toBe('completed')
    expect(await ask('acme', 'eve')).toBe("flow 'desk', month 2026-11")
  })

  it('[B4] a replay holds nothing, and what a fork takes over costs nothing', async () => {
    const store = memoryStore()
    const desk = flow('desk', async (_: null, run) => `${await call(run, 60, 60)} ${await run.step('end', () => 'x')}`)
    const { engine, start } = testEngine([desk], { store, budgets: perDay(100) })
    const handle = await start(desk, null)
    await handle.result()
    expect((await replayRun(store, handle.id, desk)).output).toBe('said x')
    const fork = new EmbeddedHandle<string>(engine, await engine.fork(handle.id, desk, { at: 'desk/end' }))
    expect((await fork.result()).output).toBe('said x')
    expect(await sumsOf(store)).toEqual([['default', 60, 0]])
  })

  it('[B4] what a process held and took with it is settled in full by whoever goes on, also by one that declares no budgets', async () => {
    const store = memoryStore()
    let down = false
    const dying = failpointStore(store, () => (down ? 'vanish' : 'write'))
    const gone = gate()
    const dies = flow('desk', (_: null, run) =>
      call(run, 60, 10, () => {
        down = true
        gone.open()
        return new Promise(() => {})
      }),
    )
    const clock = simulatedClock(NOON)
    const first = testEngine([dies], { store: dying, budgets: perDay(200), clock })
    const { id } = await first.start(dies, null)
    await gone.promise
    expect(await sumsOf(store)).toEqual([['default', 0, 60]])
    const desk = flow('desk', (_: null, run) => call(run, 60, 10))
    await clock.advance('1m')
    const second = testEngine([desk], { store, clock })
    await second.engine.activate(id)
    expect((await second.handle(id).outcome()).status).toBe('completed')
    expect(await sumsOf(store)).toEqual([['default', 60, 0]])
  })

  it('[B4] a tool is counted where calls of tools are limited, and a model without a price is refused where money is', async () => {
    const left: unknown[] = []
    const desk = flow('desk', async (_: null, run) => void left.push(run['~core'].left()))
    const { start } = testEngine([desk], { budgets: standing({ per: 'tenant', every: 'day', usd: 1, toolCalls: 5 }) })
    await (await start(desk, null, { budget: { usd: 0.5 } })).result()
    expect(left).toEqual([{ microUsd: 500_000, toolCalls: Number.POSITIVE_INFINITY }])
  })
})

/** Several processes on one store, each with runs of random calls, which crash at random places, and go on: what comes of it. */
async function manyProcesses(seed: number, limit: number, store: JournalStore, make: (kept: JournalStore, n: number) => Promise<void>): Promise<void> {
  const random = seeded(seed)
  const most = { taken: 0 }
  const watched: JournalStore = {
    ...bound(store),
    close: async () => {},
    append: async (commit) => {
      const line = await store.append(commit)
      for (const { spent, held, limits } of await store.accounts()) {
        most.taken = Math.max(most.taken, spent.microUsd + held.microUsd)
        expect(limits).toEqual({ microUsd: limit })
      }
      return line
    },
  }
  for (let n = 0; n < 1 + Math.floor(random() * 3); n++) await make(watched, n)
  expect(most.taken).toBeLessThanOrEqual(limit)
}

describe('a standing budget under several processes', () => {
  it('[B4] is never passed, whatever runs hold, settle, hedge and retry beside one another, and wherever their processes crash', async () => {
    let refused = 0
    let crashes = 0
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 100, max: 1_500 }), async (seed, limit) => {
        const random = seeded(seed)
        const store = memoryStore()
        const bills: Bill[] = []
        const runs: RunId[] = []
        await manyProcesses(seed, limit, store, async (kept) => {
          const bill: Bill = new Map()
          bills.push(bill)
          const dies = random() < 0.6 ? 1 + Math.floor(random() * 30) : Number.POSITIVE_INFINITY
          let appends = 0
          const mortal = failpointStore(kept, () => (++appends >= dies ? 'vanish' : 'write'))
          const priced = pricedFlow(pricedProgram(seed), {}, bill)
          const process = testEngine([priced], { store: mortal, budgets: perDay(limit), leaseMs: 40 })
          const handles = await Promise.all([0, 1].map(() => process.start(priced, null, { scope: { tenant: 'acme' } })))
          runs.push(...handles.map(({ id }) => id))
          await Promise.race([Promise.all(handles.map((handle) => handle.outcome())), new Promise((resolve) => setTimeout(resolve, 60))])
          const closing = process.engine.close({ graceMs: 0 }).catch(() => {})
          if (appends < dies) await closing
          else crashes++
        })
        const bill: Bill = new Map()
        bills.push(bill)
        const priced = pricedFlow(pricedProgram(seed), {}, bill)
        const last = testEngine([priced], { store, budgets: perDay(limit), leaseMs: 40 })
        await new Promise((resolve) => setTimeout(resolve, 60))
        for (const run of runs) {
          await last.engine.activate(run)
          await last.handle(run).outcome()
          const { entries } = await journalOf(store, run)
          refused += entries.filter((entry) => entry.type === 'step.failed' && entry.error.code === 'BUDGET_EXCEEDED').length
        }
        const billed = bills.flatMap((each) => [...each.values()]).reduce((sum, cost) => sum + cost, 0)
        const [account] = await store.accounts()
        expect(account?.held.microUsd ?? 0).toBe(0)
        expect(account?.spent.microUsd ?? 0).toBeLessThanOrEqual(limit)
        expect(billed).toBeLessThanOrEqual(account?.spent.microUsd ?? 0)
      }),
      { numRuns: RUNS },
    )
    expect(refused).toBeGreaterThan(0)
    expect(crashes).toBeGreaterThan(0)
  }, 120_000)

  it('[B4] holds where an engine elsewhere hosts the runs, wherever their attempts are lost', async () => {
    let refused = 0
    let losses = 0
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 100, max: 1_500 }), async (seed, limit) => {
        const random = seeded(seed)
        const store = memoryStore()
        const bill: Bill = new Map()
        let lost = 0
        await manyProcesses(seed, limit, store, async (kept) => {
          const priced = pricedFlow(pricedProgram(seed), {}, bill)
          const host = new MemoryHost(() => random() < 0.1 && lost++ < 4)
          const engine = hostedEngine(host, kept, [priced], undefined, perDay(limit))
          onTestFinished(() => engine.close({ graceMs: 0 }))
          const run = await engine.start(priced, null, { scope: { tenant: 'acme' } })
          expect((await new EmbeddedHandle(engine, run).outcome()).status).toBe('completed')
          losses += host.losses
          const { entries } = await journalOf(store, run)
          refused += entries.filter((entry) => entry.type === 'step.failed' && entry.error.code === 'BUDGET_EXCEEDED').length
        })
        const [account] = await store.accounts()
        expect(account?.held.microUsd ?? 0).toBe(0)
        expect([...bill.values()].reduce((sum, cost) => sum + cost, 0)).toBeLessThanOrEqual(account?.spent.microUsd ?? 0)
      }),
      { numRuns: RUNS },
    )
    expect(refused).toBeGreaterThan(0)
    expect(losses).toBeGreaterThan(0)
  }, 120_000)
})
