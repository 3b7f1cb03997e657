import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { chainOf, toMessages } from '../message/index.ts'
import { check, type JsonSchema, jsonSchemaOf, type ModelSchema } from '../primitives/index.ts'
import type { StreamPart } from '../run/effect.port.ts'
import { candidateOf } from './language-model.ts'
import type { CandidateContext, LanguageModel, ModelRequest, OutputMode, RawAnswer } from './model.port.ts'
import { parseOutput } from './output.ts'

interface Sent {
  prompt: { role: string; content: unknown }[]
  tools?: { name: string; inputSchema: JsonSchema }[]
  toolChoice?: unknown
  responseFormat?: { schema?: JsonSchema }
  providerOptions?: Record<string, unknown>
}

/** A model that says one thing, whole or streamed a few characters at a time. */
function saying(
  id: string,
  content: readonly ({ text: string } | { tool: string; input: string })[],
  more: object = {},
): { model: LanguageModel; sent: Sent[] } {
  const sent: Sent[] = []
  const [provider = '', modelId = ''] = id.split('/')
  const parts = content.map((part, index) =>
    'text' in part ? { type: 'text', text: part.text } : { type: 'tool-call', toolCallId: `c${index}`, toolName: part.tool, input: part.input },
  )
  const calls = content.some((part) => 'tool' in part)
  const end = { finishReason: { unified: calls ? 'tool-calls' : 'stop', raw: 'x' }, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } } }
  const streamed = parts.flatMap((part, index) => {
    if (part.type === 'text') return (part.text as string).match(/.{1,3}/gs)?.map((delta) => ({ type: 'text-delta', id: String(index), delta })) ?? []
    const deltas = ((part as { input: string }).input.match(/.{1,3}/gs) ?? []).map((delta) => ({ type: 'tool-input-delta', id: `c${index}`, delta }))
    return [{ type: 'tool-input-start', id: `c${index}`, toolName: (part as { toolName: string }).toolName }, ...deltas, part]
  })
  const model = {
    specificationVersion: 'v4',
    provider,
    modelId,
    supportedUrls: {},
    doGenerate: async (options: Sent) => {
      sent.push(options)
      return { content: parts, warnings: [], ...end }
    },
    doStream: async (options: Sent) => {
      sent.push(options)
      return { stream: ReadableStream.from([...streamed, { type: 'finish', ...end }]) }
    },
    ...more,
  }
  return { model: model as unknown as LanguageModel, sent }
}

const Topic = z.object({ topic: z.enum(['order', 'other']) })
const request = (schema: ModelSchema, more: Partial<ModelRequest> = {}): ModelRequest => {
  const messages = toMessages('my order')
  return { messages, thread: { at: 1, chain: chainOf(messages) }, output: { name: 'triage-answer', schema: jsonSchemaOf(schema, 'input') }, ...more }
}
const context = (shown: StreamPart[] = [], outputMode?: OutputMode): CandidateContext => ({
  signal: new AbortController().signal,
  maxOutputTokens: 100,
  outputMode,
  show: (part) => shown.push(part),
  alive: () => {},
})
const find = [{ name: 'find', description: 'finds', inputSchema: { type: 'object' } }]

/** Asked both ways; what it sent, and what it answered. */
async function asked(
  id: string,
  content: Parameters<typeof saying>[1],
  schema: ModelSchema,
  o: { mode?: OutputMode; more?: Partial<ModelRequest>; model?: object } = {},
) {
  const { model, sent } = saying(id, content, o.model)
  const candidate = candidateOf(model, { price: undefined })
  const whole = (await candidate.generate(request(schema, o.more), context([], o.mode))) as RawAnswer
  const shown: StreamPart[] = []
  const streamed = (await candidate.stream(request(schema, o.more), context(shown, o.mode))) as RawAnswer
  expect(streamed).toEqual(whole)
  return { sent: sent[0] as Sent, answer: whole, shown }
}

const outputOf = (answer: RawAnswer): unknown => {
  const parsed = parseOutput(answer.outputText ?? answer.message.parts.map((part) => (part.type === 'text' ? part.text : '')).join(''))
  return parsed.ok ? parsed.value : parsed
}

