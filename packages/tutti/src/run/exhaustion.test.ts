import { describe, expect, it } from 'vitest'
import type { Budget } from '../budget/index.ts'
import { type JournalStore, memoryStore } from '../journal/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { amounts } from '../testing/priced-flow.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { type EffectSpec, type Flow, flow, type Run, type RunHandle, type RunOutcome } from './index.ts'

/** A call that could cost `worst` and costs `actual`; `made` counts how often it is made. */
const priced = (run: Run, o: { name?: string; worst?: number; actual?: number; until?: Promise<unknown>; made?: string[] } = {}): Promise<string> => {
  const { name = 'call', worst = 500, actual = worst, until, made } = o
  const spec: EffectSpec<string> = {
    name,
    kind: 'model',
    effect: 'idempotent',
    fingerprint: name,
    plan: () => ({
      hold: amounts(worst),
      execute: async () => {
        made?.push(name)
        await until
        return { value: name, settle: amounts(actual) }
      },
    }),
  }
  return run['~core'].ask<string>(spec)
}
const under = (budget: Budget, body: (run: Run) => Promise<unknown>) => flow('desk', { budget }, async (_: null, run) => String(await body(run)))
const waiting = async (handle: RunHandle<unknown>): Promise<Extract<RunOutcome<unknown>, { status: 'waiting' }>> => {
  const outcome = await handle.outcome()
  if (outcome.status !== 'waiting') throw new Error(`it is ${outcome.status}`)
  return outcome
}
const typesIn = async (store: JournalStore, run: string): Promise<string[]> => (await journalOf(store, run as never)).entries.map(({ type }) => type)

