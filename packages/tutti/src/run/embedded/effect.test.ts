import { describe, expect, it } from 'vitest'
import type { Amounts } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { resumeRun } from '../../testing/driven-run.ts'
import { journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, lineOf, testEngine } from '../../testing/test-engine.ts'
import { type EffectSpec, flow, type StepContext, type StepOptions } from '../index.ts'

type Work = (ctx: StepContext) => unknown
/** A flow of one step. */
const one = (work: Work, o: StepOptions<null, unknown> = {}) => flow('desk', async (_: null, run) => run.step('a', null, (_, ctx) => work(ctx), o))
const amounts = (microUsd: number): Amounts => ({ microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 })
/** A flow of one effect, as the rooms above make them. */
const effect = (spec: Partial<EffectSpec<unknown>>) =>
  flow('desk', async (_: null, run) =>
    run['~core'].ask<unknown>({ name: 'a', kind: 'model', effect: 'idempotent', fingerprint: 'f', plan: () => ({ execute: () => ({ value: 1 }) }), ...spec }),
  )

async function linesOf(desk: ReturnType<typeof one>): Promise<readonly string[]> {
  const { start, lines } = testEngine([desk])
  const handle = await start(desk, null)
  await handle.outcome()
  return lines(handle.id)
}

describe('the entries of an effect', () => {
  it('[R1] a read that costs nothing is one entry', async () => {
    expect(await linesOf(one(() => 1))).toEqual(['step.completed desk/a'])
    expect(await linesOf(one(() => Promise.reject(new Error('no'))))).toEqual(['step.failed desk/a @1 RUN_STEP_FAILED final'])
  })

  it.each(['idempotent', 'once'] as const)('[R1] an %s effect is announced, durably, before it begins', async (kind) => {
    let known: readonly string[] = []
    const desk = one(
      async () => {
        known = (await journalOf(store, handle.id)).entries.map(lineOf)
      },
      { effect: kind },
    )
    const { start, store, lines } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.result()
    expect(known).toEqual(['run.started', 'step.started desk/a @1'])
    expect(await lines(handle.id)).toEqual(['step.started desk/a @1', 'step.completed desk/a'])
  })

  it('[B1] a priced effect holds its worst case in the entry that announces it, and settles in the one that ends it', async () => {
    const desk = effect({ plan: () => ({ hold: amounts(500), execute: () => ({ value: 1, settle: amounts(120) }) }) })
    const { start, entries } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).usage).toMatchObject({ usd: 0.00012, modelCalls: 1 })
    expect((await entries(handle.id)).slice(1, 3)).toMatchObject([
      { type: 'step.started', attempt: 1, hold: { microUsd: 500 }, kind: 'model', effect: 'idempotent', at: [0], fingerprint: 'f' },
      { type: 'step.completed', settle: { microUsd: 120 }, value: 1 },
    ])
  })

  it('[B1] unknown usage stays at the hold', async () => {
    const desk = effect({ plan: () => ({ hold: amounts(500), execute: () => ({ value: 1 }) }) })
    expect((await (await testEngine([desk]).start(desk, null)).result()).usage.usd).toBe(0.0005)
  })

  it('[R8] a retry is durable before its backoff, and only the final failure reaches the flow', async () => {
    const clock = simulatedClock()
    const desk = one(
      ({ attempt }) => {
        if (attempt < 3) throw new Error(`attempt ${attempt}`)
        return attempt
      },
      { retry: { attempts: 3, backoff: '10s' } },
    )
    const { start, lines, entries } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    const result = handle.result()
    await clock.advance(1)
    expect(await lines(handle.id)).toEqual(['step.failed desk/a @1 RUN_STEP_FAILED again'])
    const [failed] = (await entries(handle.id)).filter((entry) => entry.type === 'step.failed')
    const backoffMs = (failed?.retryAt ?? 0) - (failed?.time ?? 0)
    expect(backoffMs).toBeGreaterThanOrEqual(5_000)
    expect(backoffMs).toBeLessThanOrEqual(10_000)
    await clock.advance('60s')
    expect((await result).output).toBe(3)
    expect(await lines(handle.id)).toEqual([
      'step.failed desk/a @1 RUN_STEP_FAILED again',
      'step.failed desk/a @2 RUN_STEP_FAILED again',
      'step.completed desk/a @3',
    ])
  })

  it('[R8] the attempts are counted across a crash, and the backoff is waited out by whoever goes on', async () => {
    const clock = simulatedClock()
    const attempts: number[] = []
    const desk = one(
      ({ attempt }) => {
        attempts.push(attempt)
        throw new Error('always')
      },
      { retry: { attempts: 3, backoff: '10s' } },
    )
    const first = testEngine([desk], { clock })
    const handle = await first.start(desk, null)
    await clock.advance('20s')
    const journal = await journalOf(first.store, handle.id)
    const upToSecond = journal.entries.findIndex((entry) => entry.type === 'step.failed' && entry.attempt === 2) + 1
    attempts.length = 0
    const later = simulatedClock(journal.entries[upToSecond - 1]?.time)
    const second = testEngine([desk], { clock: later, store: await seedJournal(journal, upToSecond) })
    await second.engine.activate(handle.id)
    await later.advance('4s')
    expect(attempts).toEqual([])
    await later.advance('20s')
    expect(attempts).toEqual([3])
    expect(await second.handle(handle.id).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_STEP_FAILED' } })
  })

  it('[R8] a retry names the codes it is for', async () => {
    const desk = one(
      ({ attempt }) => {
        throw new TuttiError(attempt === 1 ? 'MODEL_RATE_LIMITED' : 'MODEL_KEY_REFUSED', 'no')
      },
      { retry: { attempts: 5, backoff: 0, on: ['MODEL_RATE_LIMITED'] } },
    )
    expect(await linesOf(desk)).toEqual(['step.failed desk/a @1 MODEL_RATE_LIMITED again', 'step.failed desk/a @2 MODEL_KEY_REFUSED final'])
  })

  it('[R8] a retry that names its codes stops at another one, also when a crash lies between the attempts', async () => {
    const clock = simulatedClock()
    const o = { retry: { attempts: 5, backoff: '10s', on: ['MODEL_RATE_LIMITED'] } } satisfies StepOptions<null, unknown>
    const codes = ['MODEL_RATE_LIMITED', 'MODEL_RATE_LIMITED', 'MODEL_KEY_REFUSED']
    const desk = one(({ attempt }) => {
      throw new TuttiError(codes[attempt - 1] ?? 'RUN_FAILED', 'no')
    }, o)
    const first = testEngine([desk], { clock })
    const handle = await first.start(desk, null)
    await clock.advance('1h')
    const journal = await journalOf(first.store, handle.id)
    const expected = [
      'step.failed desk/a @1 MODEL_RATE_LIMITED again',
      'step.failed desk/a @2 MODEL_RATE_LIMITED again',
      'step.failed desk/a @3 MODEL_KEY_REFUSED final',
    ]
    expect(await first.lines(handle.id)).toEqual(expected)
    for (const length of [2, 3]) {
      const later = simulatedClock(journal.entries[length - 1]?.time)
      const second = testEngine([desk], { clock: later, store: await seedJournal(journal, length) })
      await second.engine.activate(handle.id)
      await later.advance('4s')
      expect(await second.lines(handle.id)).toEqual(expected.slice(0, length - 1))
      await later.advance('1h')
      expect(await second.lines(handle.id)).toEqual(expected)
    }
  })

  it('[R2] the idempotency key is the same on every attempt, in every process, and another for every step', async () => {
    const keys: string[] = []
    const held = gate()
    const desk = flow('desk', async (_: null, run) => {
      await run.step('a', null, (_, { idempotencyKey, attempt }) => (keys.push(idempotencyKey) > 0 && attempt < 2 ? Promise.reject(new Error('again')) : 1), {
        effect: 'idempotent',
        retry: { attempts: 2, backoff: 0 },
      })
      const hold = async (_: null, { idempotencyKey }: StepContext): Promise<void> => {
        keys.push(idempotencyKey)
        await held.promise
      }
      return run.step('b', null, hold, { effect: 'idempotent' })
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    while (keys.length < 3) await new Promise((resolve) => setImmediate(resolve))
    const cut = await seedJournal(await journalOf(store, handle.id))
    held.open()
    await resumeRun(cut, desk, handle.id)
    expect(keys).toHaveLength(4)
    expect(keys[1]).toBe(keys[0])
    expect(keys[3]).toBe(keys[2])
    expect(keys[2]).not.toBe(keys[0])
  })

  it('[R1] an attempt that a process took with it is settled in full, and the next one is told so', async () => {
    const held = gate()
    const told: unknown[] = []
    const spec = (work: () => unknown): Partial<EffectSpec<unknown>> => ({
      plan: (attempt, last) => {
        told.push([attempt, last?.code])
        return { hold: amounts(500), execute: async () => ({ value: await work(), settle: amounts(100) }) }
      },
    })
    const desk = effect(spec(() => held.promise))
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    while ((await journalOf(store, handle.id)).entries.length < 2) await new Promise((resolve) => setImmediate(resolve))
    const { outcome, journal } = await resumeRun(await seedJournal(await journalOf(store, handle.id)), effect(spec(() => 'done')), handle.id)
    expect(outcome).toMatchObject({ status: 'completed', output: 'done', usage: { usd: 0.0006, modelCalls: 2 } })
    expect(journal.entries.map(lineOf).filter((line) => line.startsWith('step'))).toEqual([
      'step.started desk/a @1',
      'step.failed desk/a @1 ATTEMPT_LOST again',
      'step.started desk/a @2',
      'step.completed desk/a @2',
    ])
    expect(told).toEqual([
      [1, undefined],
      [2, 'ATTEMPT_LOST'],
    ])
    held.open()
  })

  it('[T1] a step that takes too long is told to stop, and times out', async () => {
    const clock = simulatedClock()
    let reason: unknown
    const held = gate()
    const desk = one(
      ({ signal }) => {
        signal.addEventListener('abort', () => (reason = (signal.reason as TuttiError).code))
        return held.promise
      },
      { timeout: '5s' },
    )
    const { start } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('5s')
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_TIMEOUT' } })
    expect(reason).toBe('RUN_TIMEOUT')
    held.open()
  })
})
