import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { toMessages } from '../message/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../run/index.ts'
import { simulatedClock } from '../testing/simulated-clock.ts'
import { askModel, type GatewayOptions, gateway, gatewayKey } from './gateway.ts'
import type { ModelLike, TextEmbedder } from './model.port.ts'
import { ask, request, type Told } from './one-question.ts'
import { type PlayedModel, played, refusal } from './played.ts'
import { cache, cascade, limit, retry } from './policy.ts'

const counting = (id = 'a/one'): PlayedModel => played(id, ({ call, say }) => say(`answer ${call}`))
const text = ({ answer }: Told): unknown => answer?.message.parts.map((part) => part.type === 'text' && part.text).join('')

/** Asks again and again with one gateway, whose clock stands still unless it is told otherwise. */
function asker(model: ModelLike, options: Partial<GatewayOptions> = {}) {
  const clock = simulatedClock()
  const models = gateway({ env: {}, cwd: '.', clock, prices: { 'a/one': { input: 1, output: 1 } }, ...options })
  const asked = (question: string, o: Parameters<typeof ask>[1] & { more?: Parameters<typeof request>[1] } = {}): Promise<Told> =>
    ask({ model, request: request(question, o.more) }, { models, ...o })
  return { clock, asked }
}

describe('cache', () => {
  test('[M5] the same question is answered once; its second answer costs nothing, and the journal says where it is from', async () => {
    const { model, seen } = counting()
    const { clock, asked } = asker(cache(model))
    await asked('Where?', { budget: { usd: 1 } })
    await clock.advance('12s')
    const again = await asked('Where?', { budget: { usd: 0.000001 } })
    expect([text(again), seen.calls]).toEqual(['answer 1', 1])
    expect(again.answer).toMatchObject({
      model: { id: 'a/one', why: 'cached: the same question was answered in asked 12 s ago' },
      usage: { inputTokens: 0, outputTokens: 0 },
      costMicroUsd: 0,
    })
    expect(again.entries.find(({ type }) => type === 'step.started')).toMatchObject({ label: { model: 'a/one', cached: true, why: /^cached/ } })
    expect(again.entries.at(-1)).toMatchObject({ usage: { usd: 0, modelCalls: 0, inputTokens: 0, outputTokens: 0 } })
    expect(again.parts).toEqual([{ type: 'text', text: 'answer 1' }])
  })

  test('[M5] what the answer rests on is another question: words, instructions, tools, schema, settings', async () => {
    const { model, seen } = counting()
    const { asked } = asker(cache(model))
    const tools = [{ name: 't', description: 'd', inputSchema: {} }]
    const others = [
      { system: 'be brief' },
      { tools },
      { output: { name: 'o', schema: {} } },
      { settings: { temperature: 0 } },
      { settings: { temperature: 1 } },
    ]
    await asked('Where?')
    await asked('Where? ')
    for (const more of others) await asked('Where?', { more })
    expect(seen.calls).toBe(2 + others.length)
    for (const more of others) await asked('Where?', { more })
    expect(seen.calls).toBe(2 + others.length)
  })

  test('[M5] [K4] an answer never reaches another tenant, nor, where it is said so, another user', async () => {
    const { model, seen } = counting()
    const { asked } = asker([cache(model)])
    for (const tenant of ['a', 'b', 'a', 'b']) await asked('Where?', { scope: { tenant } })
    expect(seen.calls).toBe(2)
    const own = counting()
    const { asked: askedBy } = asker(cache(own.model, { per: 'user' }))
    for (const user of ['ada', 'bob', 'ada', undefined, undefined]) await askedBy('Where?', { scope: { tenant: 'a', user } })
    expect(own.seen.calls).toBe(3)
  })

  test('[M5] an answer is given for as long as it is said to be, and the one of least use goes first', async () => {
    const { model, seen } = counting()
    const { clock, asked } = asker(cache(model, { ttl: '1m', max: 2 }))
    await asked('one')
    await clock.advance('59s')
    expect(text(await asked('one'))).toBe('answer 1')
    await clock.advance('1s')
    expect(text(await asked('one'))).toBe('answer 2')
    await asked('two')
    await asked('one')
    await asked('three')
    expect([text(await asked('one')), text(await asked('two')), seen.calls]).toEqual(['answer 2', 'answer 5', 5])
  })

  test('[M5] who asks while it is being answered waits for that answer; when it fails, one of them asks', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { model, seen } = played('a/one', async ({ call, say }) => {
      await promise
      if (call === 1) throw refusal(400)
      say(`answer ${call}`)
    })
    const many = cache(retry(model, { attempts: 1 }))
    const asking = flow(
      'asking',
      async (n: number, run: Run) => (await askModel(run, { name: 'ask', agent: `a${n}`, model: many, request: request('Where?') })).model.why,
    )
    const services = new Map([[gatewayKey.service, gateway({ env: {}, cwd: '.' })]])
    const engine = new EmbeddedEngine({ store: memoryStore(), flows: [asking], services })
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const handles = await Promise.all(Array.from({ length: 20 }, async (_, n) => new EmbeddedHandle<string>(engine, await engine.start(asking, n))))
    await handles[7]?.cancel()
    resolve()
    const outcomes = await Promise.all(handles.map((handle) => handle.outcome()))
    expect(Map.groupBy(outcomes, ({ status }) => status)).toMatchObject(
      new Map([
        ['failed', { length: 1 }],
        ['cancelled', { length: 1 }],
        ['completed', { length: 18 }],
      ]),
    )
    expect(seen.calls).toBe(2)
    const whys = outcomes.flatMap((outcome) => (outcome.status === 'completed' ? [outcome.output] : []))
    expect(whys.filter((why) => why.startsWith('cached: the same question'))).toHaveLength(17)
  })

  test('[M5] an answer that was cut short, withheld or refused is not given twice', async () => {
    for (const unified of ['length', 'content-filter', 'other']) {
      const { model, seen } = counting()
      const short = {
        ...model,
        doStream: async (options: never) => ({ stream: (await model.doStream(options)).stream.pipeThrough(ending(unified)) }),
      } as ModelLike
      const { asked } = asker(cache(short))
      await asked('Where?')
      await asked('Where?')
      expect([unified, seen.calls]).toEqual([unified, 2])
    }
  })

  test('[M3] [M5] a cached answer must be accepted too; [M9] it takes nothing of a limit around it', async () => {
    const cheap = counting()
    const dear = counting('b/dear')
    let strict = false
    const { asked } = asker(cascade([cache(cheap.model), dear.model], { accept: () => !strict }))
    expect((await asked('Where?')).answer?.model.id).toBe('a/one')
    strict = true
    expect([(await asked('Where?')).answer?.model.id, cheap.seen.calls]).toEqual(['b/dear', 1])
    const { model, seen } = counting()
    const limited = asker(limit(cache(model), { requestsPerMinute: 1, maxWait: 0 }))
    await limited.asked('Where?')
    await limited.clock.advance('2m')
    for (let i = 0; i < 3; i++) expect(text(await limited.asked('Where?'))).toBe('answer 1')
    expect(text(await limited.asked('Where else?'))).toBe('answer 2')
    expect(seen.calls).toBe(2)
  })

  test('an impossible likeness is refused', () => {
    for (const wrong of [{ similar: 0 }, { similar: 1.1 }, { max: 0 }, { ttl: 'soon' as never }])
      expect(() => cache('a/one', wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('cache by meaning', () => {
  /** Turns of a right angle: 0 is the same, 1 has nothing in common. */
  const angles: Record<string, number> = { 'Where is it?': 0, 'Where has it gone?': 0.2, 'What does it cost?': 0.9 }
  const embedder: TextEmbedder = {
    embed: async (texts) => texts.map((said) => Float32Array.of(Math.cos(((angles[said] ?? 1) * Math.PI) / 2), Math.sin(((angles[said] ?? 1) * Math.PI) / 2))),
  }

  test('[M5] a question much like one that was answered is answered by it, and says how much alike', async () => {
    const { model, seen } = counting()
    const { asked } = asker(cache(model, { similar: 0.9 }), { embedder })
    await asked('Where is it?')
    const alike = await asked('Where has it gone?')
    expect([text(alike), alike.answer?.model.why]).toEqual(['answer 1', 'cached: a question 0.951 alike was answered in asked 0 s ago'])
    expect(text(await asked('What does it cost?'))).toBe('answer 2')
    expect(seen.calls).toBe(2)
  })

  test('[M5] [K4] only where all before it is the same, and the tenant too', async () => {
    const { model, seen } = counting()
    const { asked } = asker(cache(model, { similar: 0.9 }), { embedder })
    await asked('Where is it?')
    await asked('Where has it gone?', { more: { system: 'You speak of ships.' } })
    await asked('Where has it gone?', { scope: { tenant: 'other' } })
    const messages = [...toMessages([{ role: 'user', content: 'It is a ship.' }]), ...toMessages('Where has it gone?')]
    await asked('', { more: { messages, thread: { at: 2, chain: 'c' } } })
    expect(seen.calls).toBe(4)
  })

  test('[M5] without an embedding model it says what to install', async () => {
    const { asked } = asker(cache(counting().model, { similar: 0.9 }))
    expect((await asked('Where is it?')).error).toMatchObject({ code: 'RETRIEVAL_EMBEDDER_MISSING', hint: 'npm install @tutti/embed-minilm' })
  })
})

/** The same stream with another reason at its end. */
function ending(unified: string): TransformStream {
  return new TransformStream({
    transform: (part: { type: string }, controller) => controller.enqueue(part.type === 'finish' ? { ...part, finishReason: { unified, raw: unified } } : part),
  })
}