describe("a budget with onExhausted: 'ask'", () => {
  it('[B3] a grant of nothing, of less than nothing, or of what no budget has is refused, and leaves the run waiting', async () => {
    const desk = under({ usd: 0.0001, onExhausted: 'ask' }, (run) => priced(run, { name: 'a' }))
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await waiting(handle)
    const wrong = [
      {},
      { usd: -1 },
      { usd: Number.NaN },
      { usd: Number.POSITIVE_INFINITY },
      { usd: 1e-9 },
      { calls: 3 },
      { modelCalls: '2' },
      { onExhausted: 'fail' },
    ]
    for (const more of wrong) await expect(handle.grant(more as never)).rejects.toMatchObject({ code: 'BUDGET_INVALID' })
    await handle.grant({ usd: 0.001 })
    expect((await handle.result()).output).toBe('a')
  })

  it('[B3] waits for a grant, says for what, and makes the call once it fits', async () => {
    const made: string[] = []
    const desk = under({ usd: 0.0008, onExhausted: 'ask' }, async (run) => [await priced(run, { name: 'a', made }), await priced(run, { name: 'b', made })])
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    const rest = await waiting(handle)
    expect(rest.for).toEqual([{ signal: 'tutti.grant', key: 'desk/b', data: { account: '', limit: 'microUsd', allowed: 800, taken: 500, asked: 500 } }])
    expect(made).toEqual(['a'])
    await handle.grant({ usd: 0.0001 })
    const still = await waiting(handle)
    expect(still.for[0]).toMatchObject({ data: { allowed: 900 } })
    await handle.grant({ usd: 0.0001 })
    const { output, usage } = await handle.result()
    expect(output).toBe('a,b')
    expect(usage.usd).toBe(0.001)
    expect(usage.exhausted).toEqual([{ key: 'desk/b', account: '', limit: 'microUsd', policy: 'ask', did: 'waited until there was room' }])
    expect((await typesIn(store, handle.id)).filter((type) => type.startsWith('budget.'))).toEqual([
      'budget.exhausted',
      'budget.granted',
      'budget.exhausted',
      'budget.granted',
    ])
  })

  it('[B3] goes on waiting after a restart, asks nobody twice for the same, and takes a grant that came in between', async () => {
    const made: string[] = []
    const desk = under({ modelCalls: 1, onExhausted: 'ask' }, async (run) => [await priced(run, { name: 'a', made }), await priced(run, { name: 'b', made })])
    const store = memoryStore()
    const { outcome, journal } = await startRun(store, desk, null)
    expect(outcome).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.grant', key: 'desk/b' }] })
    const head = await store.head(journal.run)
    expect(head).toMatchObject({ status: 'waiting', waiting: [{ signal: 'tutti.grant', key: 'desk/b' }] })
    const again = await resumeRun(store, desk, journal.run)
    expect(again.outcome.status).toBe('waiting')
    expect(again.journal.entries.filter(({ type }) => type === 'budget.exhausted')).toHaveLength(1)
    await store.post(journal.run, { id: 'g1', type: 'grant', more: { modelCalls: 1 } }, Date.now())
    const end = await resumeRun(store, desk, journal.run)
    expect(end.outcome).toMatchObject({ status: 'completed', output: 'a,b' })
    expect(made).toEqual(['a', 'b'])
    // From whatever entry on it is gone on with, what was granted counts, and is not asked for again.
    for (let length = end.journal.entries.findIndex(({ type }) => type === 'budget.granted') + 1; length < end.journal.entries.length; length++) {
      const resumed = await resumeRun(await seedJournal(end.journal, length), desk, journal.run)
      const lost = resumed.journal.entries.some((entry) => entry.type === 'step.failed' && entry.error.code === 'ATTEMPT_LOST')
      expect(resumed.outcome.status).toBe(lost ? 'waiting' : 'completed')
    }
  })

  it('[B3] waits for calls that are under way before it asks anybody: what they do not use is there for the others', async () => {
    const held = gate()
    const desk = under({ usd: 0.0008, onExhausted: 'ask' }, (run) =>
      run.all([priced(run, { name: 'a', actual: 100, until: held.promise }), priced(run, { name: 'b', actual: 100 }), priced(run, { name: 'c', actual: 100 })]),
    )
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    held.open()
    const { output, usage } = await handle.result()
    expect(output).toBe('a,b,c')
    expect(usage.usd).toBe(0.0003)
    expect(await typesIn(store, handle.id)).not.toContain('budget.exhausted')
  })

  it('[B3] a scope with a limit of its own is what the grant raises, and the raise outlives a crash', async () => {
    const inner = flow('inner', { budget: { modelCalls: 1, onExhausted: 'ask' } }, async (_: null, run) => `${await priced(run)}${await priced(run)}`)
    const desk = flow('desk', async (_: null, run) => run.call(inner, null))
    const store = memoryStore()
    const { outcome, journal } = await startRun(store, desk, null)
    expect(outcome).toMatchObject({ status: 'waiting', for: [{ key: 'desk/inner/call#2', data: { account: 'desk/inner', limit: 'modelCalls' } }] })
    await store.post(journal.run, { id: 'g', type: 'grant', more: { modelCalls: 1 } }, Date.now())
    const end = await resumeRun(store, desk, journal.run)
    expect(end.outcome).toMatchObject({ status: 'completed', output: 'callcall' })
    const granted = end.journal.entries.findLastIndex(({ type }) => type === 'budget.granted') + 1
    expect(end.journal.entries.filter(({ type }) => type === 'budget.granted')).toMatchObject([{ key: '' }, { key: 'desk/inner' }])
    expect((await resumeRun(await seedJournal(end.journal, granted), desk, journal.run)).outcome.status).toBe('completed')
  })

  it('[B3][B6] waits no longer than its deadline, and can be cancelled', async () => {
    const desk = under({ modelCalls: 0, onExhausted: 'ask' }, (run) => priced(run))
    const { start } = testEngine([desk])
    const late = await start(desk, null, { deadline: 30 })
    await expect(late.result()).rejects.toMatchObject({ code: 'RUN_DEADLINE_EXCEEDED' })
    const handle = await start(desk, null)
    await waiting(handle)
    await handle.cancel('enough')
    await expect(handle.result()).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  })
})

describe('the policy of a budget', () => {
  it('[B3] is that of the account that refuses, else that of the run', async () => {
    const two = async (_: null, run: Run): Promise<string> => `${await priced(run)}${await priced(run)}`
    const silent = flow('silent', { budget: { modelCalls: 1 } }, two)
    const firm = flow('firm', { budget: { modelCalls: 1, onExhausted: 'fail' } }, two)
    const of = (inner: Flow<null, string>) => flow('desk', { budget: { usd: 1, onExhausted: 'ask' } }, async (_: null, run) => run.call(inner, null))
    expect((await startRun(memoryStore(), of(silent), null)).outcome).toMatchObject({ status: 'waiting', for: [{ data: { account: 'desk/silent' } }] })
    expect((await startRun(memoryStore(), of(firm), null)).outcome).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } })
  })

  it('[B3] is refused when it is none', async () => {
    const panic = { usd: 1, onExhausted: 'panic' as 'fail' }
    const refused = { code: 'BUDGET_INVALID', message: "onExhausted is 'panic'" }
    expect(() => under(panic, (run) => priced(run))).toThrow(expect.objectContaining(refused))
    const desk = under({}, (run) => priced(run))
    await expect(testEngine([desk]).start(desk, null, { budget: panic })).rejects.toMatchObject(refused)
  })
})

