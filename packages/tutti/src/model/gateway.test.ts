import { describe, expect, test } from 'vitest'
import { type Scripted, scripted } from '../testing/scripted.ts'
import type { ModelLike } from './model.port.ts'
import { ask, request, type Told } from './one-question.ts'
import { played, refusal } from './played.ts'
import { retry } from './policy.ts'

const texts = (told: Told): string => told.parts.map((part) => (part.type === 'text' ? part.text : part.type === 'reset' ? '|' : '')).join('')
const started = (told: Told) => told.entries.filter((entry) => entry.type === 'step.started')
const failures = (told: Told) => told.entries.filter((entry) => entry.type === 'step.failed')
const attempts = (told: Told): unknown => (told.error?.data as { attempts?: unknown } | undefined)?.attempts

describe('a request that is too long', () => {
  const tooLong = (id: string) =>
    played(id, () => {
      throw refusal(413)
    })
  const small = () => tooLong('openai/gpt-4o')
  const asked = (...models: { model: ModelLike }[]): Promise<Told> => ask({ model: models.map(({ model }) => model) })

  test('[M2] goes on to the next model that reads more, or of which nobody knows; those that read no more are not asked', async () => {
    const larger = played('openai/gpt-4.1', ({ say }) => say('all of it'))
    const same = [tooLong('openai/gpt-4o-mini'), tooLong('openai/gpt-4-turbo')] as const
    const told = await asked(small(), ...same, larger)
    expect(told.answer?.model.id).toBe('openai/gpt-4.1')
    expect(same.map(({ seen }) => seen.calls)).toEqual([0, 0])
    const unknown = played('acme/new', ({ say }) => say('all of it'))
    expect((await asked(small(), same[0], unknown)).answer?.model.id).toBe('acme/new')
    expect(same[0].seen.calls).toBe(0)
  })

  test('[M2] says how much each model of the chain reads where none reads enough', async () => {
    const same = tooLong('openai/gpt-4o-mini')
    const told = await asked(small(), same)
    expect(told.error?.code).toBe('MODEL_CONTEXT_OVERFLOW')
    expect(told.error?.message).toContain('no model of the chain reads enough: openai/gpt-4o at most 128000 tokens, openai/gpt-4o-mini at most 128000 tokens')
    expect(same.seen.calls).toBe(0)
  })
})

describe('asking one model', () => {
  test('[M1] the answer is recorded as one step, with the model, why it answered, usage and cost', async () => {
    const told = await ask({ model: scripted(['Hello there.']) })
    expect(told.answer).toEqual({
      message: { role: 'assistant', parts: [{ type: 'text', text: 'Hello there.' }] },
      finish: 'stop',
      usage: { inputTokens: 2, outputTokens: 2 },
      model: { id: 'scripted/script', why: 'asked for' },
      costMicroUsd: 0,
    })
    expect(told.entries.map(({ type }) => type)).toEqual(['run.started', 'step.started', 'step.completed', 'run.completed'])
    expect(started(told)[0]).toMatchObject({ kind: 'model', effect: 'idempotent', label: { agent: 'helper', model: 'scripted/script', why: 'asked for' } })
  })

  test('[M7] text is shown as it comes; a whole answer shows nothing', async () => {
    expect(texts(await ask({ model: scripted(['one two three']) }))).toBe('one two three')
    expect((await ask({ model: scripted(['one two three']), stream: false })).parts).toEqual([])
  })

  test('[M7] structured output is shown as typed partial values', async () => {
    const output = { name: 'order', schema: { type: 'object' } }
    const told = await ask({ model: scripted([{ json: { id: 17, notes: ['a b', 'c d'] } }]), request: request('x', { output }) })
    const partials = told.parts.flatMap((part) => (part.type === 'partial' ? [part.value] : []))
    expect(partials.at(-1)).toEqual({ id: 17, notes: ['a b', 'c d'] })
    expect(partials.length).toBeGreaterThan(1)
    expect(texts(told)).toBe('')
  })

  test('[R5] instructions, model and settings are tunables; thread, tools and output are the fingerprint', async () => {
    const shape = async (question: Parameters<typeof ask>[0]) => {
      const [entry] = started(await ask(question))
      return { fingerprint: entry?.fingerprint, tunable: entry?.tunable }
    }
    const base = await shape({ model: scripted(['a']) })
    const retuned = await shape({
      model: retry(scripted(['a']), { attempts: 2 }),
      request: request('hello', { system: 'be brief', settings: { temperature: 0 } }),
    })
    expect(retuned.fingerprint).toBe(base.fingerprint)
    expect(retuned.tunable).not.toBe(base.tunable)
    const other = await shape({ model: scripted(['a']), request: request('hello', { tools: [{ name: 't', description: 'd', inputSchema: {} }] }) })
    expect(other.tunable).toBe(base.tunable)
    expect(other.fingerprint).not.toBe(base.fingerprint)
    expect((await shape({ model: scripted(['a']), request: request('goodbye') })).fingerprint).not.toBe(base.fingerprint)
  })

  test('[T1] arguments that are not JSON become a complaint on the call, not an end of the run', async () => {
    const tools = [{ name: 'find', description: 'finds', inputSchema: { type: 'object' } }]
    const told = await ask({ model: scripted([{ error: 'malformed' }]), request: request('x', { tools }) })
    expect(told.answer?.message.parts).toEqual([
      { type: 'tool-call', id: 'call_1_1', tool: 'find', input: {}, malformed: expect.stringContaining('{"broken":') },
    ])
  })

  test('an override by agent goes before what the agent declares, which goes before the app', async () => {
    const say = async (model: ModelLike | undefined, overrides?: { [agent: string]: ModelLike }) =>
      (await ask({ model }, { gateway: { model: scripted(['app']), ...(overrides ? { overrides } : {}) } })).answer
    expect((await say(undefined))?.message.parts).toEqual([{ type: 'text', text: 'app' }])
    expect((await say(scripted(['own'])))?.message.parts).toEqual([{ type: 'text', text: 'own' }])
    expect(await say(scripted(['own']), { helper: scripted(['override']) })).toMatchObject({
      message: { parts: [{ text: 'override' }] },
      model: { why: "override for 'helper'" },
    })
  })
})

