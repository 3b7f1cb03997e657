/** LangChain's own tools, as `@langchain/core` makes them: no shape of ours. */
import { DynamicStructuredTool, tool as langchainTool, StructuredTool } from '@langchain/core/tools'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { Tool } from '../run/index.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { adopt } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: tools of anything
async function told(tools: readonly Tool<any, any>[], call: string, input: unknown): Promise<string> {
  const desk = agent({ name: 'desk', tools })
  await using app = testing({ flows: [desk], model: scripted([{ call, input }, 'done']) })
  const { id } = await app.run(desk, 'go')
  expect((await app.replay(id, desk)).output).toBe('done')
  return app.calls[1]?.prompt.split('\ntool: ').at(-1) ?? ''
}

class Reverse extends StructuredTool {
  name = 'reverse'
  description = 'Reverses a word.'
  schema = z.object({ word: z.string() })
  protected async _call({ word }: { word: string }): Promise<string> {
    return [...word].reverse().join('')
  }
}

test('[X1] tools of LangChain are taken as they are: tool() with zod or JSON Schema, DynamicStructuredTool, a class of StructuredTool', async () => {
  const add = langchainTool(async ({ a, b }) => `${a + b}`, { name: 'add', description: 'Adds.', schema: z.object({ a: z.number(), b: z.number() }) })
  const plain = langchainTool(async (input: unknown) => JSON.stringify(input), {
    name: 'plain',
    description: 'Says what it got.',
    schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const,
  })
  const dynamic = new DynamicStructuredTool({
    name: 'dynamic',
    description: 'Doubles.',
    schema: z.object({ n: z.number() }),
    func: async ({ n }) => String(n * 2),
  })
  const tools = adopt([add, plain, dynamic, new Reverse()], { effect: 'read' })
  expect(tools.map(({ name }) => name)).toEqual(['add', 'plain', 'dynamic', 'reverse'])
  expect(await told(tools, 'add', { a: 1, b: 2 })).toBe('3')
  expect(await told(tools, 'plain', { n: 7 })).toBe('{"n":7}')
  expect(await told(tools, 'plain', { n: 'seven' })).toContain('TOOL_INPUT_INVALID: the arguments do not fit: n: must be integer')
  expect(await told(tools, 'dynamic', { n: 4 })).toBe('8')
  expect(await told(tools, 'reverse', { word: 'tutti' })).toBe('ittut')
  expect(await told(tools, 'reverse', { word: 1 })).toContain('TOOL_INPUT_INVALID')
})