describe("a budget with onExhausted: 'fail'", () => {
  it('[B3] what was gathered so far is on the outcome and on the error: of a map, the items that are done, each at its place', async () => {
    const desk = flow('desk', { budget: { modelCalls: 2 } }, async (_: null, run) => {
      const each = flow('each', async (n: number, own) => `${n}${await priced(own)}`)
      return run.map('ask', [1, 2, 3, 4], each, { concurrency: 1 })
    })
    const handle = await testEngine([desk]).start(desk, null)
    const outcome = await handle.outcome()
    expect(outcome).toMatchObject({ status: 'failed', partial: ['1call', '2call', undefined, undefined], error: { data: { policy: 'fail' } } })
    await expect(handle.result()).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', partial: ['1call', '2call', undefined, undefined] })
    expect(outcome.usage.exhausted).toEqual([{ key: 'desk/ask:2/call', account: '', limit: 'modelCalls', policy: 'fail', did: 'was not made' }])
  })

  it('[B3] what a flow did not need after all is not told as what it had', async () => {
    const desk = flow('desk', { budget: { modelCalls: 1 } }, async (_: null, run) => {
      const each = flow('each', async (n: number, own) => `${n}${await priced(own)}`)
      await run.map('ask', [1, 2], each, { concurrency: 1 }).catch(() => {})
      await run.step('later', () => 'later')
      return run.fail('no')
    })
    expect(await (await testEngine([desk]).start(desk, null)).outcome()).toMatchObject({ status: 'failed', partial: 'later' })
  })
})

describe('a provider that passes its bound', () => {
  it('[B8] stops the run, whatever its flow makes of it', async () => {
    const made: string[] = []
    const desk = under({ usd: 1 }, async (run) => {
      await priced(run, { name: 'a', worst: 500, actual: 700, made }).catch(() => {})
      await priced(run, { name: 'b', made }).catch(() => {})
      return 'went on'
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    expect(await handle.outcome()).toMatchObject({
      status: 'failed',
      error: {
        code: 'BUDGET_OVERRUN',
        message: "'desk/a' used 0.000700 USD where 0.000500 USD were held for it",
        data: { bounds: ['microUsd'] },
      },
      usage: { usd: 0.0007 },
    })
    expect(made).toEqual(['a'])
    const journal = await journalOf(store, handle.id)
    for (let length = 1; length < journal.entries.length; length++)
      expect((await resumeRun(await seedJournal(journal, length), desk, handle.id)).outcome).toMatchObject({
        status: 'failed',
        error: { code: 'BUDGET_OVERRUN' },
      })
  })

  it('[B8] stops the branches beside it', async () => {
    const made: string[] = []
    const held = gate()
    const desk = under({ usd: 1 }, (run) =>
      Promise.allSettled([
        priced(run, { name: 'a', actual: 700 }),
        priced(run, { name: 'b', until: held.promise, made }).then(() => priced(run, { name: 'c', made })),
      ]),
    )
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.outcome()) as object).toMatchObject({ status: 'failed', error: { code: 'BUDGET_OVERRUN' } })
    held.open()
    expect(made).toEqual(['b'])
  })

  it('[B8] also by an attempt that failed: it is not tried again', async () => {
    let attempts = 0
    const desk = under({ usd: 1 }, (run) =>
      run['~core'].ask({
        name: 'call',
        kind: 'model',
        effect: 'idempotent',
        fingerprint: 'f',
        retry: () => ({ afterMs: 1 }),
        plan: () => ({
          hold: amounts(500),
          execute: () => {
            attempts++
            throw Object.assign(new Error('metered'), { '~metered': true, error: new Error('no answer'), settle: amounts(600) })
          },
        }),
      }),
    )
    expect(await (await testEngine([desk]).start(desk, null)).outcome()).toMatchObject({ status: 'failed', error: { code: 'BUDGET_OVERRUN' } })
    expect(attempts).toBe(1)
  })
})
