import { afterEach, describe, expect, test } from 'vitest'
import type { Budget } from '../budget/index.ts'
import type { TuttiError } from '../errors/index.ts'
import { type Entry, memoryStore } from '../journal/index.ts'
import { chainOf, toMessages } from '../message/index.ts'
import type { Clock } from '../primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run, type StreamPart } from '../run/index.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { askModel, type GatewayOptions, gateway, gatewayKey } from './gateway.ts'
import type { AskModel, ModelAnswer, ModelLike, ModelRequest } from './model.port.ts'
import { hedge, retry } from './policy.ts'

/** Waits are over at once, and kept to be looked at. */
class ImpatientClock implements Clock {
  readonly waitedMs: number[] = []
  #now = 1_800_000_000_000
  now(): number {
    return this.#now
  }
  alarm(at: number, fire: () => void): () => void {
    // Leases and patience are set far off below; a backoff never is.
    const far = at - this.#now > 120_000
    if (!far) {
      this.waitedMs.push(at - this.#now)
      this.#now = Math.max(this.#now, at)
    }
    const timer = far ? undefined : setImmediate(fire)
    return () => timer && clearImmediate(timer)
  }
}

const open: EmbeddedEngine[] = []
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close()
})

interface Told {
  readonly answer: ModelAnswer | undefined
  readonly error: TuttiError | undefined
  readonly entries: readonly Entry[]
  readonly parts: readonly StreamPart[]
  readonly waitedMs: readonly number[]
}

const request = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => {
  const messages = toMessages(text)
  return { messages, thread: { at: messages.length, chain: chainOf(messages) }, ...more }
}

async function ask(question: Partial<AskModel> & { request?: ModelRequest }, o: { budget?: Budget; gateway?: Partial<GatewayOptions> } = {}): Promise<Told> {
  const clock = new ImpatientClock()
  const one = flow('one', async (_input: null, run: Run) => await askModel(run, { name: 'turn:1', agent: 'helper', request: request('hello'), ...question }))
  const services = new Map([[gatewayKey.service, gateway({ env: {}, cwd: import.meta.dirname, ...o.gateway })]])
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [one], services, clock, leaseMs: 1e9, patienceMs: 1e9 })
  open.push(engine)
  const parts: StreamPart[] = []
  const run = 'asked' as Run['id']
  engine.feed.watch(run, (sighting) => sighting.type === 'part' && parts.push(sighting.part))
  const id = await engine.start(one, null, { id: run, ...(o.budget ? { budget: o.budget } : {}) })
  const outcome = await new EmbeddedHandle<ModelAnswer>(engine, id).outcome()
  const entries: Entry[] = []
  for await (const entry of engine.store.read(id)) entries.push(entry)
  return {
    answer: outcome.status === 'completed' ? outcome.output : undefined,
    error: outcome.status === 'failed' ? outcome.error : undefined,
    entries,
    parts,
    waitedMs: clock.waitedMs,
  }
}

const texts = (told: Told): string => told.parts.map((part) => (part.type === 'text' ? part.text : part.type === 'reset' ? '|' : '')).join('')
const started = (told: Told) => told.entries.filter((entry) => entry.type === 'step.started')
const failures = (told: Told) => told.entries.filter((entry) => entry.type === 'step.failed')
const attempts = (told: Told): unknown => (told.error?.data as { attempts?: unknown } | undefined)?.attempts

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
    const told = await ask({ model: error({ error: 'cut' }, 'The whole answer.') })
    expect(failures(told)[0]?.error.code).toBe('MODEL_STREAM_CUT')
    expect(texts(told)).toBe('The|The whole answer.')
    expect((await ask({ model: error({ error: 'cut' }, 'Whole.'), stream: false })).answer?.message.parts).toEqual([{ type: 'text', text: 'Whole.' }])
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

  test('a policy that is only declared says so when it is asked', async () => {
    expect((await ask({ model: hedge('openai/gpt-5-mini') })).error?.code).toBe('FLOW_NOT_YET')
  })
})
