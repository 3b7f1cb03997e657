/** What people who use the AI SDK or LangChain have already, as their packages make it: that it type-checks here is half of the test. */
import type { LanguageModelV2, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { DynamicStructuredTool, tool as langchainTool, type StructuredTool } from '@langchain/core/tools'
import {
  tool as aiTool,
  convertToModelMessages,
  defaultSettingsMiddleware,
  dynamicTool,
  type ModelMessage,
  type ToolSet,
  type UIMessage,
  wrapLanguageModel,
} from 'ai'
import { MockLanguageModelV3, MockLanguageModelV4, simulateReadableStream } from 'ai/test'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { adopt, agent, inMemory, type ModelLike, type Prompt, toolApproval, tutti } from './index.ts'
import { scripted } from './testing/scripted.ts'
import { testing } from './testing/testing.ts'

const usage = {
  inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
}
const said: LanguageModelV4StreamPart[] = [
  { type: 'stream-start', warnings: [] },
  { type: 'text-start', id: '1' },
  { type: 'text-delta', id: '1', delta: 'Hello.' },
  { type: 'text-end', id: '1' },
  { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
]
const v2: LanguageModelV2 = {
  specificationVersion: 'v2',
  provider: 'mine',
  modelId: 'two',
  supportedUrls: {},
  doGenerate: () => Promise.reject(new Error('not asked')),
  doStream: async () => ({
    stream: new ReadableStream({
      start(controller) {
        controller.enqueue({ type: 'stream-start', warnings: [] })
        controller.enqueue({ type: 'text-start', id: '1' })
        controller.enqueue({ type: 'text-delta', id: '1', delta: 'Hello.' })
        controller.enqueue({ type: 'text-end', id: '1' })
        controller.enqueue({ type: 'finish', finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 1, totalTokens: 4 } })
        controller.close()
      },
    }),
  }),
}

test('[X1] an agent takes models of version 2, 3 and 4 as they are, and records what they say', async () => {
  const v3 = new MockLanguageModelV3({ doStream: async () => ({ stream: simulateReadableStream({ chunks: [...said] as never[] }) }) })
  const v4 = new MockLanguageModelV4({ doStream: async () => ({ stream: simulateReadableStream({ chunks: [...said] }) }) })
  const models: ModelLike[] = [v2, v3, v4]
  for (const model of models) {
    const greeter = agent({ name: 'greeter', model })
    await using app = tutti({ flows: [greeter], store: inMemory() })
    const { output, usage: used, id } = await app.run(greeter, 'hi')
    expect([output, used.inputTokens, used.outputTokens]).toEqual(['Hello.', 3, 1])
    expect((await app.replay(id, greeter)).output).toBe('Hello.')
  }
})

test('[X1] a tool set of the AI SDK is adopted as it is: tool() with its types, dynamicTool(), each call a recorded step', async () => {
  let calls = 0
  const tools = {
    double: aiTool({ description: 'Doubles.', inputSchema: z.object({ n: z.number() }), execute: async ({ n }) => n * 2 * ++calls }),
    any: dynamicTool({ description: 'Anything.', inputSchema: z.object({ of: z.string() }), execute: async (input) => JSON.stringify(input) }),
  } satisfies ToolSet
  const desk = agent({ name: 'desk', tools: adopt(tools, { effect: { double: 'read', any: 'idempotent' } }) })
  const model = scripted([
    [
      { call: 'double', input: { n: 21 } },
      { call: 'any', input: { of: 'x' } },
    ],
    'done',
  ])
  await using app = testing({ flows: [desk], model })
  const { id } = await app.run(desk, 'go')
  expect(model.calls[1]?.prompt).toMatch(/42/)
  expect(model.calls[1]?.prompt).toContain('{\\"of\\":\\"x\\"}')
  expect((await app.replay(id, desk)).output).toBe('done')
  expect(calls).toBe(1)
})

test('[X1] [T6] a tool of the AI SDK that needs approval waits for a person, always or for the input it says', async () => {
  const inputSchema = z.object({ usd: z.number() })
  const paid: number[] = []
  const execute = async ({ usd }: { usd: number }) => paid.push(usd)
  const tools: ToolSet = {
    refund: aiTool({ inputSchema, execute, needsApproval: true }),
    pay: aiTool({ inputSchema, execute, needsApproval: ({ usd }) => usd > 100 }),
  }
  const calls = [
    { call: 'pay', input: { usd: 1 } },
    { call: 'pay', input: { usd: 500 } },
    { call: 'refund', input: { usd: 2 } },
  ]
  const desk = agent({ name: 'desk', tools: adopt(tools) })
  await using app = testing({ flows: [desk], model: scripted([...calls, 'done']) })
  const handle = await app.start(desk, 'go')
  for (const [before, ok] of [[[1], false] as const, [[1], true] as const]) {
    expect(await handle.outcome()).toMatchObject({ status: 'waiting' })
    expect(paid).toEqual(before)
    await handle.send(toolApproval, { ok })
  }
  expect((await handle.result()).output).toBe('done')
  expect(paid).toEqual([1, 2])
})

test('[X1] messages of useChat and model messages are prompts as they are, with their calls and results, and read the same', async () => {
  const ui: UIMessage[] = [
    { id: '1', role: 'user', parts: [{ type: 'text', text: 'Where is order 17?' }] },
    {
      id: '2',
      role: 'assistant',
      parts: [
        { type: 'step-start' },
        { type: 'tool-find', toolCallId: 'c1', state: 'output-available', input: { id: '17' }, output: { arrives: 'Monday' } },
        { type: 'step-start' },
        { type: 'text', text: 'It comes on Monday.' },
      ],
    },
    { id: '3', role: 'user', parts: [{ type: 'text', text: 'And 18?' }] },
  ]
  const models: ModelMessage[] = await convertToModelMessages(ui)
  const prompts: Prompt[] = [ui, models]
  const model = scripted(['one', 'two'])
  const desk = agent({ name: 'desk', model })
  await using app = testing({ flows: [desk] })
  await app.run(desk, ui)
  await app.run(desk, models)
  expect(prompts).toHaveLength(2)
  const [first, second] = model.calls.map(({ prompt }) => prompt)
  expect(first).toContain('Monday')
  expect(first).toContain('And 18?')
  expect(second).toBe(first)
})

test('[X1] tools of LangChain are adopted with their own types: tool(), DynamicStructuredTool, and a list of StructuredTool', () => {
  const schema = z.object({ n: z.number() })
  const made = langchainTool(async ({ n }) => n + 1, { name: 'made', description: 'Adds one.', schema })
  const dynamic = new DynamicStructuredTool({ name: 'dynamic', description: 'Adds two.', schema, func: async ({ n }) => n + 2 })
  const list: StructuredTool[] = [dynamic]
  expect(adopt([made, dynamic]).map(({ name }) => name)).toEqual(['made', 'dynamic'])
  expect(adopt(list, { effect: 'read' }).map(({ effect }) => effect)).toEqual(['read'])
})

test('[X1] what is none of these does not type-check, and is refused', () => {
  // @ts-expect-error no inputSchema
  expect(() => adopt({ blind: { execute: () => 1 } })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  // @ts-expect-error this is no model
  expect(() => agent({ name: 'a', model: { specificationVersion: 'v4' } })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('the settings that the AI SDK wraps a model with reach it: temperature and the like have no other place here', async () => {
  const asked = scripted(['Hello.'])
  const cool = wrapLanguageModel({ model: asked, middleware: defaultSettingsMiddleware({ settings: { temperature: 0, seed: 7 } }) })
  const hello = agent({ name: 'hello', model: cool })
  await using app = tutti({ flows: [hello], store: inMemory() })
  expect(await app.run(hello, 'hi')).toMatchObject({ output: 'Hello.' })
  expect(asked.calls[0]?.options).toMatchObject({ temperature: 0, seed: 7 })
})
