/** The whole way to a provider and back: our gateway, the real provider packages, HTTP, and a double of each provider that no one here wrote. */
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { toMessages } from '../message/index.ts'
import type { ModelLike, ModelRequest } from './model.port.ts'
import { ask as askOnce, request, type Told } from './one-question.ts'
import { retry } from './policy.ts'

const mock = new LLMock({ port: 0, host: '127.0.0.1', chunkSize: 8 })
const url = await mock.start()
afterAll(async () => {
  await mock.stop()
})
beforeEach(() => {
  mock.clearFixtures()
  mock.clearRequests()
  mock.resetMatchCounts()
  mock.clearChaos()
})

const env = {
  OPENAI_API_KEY: 'k',
  OPENAI_BASE_URL: `${url}/v1`,
  ANTHROPIC_API_KEY: 'k',
  ANTHROPIC_BASE_URL: `${url}/v1`,
  GEMINI_API_KEY: 'k',
  GOOGLE_GENERATIVE_AI_BASE_URL: `${url}/v1beta`,
  VLLM_BASE_URL: `${url}/v1`,
  AWS_BEARER_TOKEN_BEDROCK: 'k',
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL_BEDROCK_RUNTIME: url,
}
const ask = (model: ModelLike, asked: ModelRequest, stream: boolean): Promise<Told> => askOnce({ model, request: asked, stream }, { gateway: { env } })

/** Each provider reads the words it knows. */
const usage = { prompt_tokens: 11, completion_tokens: 5, input_tokens: 11, output_tokens: 5, promptTokenCount: 11, candidatesTokenCount: 5 }
const tools = [
  {
    name: 'find_order',
    description: 'Finds an order.',
    inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'], additionalProperties: false },
  },
]

const models: readonly `${string}/${string}`[] = [
  'openai/gpt-5-mini',
  'anthropic/claude-sonnet-4-5',
  'google/gemini-2.5-flash',
  'vllm/qwen3',
  'amazon-bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0',
]
const ways = models.flatMap((model) => [[model, 'whole', false] as const, [model, 'streamed', true] as const])

describe.each(ways)('%s, %s', (model, _way, stream) => {
  test('[M1] answers text, with its usage', async () => {
    mock.onMessage('hello', { content: 'Hello there, friend.', usage })
    const { answer, parts } = await ask(model, request('hello', { system: 'be kind' }), stream)
    expect(answer).toMatchObject({ message: { parts: [{ type: 'text', text: 'Hello there, friend.' }] }, finish: 'stop', model: { id: model } })
    // The double reports no usage on Bedrock.
    if (!model.startsWith('amazon')) expect(answer?.usage).toMatchObject({ inputTokens: 11, outputTokens: 5 })
    expect(parts.map((part) => ('text' in part ? part.text : '')).join('')).toBe(stream ? 'Hello there, friend.' : '')
  })

  test('[M1] calls tools, several at once, and takes their results', async () => {
    const calls = [
      { name: 'find_order', arguments: '{"id":"17"}', id: 'call_a' },
      { name: 'find_order', arguments: '{"id":"18"}', id: 'call_b' },
    ]
    mock.on({ hasToolResult: true }, { content: 'Both come on Monday.' })
    mock.onMessage('orders', { toolCalls: calls })
    const first = await ask(model, request('orders 17 and 18', { tools }), stream)
    const said = first.answer?.message
    expect(said?.parts.filter((part) => part.type === 'tool-call')).toMatchObject([
      { tool: 'find_order', input: { id: '17' } },
      { tool: 'find_order', input: { id: '18' } },
    ])
    const results =
      said?.parts.flatMap((part) =>
        part.type === 'tool-call' ? [{ type: 'tool-result' as const, id: part.id, tool: part.tool, output: { eta: 'Monday' } }] : [],
      ) ?? []
    const messages = [...toMessages('orders 17 and 18'), ...(said ? [said] : []), { role: 'tool' as const, parts: results }]
    const second = await ask(model, { messages, thread: { at: 3, chain: 'c' }, tools }, stream)
    expect(second.answer?.message.parts).toMatchObject([{ text: 'Both come on Monday.' }])
  })

  test('[M6] answers JSON of a schema', async () => {
    const schema = { type: 'object', properties: { topic: { type: 'string', enum: ['order', 'other'] } }, required: ['topic'], additionalProperties: false }
    mock.onMessage('order', { content: '{"topic":"order"}' })
    const { answer, parts } = await ask(model, request('my order', { output: { name: 'triage', schema } }), stream)
    expect(answer?.message.parts).toMatchObject([{ type: 'text', text: '{"topic":"order"}' }])
    if (stream) expect(parts.at(-1)).toEqual({ type: 'partial', value: { topic: 'order' } })
  })

  test('[M4] waits as long as a 429 says, goes on after a 500, and answers', async () => {
    mock.onMessage('busy', { content: 'at last' })
    mock.nextRequestError(429, { message: 'Rate limited', type: 'rate_limit_error' })
    const told = await ask(model, request('busy'), stream)
    expect(told.answer?.model.why).toBe('tried again after MODEL_RATE_LIMITED')
    expect(told.waitedMs[0]).toBeGreaterThanOrEqual(1_000)
    expect(told.waitedMs[0]).toBeLessThanOrEqual(1_250)
    mock.nextRequestError(500, { message: 'boom' })
    expect((await ask(model, request('busy'), stream)).answer?.model.why).toBe('tried again after MODEL_OVERLOADED')
  })

  test('[M2] a refused key is not tried again', async () => {
    mock.on({}, { error: { message: 'no such key', type: 'authentication_error' }, status: 401 })
    const told = await ask(model, request('hello'), stream)
    expect(told.error?.code).toBe('MODEL_KEY_REFUSED')
    expect(mock.getRequests()).toHaveLength(1)
  })
})

