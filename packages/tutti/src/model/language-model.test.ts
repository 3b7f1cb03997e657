import { describe, expect, test } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { chainOf, type Message, toMessages } from '../message/index.ts'
import type { StreamPart } from '../run/effect.port.ts'
import { candidateOf, isLanguageModel } from './language-model.ts'
import type { CandidateContext, LanguageModel, ModelRequest, RawAnswer } from './model.port.ts'

type Version = 'v2' | 'v3' | 'v4'

/** What each version says of the same usage. */
const usages = {
  v2: { inputTokens: 10, outputTokens: 4, totalTokens: 14, cachedInputTokens: 6, reasoningTokens: 1 },
  v3: { inputTokens: { total: 10, noCache: 4, cacheRead: 6, cacheWrite: undefined }, outputTokens: { total: 4, text: 3, reasoning: 1 } },
  v4: { inputTokens: { total: 10, noCache: 4, cacheRead: 6, cacheWrite: undefined }, outputTokens: { total: 4, text: 3, reasoning: 1 } },
} as const
const finish = (version: Version, word: string): unknown => (version === 'v2' ? word : { unified: word, raw: word })

const streamParts = (version: Version): unknown[] => [
  { type: 'stream-start', warnings: [] },
  { type: 'reasoning-start', id: 'r' },
  { type: 'reasoning-delta', id: 'r', delta: 'hm' },
  { type: 'reasoning-end', id: 'r', providerMetadata: { anthropic: { signature: 'sig' } } },
  { type: 'text-start', id: 't' },
  { type: 'text-delta', id: 't', delta: 'Hello ' },
  { type: 'tool-input-start', id: 'c', toolName: 'find' },
  { type: 'tool-input-delta', id: 'c', delta: '{"q":1}' },
  { type: 'text-delta', id: 't', delta: 'you' },
  { type: 'text-end', id: 't' },
  { type: 'tool-call', toolCallId: 'c', toolName: 'find', input: '{"q":1}' },
  { type: 'finish', finishReason: finish(version, 'tool-calls'), usage: usages[version] },
]

function fake(version: Version, parts: readonly unknown[], seen: unknown[] = []): LanguageModel {
  const content = [
    { type: 'reasoning', text: 'hm', providerMetadata: { anthropic: { signature: 'sig' } } },
    { type: 'text', text: 'Hello you' },
    { type: 'tool-call', toolCallId: 'c', toolName: 'find', input: '{"q":1}' },
  ]
  return {
    specificationVersion: version,
    provider: 'fake.chat',
    modelId: 'm',
    supportedUrls: {},
    doGenerate: async (options: unknown) => {
      seen.push(options)
      return { content, finishReason: finish(version, 'tool-calls'), usage: usages[version], warnings: [] }
    },
    doStream: async (options: unknown) => {
      seen.push(options)
      return { stream: ReadableStream.from(parts) }
    },
  } as unknown as LanguageModel
}

const request = (messages: readonly Message[] = toMessages('hi'), more: Partial<ModelRequest> = {}): ModelRequest => ({
  messages,
  thread: { at: messages.length, chain: chainOf(messages) },
  ...more,
})
const context = (shown: StreamPart[] = [], signal = new AbortController().signal): CandidateContext => ({
  signal,
  maxOutputTokens: 100,
  show: (part) => shown.push(part),
  alive: () => {},
})
const answer: RawAnswer = {
  message: {
    role: 'assistant',
    parts: [
      { type: 'reasoning', text: 'hm', provider: { anthropic: { signature: 'sig' } } },
      { type: 'text', text: 'Hello you' },
      { type: 'tool-call', id: 'c', tool: 'find', input: { q: 1 } },
    ],
  },
  finish: 'tool-calls',
  usage: { inputTokens: 10, cacheReadTokens: 6, outputTokens: 4, reasoningTokens: 1 },
}

