import { tool as aiTool, jsonSchema } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { Tool } from '../run/index.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { adopt, type ForeignTool } from './index.ts'

/** What a model is told when it calls the adopted tool with this input. */
// biome-ignore lint/suspicious/noExplicitAny: tools of anything
async function told(tools: readonly Tool<any, any>[], call: string, input: unknown): Promise<string> {
  const desk = agent({ name: 'desk', tools })
  await using app = testing({ flows: [desk], model: scripted([{ call, input }, 'done']) })
  await app.run(desk, 'go')
  return app.calls[1]?.prompt.split('\ntool: ').at(-1) ?? ''
}

/** Has the shape of a LangChain tool, and state of its own. */
class LangChainTool {
  readonly name = 'lookup'
  readonly description = 'Looks up.'
  readonly schema = z.object({ word: z.string() })
  readonly #found = 'a word'
  async invoke(input: { word: string }, config?: { signal?: AbortSignal }): Promise<string> {
    return `${input.word} is ${this.#found}${config?.signal ? '' : ', unstoppable'}`
  }
}

test('[X1] tools of the AI SDK are taken as they are: zod or JSON Schema, their checks included', async () => {
  const tools = adopt(
    {
      weather: aiTool({ description: 'Weather', inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `${city}: sun` }),
      raw: aiTool({
        description: 'Raw',
        inputSchema: jsonSchema<{ n: number }>(
          { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
          {
            validate: (value) =>
              (value as { n: number }).n > 0 ? { success: true, value: value as { n: number } } : { success: false, error: new Error('n is too small') },
          },
        ),
        execute: async ({ n }, { toolCallId, abortSignal }) => ({ n, keyed: toolCallId.length, stoppable: abortSignal !== undefined }),
      }),
    },
    { effect: 'read' },
  )
  expect(tools.map(({ name, effect }) => [name, effect])).toEqual([
    ['weather', 'read'],
    ['raw', 'read'],
  ])
  expect(await told(tools, 'weather', { city: 'Turin' })).toBe('Turin: sun')
  expect(JSON.parse(await told(tools, 'raw', { n: 1 }))).toEqual({ n: 1, keyed: 22, stoppable: true })
  expect(await told(tools, 'raw', { n: -1 })).toMatch(/n is too small/)
})

test('[X1] of a tool of the AI SDK that shows preliminary results, the last one is the result', async () => {
  const streaming = aiTool({
    description: '',
    inputSchema: z.object({}),
    async *execute() {
      yield 'half'
      yield 'whole'
    },
  })
  expect(await told(adopt({ streaming }, { effect: 'read' }), 'streaming', {})).toBe('whole')
})

test('[X1] a tool of the AI SDK with a contextSchema is given its context, which no model is shown; without one that fits it is refused when it is adopted', async () => {
  const weather = aiTool({
    description: ({ context }) => `Weather, by ${context.source}`,
    inputSchema: z.object({ city: z.string() }),
    contextSchema: z.object({ key: z.string(), source: z.string().default('the office') }),
    needsApproval: (_, { context }) => context.key === 'watched',
    execute: async ({ city }, { context }) => `${city}: sun, says ${context.source} (${context.key.length})`,
  })
  const tools = adopt({ weather }, { effect: 'read', toolsContext: { weather: { key: 'secret' } } })
  expect(tools[0]?.['~tool'].description).toBe('Weather, by the office')
  expect(await told(tools, 'weather', { city: 'Turin' })).toBe('Turin: sun, says the office (6)')
  const refused = (toolsContext?: Record<string, unknown>) => () => adopt({ weather }, toolsContext ? { toolsContext } : {})
  expect(refused()).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('was not given') }))
  expect(refused({ other: { key: 'secret' } })).toThrow(expect.objectContaining({ hint: 'adopt(tools, { toolsContext: { "weather": { … } } })' }))
  expect(refused({ weather: { key: 7 } })).toThrow(expect.objectContaining({ message: expect.stringContaining('does not fit') }))
})

test('[X1] a tool of LangChain keeps its own this, and is given a signal', async () => {
  expect(await told(adopt([new LangChainTool()], { effect: { lookup: 'read' } }), 'lookup', { word: 'lento' })).toBe('lento is a word')
})

test('[X1] nobody said that an adopted tool may be repeated, so it is once, unless it is named', () => {
  const tools: Record<string, ForeignTool> = { a: { inputSchema: z.object({}), execute: () => 1 }, b: { inputSchema: z.object({}), execute: () => 1 } }
  expect(adopt(tools).map(({ effect }) => effect)).toEqual(['once', 'once'])
  expect(adopt(tools, { effect: { b: 'idempotent' } }).map(({ effect }) => effect)).toEqual(['once', 'idempotent'])
})

test('[X1] what cannot be called here, or not be shown to a model, is refused', () => {
  const refused = expect.objectContaining({ code: 'CONFIG_INVALID' })
  expect(() => adopt({ browser: { inputSchema: z.object({}) } })).toThrow(refused)
  expect(() => adopt({ blind: { inputSchema: 7, execute: () => 1 } })).toThrow(refused)
  expect(() => adopt({ 'two words': { inputSchema: z.object({}), execute: () => 1 } })).toThrow(refused)
})

test('[T1] plain JSON Schema is checked, also where the tool brought no check of its own: every complaint with its place', async () => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer', minimum: 1 }, kind: { enum: ['a', 'b'] } },
    required: ['n'],
    additionalProperties: false,
  } satisfies Parameters<typeof jsonSchema>[0]
  const tools = adopt(
    { ai: { inputSchema: jsonSchema<{ n: number }>(schema), execute: () => 'done' }, plain: { inputSchema: schema, execute: () => 'done' } },
    { effect: 'read' },
  )
  for (const name of ['ai', 'plain']) {
    expect(await told(tools, name, { n: 3, kind: 'a' })).toBe('done')
    const complaints = await told(tools, name, { n: 0.5, kind: 'c', more: 1 })
    for (const part of ['n: must be', 'kind: must be one of "a", "b"', "there is no 'more'"]) expect(complaints).toContain(part)
  }
})

test('[T1] a schema that refers to another place is refused when it is declared, and nothing is fetched', () => {
  expect(() => adopt({ far: { inputSchema: { type: 'object', properties: { a: { $ref: 'http://127.0.0.1:9/schema.json' } } }, execute: () => 1 } })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
})
