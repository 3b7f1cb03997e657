import { describe, expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import type { Prompt } from '../message/index.ts'
import { sampleEmbedder } from '../retrieval/sample-embedder.ts'
import { type Flow, flow, type Run } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { fromEveryPrefix } from '../testing/every-prefix.ts'
import { scripted } from '../testing/scripted.ts'
import { testEngine } from '../testing/test-engine.ts'
import { withModel } from '../testing/with-model.ts'
import { byMeaning, byModel, byRule, chain, type Router, route } from './index.ts'

const branch = (name: string): Flow<Prompt, string> => flow(name, (prompt: Prompt) => `${name}: ${typeof prompt === 'string' ? prompt : 'messages'}`)
const [order, refund, other] = [branch('order'), branch('refund'), branch('other')]
const desk = (by: Router<Prompt, 'order' | 'refund'>) => route('desk', { by, to: { order, refund }, otherwise: other })

async function ask(by: Router<Prompt, 'order' | 'refund'>, prompt: Prompt, o: Parameters<typeof testEngine>[1] = {}) {
  const { start, entries } = testEngine([], o)
  const handle = await start(desk(by), prompt)
  return { output: (await handle.result()).output, entries: (await entries(handle.id)).filter(({ type }) => type.startsWith('step.')) }
}

describe('byRule', () => {
  const by = byRule({ order: /\border\b|parcel/i, refund: (prompt: Prompt) => prompt.length > 40 })

  test('[M3] chooses the first branch whose pattern or function holds, records it, and otherwise none', async () => {
    const asked = await ask(by, 'Where is my Order, and why is it not here after all these weeks?')
    expect(asked.output).toMatch(/^order:/)
    expect(asked.entries).toMatchObject([{ type: 'step.completed', key: 'desk/by', value: 'order' }])
    expect((await ask(by, 'It broke the day it came, and I would have what I paid.')).output).toMatch(/^refund:/)
    expect((await ask(by, 'Hello')).output).toBe('other: Hello')
  })

  test('[M3] a pattern is matched against what a person said last, whatever its flags remember', async () => {
    const sticky = byRule({ order: /order/g, refund: /refund/g })
    const said = [
      { role: 'user', content: 'refund' },
      { role: 'assistant', content: 'a refund?' },
      { role: 'user', content: 'no, order 17' },
    ] as const
    for (let i = 0; i < 2; i++) expect((await ask(sticky, said)).output).toBe('order: messages')
  })

  test('what is no rule is refused', () => {
    expect(() => byRule({ order: 'order' as never })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('byMeaning', () => {
  const embed = sampleEmbedder([
    ['parcel', 'order', 'delivery'],
    ['money', 'refund', 'paid'],
  ])
  const examples = { order: ['where parcel', 'where delivery'], refund: ['give back money', 'want refund'] }

  test('[M3] chooses the branch whose examples mean most nearly what was said, and records how nearly', async () => {
    const asked = await ask(byMeaning(examples, { embed }), 'where order')
    expect(asked.output).toBe('order: where order')
    expect(asked.entries).toMatchObject([
      {
        type: 'step.completed',
        key: 'desk/by',
        kind: 'embedding',
        value: { choice: 'order', score: 1, next: { branch: 'refund', score: expect.closeTo(0, 2) } },
      },
    ])
    expect((await ask(byMeaning(examples, { embed }), 'back paid')).output).toBe('refund: back paid')
  })

  test('[M3] what is like none of them is out of scope', async () => {
    expect((await ask(byMeaning(examples, { embed }), 'sing me something')).output).toBe('other: sing me something')
    expect((await ask(byMeaning(examples, { embed, threshold: 0.9 }), 'where is that parcel')).output).toMatch(/^other/)
  })

  test('[M3] examples are embedded once, and again after a failure', async () => {
    const counting = sampleEmbedder()
    let down = true
    const shaky = { embed: async (texts: readonly string[]) => (down ? Promise.reject(new Error('no model')) : counting.embed(texts)) }
    const by = byMeaning(examples, { embed: shaky })
    const { start } = testEngine()
    await expect((await start(desk(by), 'where')).result()).rejects.toMatchObject({ code: 'RUN_STEP_FAILED' })
    down = false
    for (const question of ['where', 'refund']) await (await start(desk(by), question)).result()
    expect(counting.asked.map(({ length }) => length)).toEqual([4, 1, 1])
  })

  test('[M3] a recorded choice stands, also when the examples have changed', async () => {
    const { journal } = await startRun(memoryStore(), desk(byMeaning(examples, { embed })), 'where order')
    const changed = desk(byMeaning({ order: ['sing'], refund: ['where order'] }, { embed }))
    for (const { left, outcome } of await fromEveryPrefix(journal, changed)) {
      const isChosen = left.some((entry) => entry.type === 'step.completed')
      expect(outcome).toMatchObject({ status: 'completed', output: `${isChosen ? 'order' : 'refund'}: where order` })
    }
  })

  test('a branch without examples, and a threshold that is none, are refused', () => {
    expect(() => byMeaning({ order: [] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: "byMeaning: the branch 'order' has no examples" }),
    )
    expect(() => byMeaning({ order: ['x'] }, { threshold: 2 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('byModel', () => {
  const choices = { order: 'about an order', refund: 'wants money back' }

  test('[M3] the model is told what each branch is for, and its answer is recorded', async () => {
    const model = scripted([{ json: { choice: 'refund' } }])
    const asked = await ask(byModel({ model, choices }), 'I want my money back', withModel(undefined))
    expect(asked.output).toBe('refund: I want my money back')
    expect(asked.entries.at(-1)).toMatchObject({ type: 'step.completed', key: 'desk/by' })
    expect(model.calls[0]?.prompt).toContain('- refund: wants money back')
    expect(model.calls[0]?.options.responseFormat).toMatchObject({ type: 'json', schema: { properties: { choice: { enum: ['order', 'refund', '(none)'] } } } })
  })

  test('[M3] an answer that is no branch is sent back once; then, and when none fits, it is `otherwise`', async () => {
    const put = scripted(['I think it is about parcels', { json: { choice: 'order' } }])
    expect((await ask(byModel({ model: put, choices }), 'hm', withModel(undefined))).output).toBe('order: hm')
    expect(put.calls[1]?.prompt).toContain("'I think it is about parcels' is none of them. Choose one of: order, refund, (none).")
    const lost = scripted([{ json: { choice: 'parcels' } }, { json: { choice: 'toString' } }])
    expect((await ask(byModel({ model: lost, choices }), 'hm', withModel(undefined))).output).toBe('other: hm')
    const none = scripted([{ json: { choice: '(none)' } }])
    expect([(await ask(byModel({ model: none, choices }), 'hm', withModel(undefined))).output, none.calls.length]).toEqual(['other: hm', 1])
  })

  test('[M3] without a model of its own it asks that of the app, which may be told apart by the name of the route', async () => {
    const override = withModel(undefined, { overrides: { desk: scripted([{ json: { choice: 'order' } }]) } })
    expect((await ask(byModel({ choices }), 'hm', override)).output).toBe('order: hm')
  })

  test('no choices are refused', () => {
    expect(() => byModel({ choices: {} })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

test('[C2] [M3] a route by a router needs `otherwise`, and takes what its branches take', () => {
  const by = byRule({ order: /order/, refund: /refund/ })
  const whole: Flow<string, string> = chain('whole', (text: string, _run: Run): Prompt => text, desk(by))
  expect(whole.name).toBe('whole')
  // @ts-expect-error: a router may choose nothing
  route('desk', { by, to: { order, refund } })
})