describe.each(['v2', 'v3', 'v4'] as const)('a language model of version %s', (version) => {
  const candidate = (parts: readonly unknown[] = streamParts(version), seen?: unknown[]) => candidateOf(fake(version, parts, seen), { price: undefined })

  test('[M1] answers the same whole and streamed', async () => {
    expect(await candidate().generate(request(), context())).toEqual(answer)
    expect(await candidate().stream(request(), context())).toEqual(answer)
    expect(candidate().id).toBe('fake/m')
  })

  test('[M7] shows text, reasoning and tool input as they come', async () => {
    const shown: StreamPart[] = []
    await candidate().stream(request(), context(shown))
    expect(shown).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'Hello ' },
      { type: 'tool-input', tool: 'find', text: '{"q":1}' },
      { type: 'text', text: 'you' },
    ])
  })

  test('[M4] a stream without its finish is a failure, whatever was said before', async () => {
    expect(await candidate(streamParts(version).slice(0, -1)).stream(request(), context())).toMatchObject({ error: { code: 'MODEL_STREAM_CUT' }, usage: {} })
  })

  test('[M4] an error part fails the stream, and the usage that follows it is kept', async () => {
    const parts = streamParts(version).toSpliced(6, 0, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
    expect(await candidate(parts).stream(request(), context())).toMatchObject({ error: { code: 'MODEL_OVERLOADED' }, usage: { inputTokens: 10 } })
  })

  test('[M4] a finish that nobody sent, without reason or usage, is a cut stream', async () => {
    const none = version === 'v2' ? {} : { inputTokens: {}, outputTokens: {} }
    const parts = [
      ...streamParts(version).slice(0, -1),
      { type: 'finish', finishReason: version === 'v2' ? 'unknown' : { unified: 'other', raw: undefined }, usage: none },
    ]
    expect(await candidate(parts).stream(request(), context())).toMatchObject({ error: { code: 'MODEL_STREAM_CUT' } })
  })

  test('[M11] files go along as this version takes them', async () => {
    const seen: { prompt: { content: { data?: unknown }[] }[] }[] = []
    const messages = toMessages([
      {
        role: 'user',
        content: [
          { type: 'image', image: 'AQID', mediaType: 'image/png' },
          { type: 'file', data: 'https://a.test/b.pdf', mediaType: 'application/pdf' },
        ],
      },
    ])
    await candidate(streamParts(version), seen).generate(request(messages), context())
    const data = seen[0]?.prompt[0]?.content.map((part) => part.data)
    const url = new URL('https://a.test/b.pdf')
    expect(data).toEqual(
      version === 'v4'
        ? [
            { type: 'data', data: 'AQID' },
            { type: 'url', url },
          ]
        : ['AQID', url],
    )
  })

  test('[M6] an output schema asks for JSON of that schema', async () => {
    const seen: { responseFormat?: unknown }[] = []
    await candidate(streamParts(version), seen).generate(request(undefined, { output: { name: 'order', schema: { type: 'object' } } }), context())
    expect(seen[0]?.responseFormat).toEqual({ type: 'json', name: 'order', schema: { type: 'object' } })
  })

  test('[M10] what is sent for n messages is a byte prefix of what is sent for n + 1', async () => {
    const seen: { prompt: unknown[] }[] = []
    const thread = toMessages([
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'b' },
          { type: 'tool-call', toolCallId: '1', toolName: 't', input: { z: 1, a: 2 } },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: '1', toolName: 't', output: { type: 'json', value: { b: 1, a: 2 } } }] },
      { role: 'user', content: 'c' },
    ])
    const one = candidate(streamParts(version), seen)
    for (let n = 1; n <= thread.length; n++) await one.generate(request(structuredClone(thread.slice(0, n)), { system: 's' }), context())
    const sent = seen.map(({ prompt }) => JSON.stringify(prompt))
    for (let n = 1; n < sent.length; n++) expect(sent[n]?.startsWith((sent[n - 1] as string).slice(0, -1))).toBe(true)
  })

  test('[M10] a middleware that adds to the prompt it is given adds to nothing that is sent later', async () => {
    const seen: { prompt: { content: unknown[]; extra?: unknown }[] }[] = []
    const messages = toMessages('hi')
    await candidate(streamParts(version), seen).generate(request(messages), context())
    const [first] = seen as [(typeof seen)[number]]
    const sent = structuredClone(first.prompt)
    first.prompt[0]?.content.push({ type: 'text', text: 'more' })
    Object.assign(first.prompt[0] ?? {}, { extra: true })
    await candidate(streamParts(version), seen).generate(request(messages), context())
    expect(seen[1]?.prompt).toEqual(sent)
  })

  test('[B6] an abort ends a stream that never ends, with the reason of the signal', async () => {
    const endless = { ...fake(version, []), doStream: async () => ({ stream: new ReadableStream() }) } as unknown as LanguageModel
    const abort = new AbortController()
    const asked = candidateOf(endless, { price: undefined }).stream(request(), context([], abort.signal))
    setImmediate(() => abort.abort(new TuttiError('RUN_CANCELLED', 'enough')))
    await expect(asked).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  })
})