test('[M6] a model whose adapter passes no schema on is told the schema in its instructions', async () => {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  const schema = { type: 'object', properties: { topic: { type: 'string' } } }
  mock.onMessage('order', { content: '```json\n{"topic":"order"}\n```' })
  for (const supportsStructuredOutputs of [false, true]) {
    const model = createOpenAICompatible({ name: 'mine', baseURL: `${url}/v1`, supportsStructuredOutputs })('m')
    await ask(model, request('my order', { system: 'be brief', output: { name: 'triage', schema } }), true)
    const body = mock.getLastRequest()?.body as { messages: { role: string; content: string }[]; response_format: { json_schema?: { schema: unknown } } }
    const told = body.messages[0]?.content.includes(JSON.stringify(schema)) ?? false
    const passed = body.response_format.json_schema?.schema !== undefined
    expect([told, passed]).toEqual([!supportsStructuredOutputs, supportsStructuredOutputs])
  }
})

describe.each(models)('%s, cut', (model) => {
  test('[M4] [M7] a stream that breaks off is a failure, and what was shown of it is reset', async () => {
    const long = 'one two three four five six seven eight nine ten'
    // Paced, so that what was written before the cut leaves the socket.
    mock.on({ sequenceIndex: 0 }, { content: long }, { truncateAfterChunks: 4, latency: 2 })
    mock.on({}, { content: long })
    const told = await ask(retry(model, { attempts: 2, afterText: true }), request('count'), true)
    expect(told.entries.flatMap((entry) => (entry.type === 'step.failed' ? [entry.error.code] : []))).toEqual(['MODEL_STREAM_CUT'])
    const shown = told.parts.map((part) => (part.type === 'reset' ? '|' : 'text' in part ? part.text : '')).join('')
    expect(shown.split('|').at(-1)).toBe(long)
    expect(shown).toContain('|')
    expect(told.answer?.message.parts).toMatchObject([{ text: long }])
  })
})

describe.each(models)('%s, malformed', (model) => {
  test('[M4] an answer that is not what its protocol says is none: it is asked for once more, whole or streamed, and fails', async () => {
    mock.onMessage('hello', { content: 'Hello there.' })
    mock.setChaos({ malformedRate: 1 })
    for (const stream of [false, true]) {
      mock.clearRequests()
      const told = await ask(retry(model, { attempts: 2 }), request('hello'), stream)
      expect(told.error?.code).toMatch(/^MODEL_(MALFORMED|STREAM_CUT)$/)
      expect(told.answer).toBeUndefined()
      expect(mock.getRequests()).toHaveLength(2)
    }
  })
})

test('[M2] a chain over two providers: the second answers when the first is down', async () => {
  mock.on({ model: 'gpt-5-mini' }, { error: { message: 'down' }, status: 503 })
  mock.on({ model: /claude/ }, { content: 'here' })
  const told = await ask(['openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5'], request('hello'), true)
  expect(told.answer).toMatchObject({
    message: { parts: [{ text: 'here' }] },
    model: { id: 'anthropic/claude-sonnet-4-5', why: 'fallback after MODEL_OVERLOADED of openai/gpt-5-mini' },
  })
  expect(told.entries.filter(({ type }) => type === 'step.started')).toHaveLength(4)
})

test('[M2] a server that is not there is unreachable, and nothing was spent on it', async () => {
  const gone = new LLMock({ port: 0, host: '127.0.0.1' })
  const env = { VLLM_BASE_URL: `${await gone.start()}/v1` }
  await gone.stop()
  const told = await askOnce({ model: 'vllm/x' }, { gateway: { env } })
  expect(told.error?.code).toBe('MODEL_UNREACHABLE')
  expect(told.entries.flatMap((entry) => (entry.type === 'step.failed' ? [entry.settle?.inputTokens] : []))).toEqual([0, 0, 0])
})
