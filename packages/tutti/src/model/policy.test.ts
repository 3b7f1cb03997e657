import { describe, expect, test } from 'vitest'
import { simulatedClock } from '../testing/simulated-clock.ts'
import { gateway } from './gateway.ts'
import type { ModelLike } from './model.port.ts'
import { ask, request, type Told } from './one-question.ts'
import { type Playing, played, refusal } from './played.ts'
import { breaker, cascade, retry, timeout } from './policy.ts'

const once = (model: ModelLike): ModelLike => retry(model, { attempts: 1 })
const says = (id: string, text: string, o?: Parameters<typeof played>[2]): ModelLike => played(id, ({ say }) => say(text), o).model
const fails = (id: string, error: () => Error): ModelLike => once(played(id, () => Promise.reject(error())).model)
const text = ({ answer }: Told): unknown => answer?.message.parts.map((part) => part.type === 'text' && part.text).join('')
const shown = (told: Told): string => told.parts.map((part) => (part.type === 'text' ? part.text : part.type === 'reset' ? '|' : '')).join('')
const failed = (told: Told) => told.entries.filter((entry) => entry.type === 'step.failed')

describe('cascade', () => {
  const cheap = says('cheap/one', 'not sure')
  const dear = says('dear/two', 'forty-two')
  const accept = ({ text: said }: { text: string }): boolean => !said.includes('not sure')

  test('[M3] an answer that is not accepted is paid for, never shown, and the next model is asked', async () => {
    const told = await ask({ model: cascade([cheap, dear], { accept }) }, { gateway: { prices: { 'cheap/one': { input: 1, output: 1 } } } })
    expect(text(told)).toBe('forty-two')
    expect(told.answer?.model.why).toBe('escalated: the answer of cheap/one was not accepted')
    expect(shown(told)).toBe('|forty-two')
    expect(failed(told)[0]).toMatchObject({ error: { code: 'MODEL_NOT_ACCEPTED' }, final: false, settle: { inputTokens: 10, outputTokens: 5, microUsd: 15 } })
  })

  test('[M3] an answer that is accepted is the only one asked for, and is shown whole', async () => {
    const second = played('dear/two', ({ say }) => say('dear'))
    const told = await ask({ model: cascade([says('cheap/one', 'sure'), second.model], { accept }) })
    expect([text(told), shown(told), second.seen.calls]).toEqual(['sure', 'sure', 0])
  })

  test('[M3] the check sees the text, the value of the schema, and how sure the model was', async () => {
    const seen: unknown[] = []
    const model = says('cheap/one', '{"n": 7}', { metadata: { openai: { logprobs: [{ logprob: Math.log(0.25) }, { logprob: 0 }] } } })
    await ask({
      model: cascade([model, dear], { accept: (answer) => seen.push(answer) > 0 }),
      request: request('x', { output: { name: 'n', schema: { type: 'object' } } }),
    })
    expect(seen).toEqual([{ text: '{"n": 7}', output: { n: 7 }, confidence: 0.5 }])
  })

  test('[M3] the fallbacks of a stage are asked when it fails, and passed over when its answer is not accepted', async () => {
    const other = played('cheap/other', ({ say }) => say('other'))
    const failing = await ask({ model: cascade([[fails('cheap/one', () => refusal(500)), other.model], dear], { accept }) })
    expect(text(failing)).toBe('other')
    const refused = await ask({ model: cascade([[cheap, other.model], dear], { accept }) })
    expect([text(refused), other.seen.calls]).toEqual(['forty-two', 1])
  })

  test('[M3] a check that throws ends the question, with what the answer cost; it sends nothing to the dearer model', async () => {
    const second = played('dear/two', ({ say }) => say('dear'))
    const told = await ask({
      model: cascade([cheap, second.model], {
        accept: () => {
          throw new Error('no such field')
        },
      }),
    })
    expect(told.error).toMatchObject({ code: 'RUN_STEP_FAILED', message: '`accept` of the cascade threw: no such field' })
    expect([second.seen.calls, failed(told)[0]?.settle?.inputTokens]).toEqual([0, 10])
  })
})

