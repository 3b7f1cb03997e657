import { describe, expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { systemClock } from '../primitives/index.ts'
import { flow } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { fromEveryPrefix } from '../testing/every-prefix.ts'
import { askModel, gateway, gatewayKey } from './gateway.ts'
import { Latency } from './latency.ts'
import type { ModelLike } from './model.port.ts'
import { ask as askOnce, request, type Told } from './one-question.ts'
import { played, refusal } from './played.ts'
import { cascade, hedge, retry } from './policy.ts'

const prices = { 'a/slow': { input: 1, output: 1 }, 'b/quick': { input: 2, output: 2 } }
type Asked = Parameters<typeof askOnce>[1]
const ask = (model: ModelLike, o: Asked = {}): Promise<Told> => askOnce({ model }, { clock: systemClock, gateway: { prices }, ...o })
const once = (model: ModelLike): ModelLike => retry(model, { attempts: 1 })

/** Waits before its first word, in each call as long as it is told. */
const slow = (id: string, ...waits: readonly number[]) =>
  played(id, async ({ call, wait, say }) => {
    await wait(waits[call - 1] ?? 0)
    say(`${id} ${call}`)
  })
const text = ({ answer }: Told): unknown => answer?.message.parts.map((part) => part.type === 'text' && part.text).join('')
const shown = (told: Told): string => told.parts.map((part) => (part.type === 'text' ? part.text : part.type === 'reset' ? '|' : '')).join('')
const trail = (told: Told): readonly string[] =>
  told.entries.flatMap((entry) =>
    'attempt' in entry || entry.type === 'step.completed' ? [`${entry.type} ${('attempt' in entry && entry.attempt) || 1}`] : [],
  )

describe('hedge', () => {
  test('[M8] a second attempt answers when the first says nothing; the first is cut off, recorded, and paid for in full', async () => {
    const first = slow('a/slow', 60_000)
    const second = slow('b/quick', 0)
    const told = await ask(hedge([first.model, second.model], { after: 10 }))
    expect([text(told), shown(told), told.answer?.model.why]).toEqual(['b/quick 1', 'b/quick 1', 'hedge: a/slow said nothing for 10 ms'])
    expect(trail(told)).toEqual(['step.started 1', 'step.started 2', 'step.completed 2', 'budget.settled 1'])
    const started = told.entries.find((entry) => entry.type === 'step.started')
    const settled = told.entries.find((entry) => entry.type === 'budget.settled')
    expect(settled?.settle).toEqual(started?.hold)
    expect([first.seen, second.seen]).toEqual([
      { calls: 1, aborted: 1 },
      { calls: 1, aborted: 0 },
    ])
    const end = told.entries.at(-1)
    expect(end).toMatchObject({ type: 'run.completed', usage: { modelCalls: 2, inputTokens: (started?.hold?.inputTokens ?? 0) + 10 } })
  })

  test('[M8] a single model is asked a second time', async () => {
    const model = slow('a/slow', 60_000, 0)
    expect(text(await ask(hedge(model.model, { after: 5 })))).toBe('a/slow 2')
    expect(model.seen).toEqual({ calls: 2, aborted: 1 })
  })

  test('[M8] who answers in time has no one beside it; who has begun to answer neither', async () => {
    const quick = slow('a/slow', 0)
    await ask(hedge(quick.model, { after: 1_000 }))
    expect(quick.seen.calls).toBe(1)
    const talking = played('a/slow', async ({ say, wait }) => {
      say('so ')
      await wait(60)
      say('long')
    })
    expect([text(await ask(hedge(talking.model, { after: 30 }))), talking.seen.calls]).toEqual(['so long', 1])
  })

  test('[M8] of two that answer, one is shown and one decides', async () => {
    const chatty = (id: string) =>
      played(id, async ({ call, say, wait }) => {
        await wait(call === 1 ? 20 : 0)
        for (let i = 0; i < 5; i++) {
          say(`${id}${i} `)
          await wait(2)
        }
      })
    for (let i = 0; i < 8; i++) {
      const told = await ask(hedge([chatty('a/slow').model, chatty('b/quick').model], { after: 20 }))
      expect(shown(told)).toBe(text(told))
      expect(told.entries.filter(({ type }) => type === 'step.completed')).toHaveLength(1)
      const begun = told.entries.filter(({ type }) => type === 'step.started').length
      expect(told.entries.filter(({ type }) => type === 'step.completed' || type === 'budget.settled' || type === 'step.failed')).toHaveLength(begun)
    }
  })

  test('[M8] a failure is not the last word while another attempt is under way; both are recorded', async () => {
    const begun = Promise.withResolvers<void>()
    const failing = played('a/slow', async () => {
      await begun.promise
      throw refusal(500)
    })
    const second = played('b/quick', async ({ wait, say }) => {
      begun.resolve()
      await wait(20)
      say('in the end')
    })
    const told = await ask(hedge([once(failing.model), once(second.model)], { after: 5 }))
    expect(text(told)).toBe('in the end')
    expect(trail(told)).toEqual(['step.started 1', 'step.started 2', 'step.failed 1', 'step.completed 2'])
  })

  test('[M4] [M8] after a race that nobody won the walk goes on; attempts keep their numbers, and the last error lists them all', async () => {
    const second = Promise.withResolvers<void>()
    const model = played('a/slow', async ({ call, wait }) => {
      if (call === 1) await second.promise
      if (call === 2) second.resolve()
      if (call === 2) await wait(20)
      throw refusal(call === 2 ? 429 : 500)
    })
    const told = await ask(hedge(retry(model.model, { attempts: 2, backoff: 1 }), { after: 5, max: 2 }))
    expect(trail(told)).toEqual(['step.started 1', 'step.started 2', 'step.failed 1', 'step.failed 2', 'step.started 3', 'step.failed 3'])
    expect(told.error?.data).toMatchObject({ attempts: [{ code: 'MODEL_OVERLOADED' }, { code: 'MODEL_RATE_LIMITED' }, { code: 'MODEL_OVERLOADED' }] })
  })

  test('[B1] [M8] a hedge that the budget has no room for is not made, and the first goes on', async () => {
    const quick = slow('b/quick', 0)
    const told = await ask(hedge([slow('a/slow', 40).model, quick.model], { after: 5 }), { budget: { modelCalls: 1 } })
    expect([text(told), quick.seen.calls]).toEqual(['a/slow 1', 0])
  })

  test('[M8] a cascade inside shows what it accepted, and only that', async () => {
    const stages = cascade([slow('a/slow', 30).model, slow('b/quick', 0).model], { accept: ({ text }) => text.startsWith('b') })
    expect(shown(await ask(hedge(stages, { after: 5 })))).toBe('b/quick 1')
  })

  test('[M8] an answer that has begun, and is kept back until it is accepted, is not hedged', async () => {
    const model = played('a/slow', async ({ wait, say }) => {
      say('a')
      await wait(150)
      say('b')
    })
    const told = await ask(cascade([hedge(model.model, { after: 50 }), slow('b/quick', 0).model], { accept: () => true }))
    expect([text(told), model.seen.calls]).toEqual(['ab', 1])
  })

  test('[M8] `p95` waits as long as nineteen of twenty answers took to begin, and makes none before twenty were seen', async () => {
    const latency = new Latency()
    for (let ms = 1; ms <= 19; ms++) latency.note(ms)
    expect(latency.p95).toBeUndefined()
    latency.note(20)
    expect(latency.p95).toBe(19)
    const models = gateway({ env: {}, cwd: import.meta.dirname, prices })
    const model = slow('a/slow', ...Array.from({ length: 20 }, () => 1), 60_000, 0)
    for (let i = 0; i < 20; i++) await ask(hedge(model.model), { models })
    expect(model.seen.calls).toBe(20)
    expect((await ask(hedge(model.model), { models })).answer?.model.why).toMatch(/^hedge: a\/slow said nothing for \d+ ms$/)
  })

  test('[B2] [M8] a process that is lost with both attempts under way leaves them paid in full, and a third answers', async () => {
    const model = slow('a/slow', 60_000, 0)
    const asking = flow(
      'one',
      async (_: null, run) => (await askModel(run, { name: 'ask', agent: 'a', model: hedge(model.model, { after: 1 }), request: request('x') })).usage,
    )
    const engine = (): { services: Map<string, unknown> } => ({ services: new Map([[gatewayKey.service, gateway({ env: {}, cwd: '.', prices })]]) })
    const { journal } = await startRun(memoryStore(), asking, null, engine())
    for (const { left, journal: whole, outcome } of await fromEveryPrefix(journal, asking, engine)) {
      expect(outcome.status).toBe('completed')
      // What decides a race and what settles the others is one transaction.
      if (left.at(-1)?.type === 'step.completed') continue
      const held = left.flatMap((entry) => (entry.type === 'step.started' && entry.hold ? [entry.hold.inputTokens] : []))
      const settled = whole.entries.flatMap((entry) => ('settle' in entry && entry.settle ? [entry.settle.inputTokens] : []))
      expect(settled.length).toBe(whole.entries.filter(({ type }) => type === 'step.started').length)
      if (!left.some(({ type }) => type === 'step.completed')) expect(settled.slice(0, held.length).sort()).toEqual(held.sort())
      expect(outcome.usage.inputTokens).toBe(settled.reduce((sum, tokens) => sum + tokens, 0))
    }
  })

  test('a hedge of less than two attempts is refused', () => {
    expect(() => hedge('a/one', { max: 1 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => hedge('a/one', { after: 'soon' as never })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