describe('retries and fallback', () => {
  const error = (...script: Scripted[]) => scripted(script)
  /** Asks to be left alone for so long, then answers. */
  const slow = (ms: number) => played('slow/one', ({ call, say }) => (call === 1 ? Promise.reject(refusal(429, ms)) : say('late'))).model

  test('[M4] what may pass is tried again, each attempt recorded, after the wait the provider asked for', async () => {
    const model = error({ error: 429 }, { error: 500 }, 'at last')
    const told = await ask({ model })
    expect(told.answer).toMatchObject({ message: { parts: [{ text: 'at last' }] }, model: { why: 'tried again after MODEL_OVERLOADED' } })
    expect(failures(told).map(({ error, final }) => [error.code, final])).toEqual([
      ['MODEL_RATE_LIMITED', false],
      ['MODEL_OVERLOADED', false],
    ])
    expect(model.calls).toHaveLength(3)
    // retry-after-ms: 1, then a jittered backoff of at most 1,000 ms.
    expect(told.waitedMs[0]).toBeLessThanOrEqual(2)
    expect(told.waitedMs[1]).toBeLessThanOrEqual(1_000)
  })

  test('[M4] attempts are bounded, and the last error lists them all', async () => {
    const model = error({ error: 500 }, { error: 500 }, { error: 429 }, 'never asked')
    const told = await ask({ model })
    expect(told.error?.code).toBe('MODEL_RATE_LIMITED')
    expect(attempts(told)).toMatchObject([{ model: 'scripted/script', code: 'MODEL_OVERLOADED' }, { code: 'MODEL_OVERLOADED' }, { code: 'MODEL_RATE_LIMITED' }])
    expect(model.calls).toHaveLength(3)
    expect((await ask({ model: retry(error({ error: 500 }, 'never'), { attempts: 1 }) })).error?.code).toBe('MODEL_OVERLOADED')
    expect((await ask({ model: retry(error({ error: 500 }, 'never'), { attempts: 5, on: ['MODEL_RATE_LIMITED'] }) })).error?.code).toBe('MODEL_OVERLOADED')
  })

  test('[M4] [M7] a stream that is cut after text is no answer; what was shown is reset before the next attempt', async () => {
    const told = await ask({ model: retry(error({ error: 'cut' }, 'The whole answer.'), { attempts: 3, afterText: true }) })
    expect(failures(told)[0]?.error.code).toBe('MODEL_STREAM_CUT')
    expect(texts(told)).toBe('The|The whole answer.')
    expect((await ask({ model: error({ error: 'cut' }, 'Whole.'), stream: false })).answer?.message.parts).toEqual([{ type: 'text', text: 'Whole.' }])
  })

  test('[M4] after text was shown a failure is final; where nobody watches, it is tried again', async () => {
    const told = await ask({ model: [error({ error: 'cut' }, 'again'), scripted(['another'])] })
    expect(told.error).toMatchObject({ code: 'MODEL_STREAM_CUT', data: { walk: { shown: true } } })
    expect(texts(told)).toBe('The')
    const unwatched = await ask({ model: error({ error: 'cut' }, 'The whole answer.') }, { unwatched: true })
    expect(unwatched.answer?.message.parts).toEqual([{ type: 'text', text: 'The whole answer.' }])
  })

  test('[M4] a wait that would outlast the run is not begun: the next model is asked at once, or the failure is final', async () => {
    const patient = (retryAfterMs: number) => retry(slow(retryAfterMs), { attempts: 3, max: '1h' })
    const deadlineMs = 500_000
    const told = await ask({ model: [patient(600_000), scripted(['in time'])] }, { deadlineMs })
    expect(told.answer?.model.why).toBe('fallback after MODEL_RATE_LIMITED of slow/one')
    expect((await ask({ model: patient(600_000) }, { deadlineMs })).error?.code).toBe('MODEL_RATE_LIMITED')
    expect((await ask({ model: [patient(60_000), scripted(['another'])] }, { deadlineMs })).answer?.message.parts).toEqual([{ type: 'text', text: 'late' }])
  })

  test('[M2] the next model of a list answers when the first one has failed for good', async () => {
    const told = await ask({ model: [retry(error({ error: 500 }), { attempts: 1 }), scripted(['from the second'])] })
    expect(told.answer).toMatchObject({
      message: { parts: [{ text: 'from the second' }] },
      model: { why: 'fallback after MODEL_OVERLOADED of scripted/script' },
    })
  })

  test('[M2] a model that cannot be asked is passed over without an attempt; when none can, the error lists each', async () => {
    const told = await ask({ model: ['anthropic/claude-sonnet-4-5', scripted(['here'])] })
    expect(told.answer?.model.why).toBe('fallback after MODEL_KEY_MISSING of anthropic/claude-sonnet-4-5')
    expect(started(told)).toHaveLength(1)
    const none = await ask({ model: ['anthropic/claude-sonnet-4-5', 'nowhere/model'] })
    expect(none.error?.code).toBe('MODEL_UNKNOWN')
    expect(attempts(none)).toMatchObject([{ code: 'MODEL_KEY_MISSING' }, { model: 'nowhere/model', code: 'MODEL_UNKNOWN' }])
  })

  test('[M2] when the fallbacks cannot be asked, the error is that of the attempt that was made', async () => {
    const told = await ask({ model: [retry(error({ error: 500 }), { attempts: 1 }), 'anthropic/claude-sonnet-4-5'] })
    expect(told.error?.code).toBe('MODEL_OVERLOADED')
    expect(attempts(told)).toMatchObject([{ code: 'MODEL_OVERLOADED' }, { code: 'MODEL_KEY_MISSING' }])
  })
})