describe('timeout', () => {
  test('[B6] a stream that does not begin, falls silent, or takes too long has failed, and the next model is asked', async () => {
    const plays: Record<string, (playing: Playing) => Promise<unknown>> = {
      'did not begin to answer in 20 ms': ({ wait }) => wait(60_000),
      'fell silent for 20 ms in the middle of its answer': async ({ say, wait }) => {
        say('so ')
        await wait(60_000)
      },
    }
    for (const [why, play] of Object.entries(plays)) {
      const { model, seen } = played('slow/one', play)
      const limited = timeout(retry(model, { attempts: 1, afterText: true }), { firstToken: 20, idle: 20 })
      const told = await ask({ model: [limited, says('quick/two', 'here')] })
      expect(failed(told)[0]?.error).toMatchObject({ code: 'MODEL_TIMEOUT', message: `slow/one ${why}` })
      expect([text(told), seen.aborted]).toEqual(['here', 1])
    }
    const dripping = played('slow/one', async ({ say, wait }) => {
      for (;;) {
        say('.')
        await wait(5)
      }
    })
    const told = await ask({ model: [timeout(retry(dripping.model, { attempts: 1, afterText: true }), { idle: '1s', total: 40 }), says('quick/two', 'here')] })
    expect(failed(told)[0]?.error.message).toBe('slow/one did not answer in 40 ms')
  })

  test('[B6] a stream that keeps saying something is not silent', async () => {
    const model = played('slow/one', async ({ say, wait }) => {
      for (let i = 0; i < 6; i++) {
        say(String(i))
        await wait(15)
      }
    }).model
    expect(text(await ask({ model: timeout(model, { idle: 60 }) }))).toBe('012345')
  })

  test('a timeout that limits nothing, or nothing but 0, is refused', () => {
    for (const wrong of [{}, { total: 0 }, { idle: 'soon' as never }]) {
      expect(() => timeout('a/one', wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    }
  })
})

describe('breaker', () => {
  const told = async (model: ModelLike, models: ReturnType<typeof gateway>) => ask({ model }, { models })

  test('[M2] after so many failures the next model is asked at once; after the cooldown one call decides', async () => {
    const clock = simulatedClock()
    const models = gateway({ env: {}, cwd: import.meta.dirname, clock })
    const shaky = played('shaky/one', ({ call, say }) => (call <= 3 ? Promise.reject(refusal(500)) : say('well again')))
    const model = [breaker(once(shaky.model), { failures: 2, cooldown: '10s' }), says('calm/two', 'calm')]
    for (let i = 0; i < 2; i++) expect((await told(model, models)).answer?.model.why).toBe('fallback after MODEL_OVERLOADED of shaky/one')
    const skipped = await told(model, models)
    expect(skipped.answer?.model.why).toBe('fallback after MODEL_CIRCUIT_OPEN of shaky/one')
    expect([text(skipped), shaky.seen.calls, failed(skipped)]).toEqual(['calm', 2, []])
    await clock.advance('10s')
    expect((await told(model, models)).answer?.model.why).toBe('fallback after MODEL_OVERLOADED of shaky/one')
    expect((await told(model, models)).answer?.model.why).toBe('fallback after MODEL_CIRCUIT_OPEN of shaky/one')
    await clock.advance('10s')
    expect(text(await told(model, models))).toBe('well again')
    expect(text(await told(model, models))).toBe('well again')
  })

  test('[M2] with nobody to fall back on it says so, and when to come back', async () => {
    const models = gateway({ env: {}, cwd: import.meta.dirname, clock: simulatedClock() })
    const model = breaker(
      fails('shaky/one', () => refusal(503)),
      { failures: 1 },
    )
    expect((await told(model, models)).error?.code).toBe('MODEL_OVERLOADED')
    expect((await told(model, models)).error).toMatchObject({ code: 'MODEL_CIRCUIT_OPEN', data: { retryAfterMs: 30_000 } })
  })

  test('[M2] what is not the fault of the provider does not count', async () => {
    const models = gateway({ env: {}, cwd: import.meta.dirname, clock: simulatedClock() })
    for (const status of [400, 401, 429]) {
      const model = breaker(
        fails(`a/${status}`, () => refusal(status)),
        { failures: 1 },
      )
      await told(model, models)
      expect((await told(model, models)).error?.code).not.toBe('MODEL_CIRCUIT_OPEN')
    }
  })

  test('[M2] an attempt that the budget did not allow leaves the trial call to the next one', async () => {
    const clock = simulatedClock()
    const models = gateway({ env: {}, cwd: import.meta.dirname, clock })
    const shaky = played('shaky/one', ({ call, say }) => (call === 1 ? Promise.reject(refusal(500)) : say('fine')))
    const model = breaker(once(shaky.model), { failures: 1, cooldown: '1s' })
    await told(model, models)
    await clock.advance('1s')
    expect((await ask({ model }, { models, budget: { inputTokens: 1 } })).error?.code).toBe('BUDGET_EXCEEDED')
    expect(text(await told(model, models))).toBe('fine')
  })
})