test('[M4] an interrupted finish of V4 is no answer', async () => {
  const parts = [...streamParts('v4').slice(0, -1), { type: 'finish', finishReason: { unified: 'interrupted', raw: undefined }, usage: usages.v4 }]
  expect(await candidateOf(fake('v4', parts), { price: undefined }).stream(request(), context())).toMatchObject({
    error: { code: 'MODEL_STREAM_CUT' },
    usage: { inputTokens: 10 },
  })
})

test('[T1] tool input that is not JSON, or nothing at all, is read without an error', async () => {
  const call = (input: string) => [{ type: 'tool-call', toolCallId: 'c', toolName: 'find', input }, streamParts('v4').at(-1)]
  const read = async (input: string) =>
    ((await candidateOf(fake('v4', call(input)), { price: undefined }).stream(request(), context())) as RawAnswer).message.parts[0]
  expect(await read('{"a"')).toEqual({ type: 'tool-call', id: 'c', tool: 'find', input: {}, malformed: expect.stringContaining('{"a"') })
  expect(await read('')).toEqual({ type: 'tool-call', id: 'c', tool: 'find', input: {} })
})

test('[M10] a call that the provider carried out itself goes back as such', async () => {
  const seen: { prompt: { content: unknown }[] }[] = []
  const message: Message = {
    role: 'assistant',
    parts: [
      { type: 'tool-call', id: '1', tool: 'web', input: {} },
      { type: 'tool-result', id: '1', tool: 'web', output: 'x' },
      { type: 'tool-call', id: '2', tool: 'find', input: {} },
    ],
  }
  await candidateOf(fake('v4', [], seen), { price: undefined }).generate(request([message]), context())
  expect(seen[0]?.prompt[0]?.content).toMatchObject([
    { providerExecuted: true },
    { output: { type: 'text', value: 'x' } },
    expect.not.objectContaining({ providerExecuted: true }),
  ])
})

test('the limit that was held covers the thinking budget that Anthropic adds to it', async () => {
  const seen: { maxOutputTokens?: number }[] = []
  const settings = { provider: { anthropic: { thinking: { type: 'enabled', budgetTokens: 40 } } } }
  await candidateOf(fake('v4', [], seen), { price: undefined }).generate(request(undefined, { settings }), context())
  expect(seen[0]?.maxOutputTokens).toBe(60)
})

test('[M1] a version tutti does not know is refused by its name', () => {
  const model = { ...fake('v4', []), specificationVersion: 'v9' } as unknown as LanguageModel
  expect(isLanguageModel(model)).toBe(true)
  expect(() => candidateOf(model, { price: undefined })).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining("'v9'") }),
  )
})