describe('how an answer to a schema is asked for', () => {
  test('[M6] by default in the JSON mode of the provider', async () => {
    const { sent, answer, shown } = await asked('openai/gpt-5-mini', [{ text: '{"topic":"order"}' }], Topic)
    expect(sent.responseFormat).toMatchObject({ type: 'json', name: 'triage-answer', schema: { type: 'object', required: ['topic'] } })
    expect(sent.tools).toBeUndefined()
    expect(outputOf(answer)).toEqual({ topic: 'order' })
    expect(shown.at(-1)).toEqual({ type: 'partial', value: { topic: 'order' } })
  })

  test('[M6] [M7] through a tool that must be called, where the model has no such mode; its input is the answer, shown while it is written', async () => {
    const { sent, answer, shown } = await asked('openai/gpt-4-turbo', [{ tool: 'triage-answer', input: '{"topic":"order"}' }], Topic)
    expect(sent.responseFormat).toBeUndefined()
    expect(sent.tools?.map(({ name }) => name)).toEqual(['triage-answer'])
    expect(sent.toolChoice).toEqual({ type: 'tool', toolName: 'triage-answer' })
    expect(answer).toMatchObject({ finish: 'stop', message: { parts: [{ type: 'text', text: '{"topic":"order"}' }] } })
    expect(shown.at(-1)).toEqual({ type: 'partial', value: { topic: 'order' } })
    expect(shown.every(({ type: kind }) => kind === 'partial')).toBe(true)
  })

  test('[M6] by instructions alone, where the model has neither', async () => {
    const { sent, answer } = await asked('openai/o1-mini', [{ text: '```json\n{"topic":"order"}\n```' }], Topic, { more: { system: 'Sort.' } })
    expect(sent.responseFormat).toBeUndefined()
    expect(sent.tools).toBeUndefined()
    expect(sent.prompt[0]?.content).toMatch(/^Sort\.\n\nAnswer with JSON alone.*"topic"/s)
    expect(outputOf(answer)).toEqual({ topic: 'order' })
  })

  test('[M6] what is declared comes before what is known of the model', async () => {
    const tool = await asked('vllm/mine', [{ tool: 'triage-answer', input: '{"topic":"order"}' }], Topic, { mode: 'tool' })
    expect(tool.sent.toolChoice).toEqual({ type: 'tool', toolName: 'triage-answer' })
    const json = await asked('vllm/mine', [{ text: '{"topic":"order"}' }], Topic, { mode: 'json', model: { supportsStructuredOutputs: false } })
    expect(json.sent.responseFormat?.schema).toBeDefined()
    expect(json.sent.prompt[0]?.role).toBe('user')
  })

  test('[M6] a model that takes a schema or tools, not both, answers through a tool beside its tools, and any of them must be called', async () => {
    const alone = await asked('google/gemini-2.5-flash', [{ text: '{"topic":"order"}' }], Topic)
    expect(alone.sent.responseFormat).toBeDefined()
    const beside = await asked('google/gemini-2.5-flash', [{ tool: 'find', input: '{}' }], Topic, { more: { tools: find } })
    expect(beside.sent.responseFormat).toBeUndefined()
    expect(beside.sent.tools?.map(({ name }) => name)).toEqual(['find', 'triage-answer'])
    expect(beside.sent.toolChoice).toEqual({ type: 'required' })
    expect(beside.answer).toMatchObject({ finish: 'tool-calls', message: { parts: [{ type: 'tool-call', tool: 'find' }] } })
  })

  test('[M6] an answer given beside the call of another tool waits: the call goes on', async () => {
    const both = [
      { tool: 'find', input: '{}' },
      { tool: 'triage-answer', input: '{"topic":"order"}' },
    ]
    const { answer } = await asked('groq/llama-3.3-70b-versatile', both, Topic, { more: { tools: find } })
    expect(answer).toMatchObject({ finish: 'tool-calls', message: { parts: [{ type: 'tool-call', tool: 'find' }, { type: 'text' }] } })
  })

  test('[M6] arguments of the answering tool that are not JSON are an answer that does not fit, and are shown to the model as it wrote them', async () => {
    const { answer } = await asked('openai/gpt-4-turbo', [{ tool: 'triage-answer', input: '{"topic": ' }], Topic)
    expect(outputOf(answer)).toMatchObject({ ok: false, says: 'the answer is not JSON: {"topic": ' })
  })

  test('[M6] an agent may have a tool of the name that its answer would have', async () => {
    const tools = [{ ...(find[0] as (typeof find)[0]), name: 'triage-answer' }]
    const { sent } = await asked('openai/gpt-4-turbo', [{ text: 'x' }], Topic, { more: { tools } })
    expect(sent.tools?.map(({ name }) => name)).toEqual(['triage-answer', 'triage-answer_'])
  })
})