describe('what a call holds and uses', () => {
  const reporting = (usage: object | undefined, text = 'x'): ModelLike => {
    const model = scripted([text])
    const result = async () => ({ ...(await model.doGenerate({ prompt: [] })), usage }) as never
    return { ...model, provider: 'openai', modelId: 'gpt-5-mini', doGenerate: result }
  }
  const settled = (told: Told): object | undefined =>
    told.entries.find((entry) => entry.type === 'step.completed' || entry.type === 'step.failed') as { settle?: object } | undefined

  test('[B1] the worst case is held before the call, and settled to what was reported', async () => {
    const usage = { inputTokens: { total: 1_000, noCache: 400, cacheRead: 600 }, outputTokens: { total: 50 } }
    const told = await ask({ model: reporting(usage), stream: false, request: request('x'.repeat(2_000), { settings: { maxOutputTokens: 200 } }) })
    const [{ hold } = {}] = started(told)
    expect(hold).toMatchObject({ outputTokens: 200, modelCalls: 1 })
    expect(hold?.inputTokens).toBeGreaterThan(2_000)
    expect(hold?.microUsd).toBe(Math.ceil((hold as { inputTokens: number }).inputTokens * 0.25 + 200 * 2))
    expect(settled(told)).toMatchObject({
      settle: { microUsd: 400 * 0.25 + 600 * 0.025 + 100, inputTokens: 1_000, outputTokens: 50, cacheReadTokens: 600, modelCalls: 1 },
    })
    expect(told.answer?.costMicroUsd).toBe(215)
  })

  test('[B1] unknown usage keeps the hold, the unknown part alone where the rest is known', async () => {
    const told = await ask({ model: reporting(undefined), stream: false })
    expect(settled(told)).toMatchObject({ settle: started(told)[0]?.hold })
    expect(told.answer).not.toHaveProperty('costMicroUsd')
    const half = await ask({
      model: reporting({ inputTokens: { total: 3 }, outputTokens: {} }),
      stream: false,
      request: request('x', { settings: { maxOutputTokens: 70 } }),
    })
    expect(settled(half)).toMatchObject({ settle: { inputTokens: 3, outputTokens: 70 } })
  })

  test('[B1] usage that no provider can mean (NaN, below zero, a half) keeps the hold, whole or streamed, and lifts no limit', async () => {
    const nonsense = { inputTokens: { total: Number.NaN, cacheRead: -7 }, outputTokens: { total: -1_000_000, reasoning: 0.5 } }
    const streamed = played('openai/gpt-5-mini', ({ say }) => say('x'), { usage: nonsense }).model
    for (const [model, stream] of [
      [reporting(nonsense), false],
      [streamed, true],
    ] as const) {
      const told = await ask({ model, stream }, { budget: { usd: 1 } })
      expect(told.answer?.finish).toBe('stop')
      expect(settled(told)).toMatchObject({ settle: started(told)[0]?.hold })
      expect((settled(told) as { settle: { microUsd: number } }).settle.microUsd).toBeGreaterThan(0)
    }
  })

  test('[B1] a refused attempt gives its hold back; one that may have been worked on does not', async () => {
    expect(failures(await ask({ model: scripted([{ error: 429 }, 'x']) }))[0]).toMatchObject({
      settle: { microUsd: 0, inputTokens: 0, outputTokens: 0, modelCalls: 1 },
    })
    const cut = await ask({ model: scripted([{ error: 'cut' }, 'x']) })
    expect(failures(cut)[0]).toMatchObject({ settle: started(cut)[0]?.hold })
  })

  test('[B8] a provider that passes its bound under a limit is an overrun, settled as reported', async () => {
    const told = await ask(
      {
        model: reporting({ inputTokens: { total: 3 }, outputTokens: { total: 999 } }),
        stream: false,
        request: request('x', { settings: { maxOutputTokens: 10 } }),
      },
      { budget: { usd: 1 } },
    )
    expect(told.error?.code).toBe('BUDGET_OVERRUN')
    expect(settled(told)).toMatchObject({ settle: { outputTokens: 999 } })
  })

  test('[B5] a model without a price is refused under a money limit, and no fallback is tried', async () => {
    const unpriced = { ...scripted(['x', 'y']), provider: 'new', modelId: 'model' } as ModelLike
    const told = await ask({ model: [unpriced, scripted(['y'])] }, { budget: { usd: 1 } })
    expect(told.error).toMatchObject({ code: 'BUDGET_NO_PRICE', message: expect.stringContaining('new/model') })
    expect((await ask({ model: unpriced }, { budget: { tokens: 100_000 } })).answer).toBeDefined()
    expect(
      (await ask({ model: unpriced }, { budget: { usd: 1 }, gateway: { prices: { 'new/model': { input: 1, output: 1 } } } })).answer?.costMicroUsd,
    ).toBeGreaterThan(0)
  })

  test('[B1] what does not fit the budget is not asked', async () => {
    const model = scripted(['x'])
    const told = await ask({ model: [model, scripted(['y'])] }, { budget: { inputTokens: 10 } })
    expect(told.error?.code).toBe('BUDGET_EXCEEDED')
    expect(model.calls).toHaveLength(0)
  })

  test('[B6] an attempt that takes longer than its timeout is given up, and the next model is asked', async () => {
    const silent = { ...scripted([]), doStream: () => new Promise<never>(() => {}) }
    const told = await ask({ model: [retry(silent, { attempts: 1 }), scripted(['quick'])], request: request('x', { settings: { timeoutMs: 1 } }) })
    expect(failures(told)[0]?.error).toMatchObject({ code: 'MODEL_TIMEOUT', message: 'scripted/script did not answer in 1 ms' })
    expect(told.answer?.model.why).toBe('fallback after MODEL_TIMEOUT of scripted/script')
  })

  test('[M2] an answer that was withheld, or ended in an error, is none', async () => {
    const ending = (unified: string, content: readonly object[] = []): ModelLike => {
      const model = scripted(['x'])
      return { ...model, doGenerate: async () => ({ ...(await model.doGenerate({ prompt: [] })), content, finishReason: { unified, raw: unified } }) as never }
    }
    expect((await ask({ model: ending('content-filter'), stream: false })).error?.code).toBe('MODEL_CONTENT_FILTERED')
    expect((await ask({ model: retry(ending('error'), { attempts: 1 }), stream: false })).error?.code).toBe('MODEL_MALFORMED')
    expect((await ask({ model: ending('content-filter', [{ type: 'text', text: 'half' }]), stream: false })).answer?.finish).toBe('content-filter')
  })
})