describe('the schema that is sent', () => {
  test('[M6] says of every object that it holds nothing else, as strict modes want, and no `oneOf`', async () => {
    const Shape = z.object({ kind: z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b'), n: z.number() })]) })
    const { sent } = await asked('openai/gpt-5', [{ text: '{}' }], Shape)
    const schema = sent.responseFormat?.schema as { additionalProperties: unknown; properties: { kind: { anyOf: object[]; oneOf?: unknown } } }
    expect(schema.additionalProperties).toBe(false)
    expect(schema.properties.kind.oneOf).toBeUndefined()
    expect(schema.properties.kind.anyOf).toMatchObject([{ additionalProperties: false }, { additionalProperties: false }])
    expect(sent.providerOptions).toBeUndefined()
  })

  test('[M6] a schema that leaves something open is not sent as strict: the provider would refuse it', async () => {
    for (const loose of [z.object({ a: z.string().optional() }), z.object({ a: z.record(z.string(), z.number()) }), z.object({ a: z.string().default('x') })]) {
      const { sent } = await asked('openai/gpt-5', [{ text: '{}' }], loose)
      expect(sent.providerOptions).toMatchObject({ openai: { strictJsonSchema: false } })
    }
  })

  test('[M6] an intersection is left as it is: its parts know nothing of one another', async () => {
    const part = (name: string) => ({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] })
    const schema = { type: 'object', properties: { both: { allOf: [part('a'), part('b')] } }, required: ['both'] }
    const { sent } = await asked('openai/gpt-5', [{ text: '{}' }], Topic, { more: { output: { name: 'a', schema } } })
    expect(sent.responseFormat?.schema).toEqual(schema)
    expect(sent.providerOptions).toMatchObject({ openai: { strictJsonSchema: false } })
  })

  test.each([
    ['a choice', z.enum(['x', 'y']), '{"answer":"x"}', 'x'],
    ['a list', z.array(z.number()), '{"answer":[1,2]}', [1, 2]],
    ['a union', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), '{"answer":{"b":"z"}}', { b: 'z' }],
  ])('[M6] %s is asked for as the one property of an object, and read from it', async (_what, schema, said, value) => {
    for (const id of ['openai/gpt-5', 'openai/gpt-4-turbo']) {
      const content = id === 'openai/gpt-5' ? [{ text: said }] : [{ tool: 'triage-answer', input: said }]
      const { sent, answer, shown } = await asked(id, content, schema as ModelSchema)
      const shape = sent.responseFormat?.schema ?? sent.tools?.[0]?.inputSchema
      expect(shape).toMatchObject({ type: 'object', required: ['answer'], additionalProperties: false })
      expect(outputOf(answer)).toEqual(value)
      expect(shown.at(-1)).toEqual({ type: 'partial', value })
    }
  })

  test('[M6] a model that answers the bare value all the same is understood', async () => {
    expect(outputOf((await asked('openai/gpt-5', [{ text: '"x"' }], z.enum(['x', 'y']))).answer)).toBe('x')
  })

  test('[M6] references follow the schema to where it stands inside another', async () => {
    interface Tree {
      of: Tree[]
    }
    const Tree: z.ZodType<Tree> = z.lazy(() => z.object({ of: z.array(Tree) }))
    const { sent } = await asked('openai/gpt-5', [{ text: '{}' }], z.array(Tree) as unknown as ModelSchema)
    const schema = sent.responseFormat?.schema as JsonSchema
    const refs = [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref as string)
    expect(refs.length).toBeGreaterThan(0)
    for (const ref of refs) {
      const target = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], schema)
      expect(target, ref).toMatchObject({ type: 'object', properties: { of: {} } })
    }
  })

  test('[M6] [M10] is the same bytes every turn', async () => {
    const output = { name: 'a', schema: jsonSchemaOf(z.array(Topic), 'input') }
    const { model, sent } = saying('openai/gpt-5', [{ text: '{}' }])
    const candidate = candidateOf(model, { price: undefined })
    for (let turn = 0; turn < 2; turn++) await candidate.generate(request(Topic, { output }), context())
    expect(sent[0]?.responseFormat?.schema).toBe(sent[1]?.responseFormat?.schema)
  })
})

describe('schemas of every library', () => {
  test.each<[string, ModelSchema]>([
    ['zod', z.object({ n: z.number().int(), tags: z.array(z.string()) })],
    ['valibot', toStandardJsonSchema(v.object({ n: v.pipe(v.number(), v.integer()), tags: v.array(v.string()) })) as ModelSchema],
    ['arktype', type({ n: 'number.integer', tags: 'string[]' }) as unknown as ModelSchema],
  ])('[M6] %s: what is sent, what is accepted, what is complained of', async (_library, schema) => {
    const { sent, answer } = await asked('openai/gpt-5', [{ text: '{"n":1,"tags":["a"]}' }], schema)
    expect(sent.responseFormat?.schema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(await check(schema, outputOf(answer))).toEqual({ ok: true, value: { n: 1, tags: ['a'] } })
    expect(await check(schema, { n: 1.5, tags: [2] })).toMatchObject({ ok: false, complaints: expect.arrayContaining([expect.objectContaining({ at: 'n' })]) })
  })
})
