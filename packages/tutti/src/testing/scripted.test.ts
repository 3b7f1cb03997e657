import { generateText, jsonSchema, streamText } from 'ai'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { RunEvent } from '../run/index.ts'
import { tool } from '../tool/index.ts'
import { scripted } from './scripted.ts'
import { testing } from './testing.ts'

const tools = { find: { description: 'finds', inputSchema: jsonSchema<unknown>({ type: 'object' }) } }

describe('a scripted model', () => {
  test('[D6] answers its turns in order, to a client it has never seen: text, calls, JSON', async () => {
    const model = scripted([
      'Hello.',
      { call: 'find', input: { id: '17' } },
      [
        { call: 'find', input: 1 },
        { call: 'find', input: 2 },
      ],
      { json: { a: 1 } },
    ])
    expect((await generateText({ model, prompt: 'a' })).text).toBe('Hello.')
    expect((await generateText({ model, prompt: 'b', tools })).toolCalls).toMatchObject([{ toolName: 'find', input: { id: '17' } }])
    expect((await generateText({ model, prompt: 'c', tools })).toolCalls).toHaveLength(2)
    expect(await streamText({ model, prompt: 'd' }).text).toBe('{"a":1}')
  })

  test('[D6] keeps what it was asked, tool results included', async () => {
    const model = scripted(['x'])
    const messages = [
      { role: 'user' as const, content: 'where?' },
      { role: 'assistant' as const, content: [{ type: 'tool-call' as const, toolCallId: '1', toolName: 'find', input: {} }] },
      {
        role: 'tool' as const,
        content: [{ type: 'tool-result' as const, toolCallId: '1', toolName: 'find', output: { type: 'json' as const, value: { eta: 'Monday' } } }],
      },
    ]
    await generateText({ model, messages })
    expect(model.calls).toHaveLength(1)
    expect(model.calls[0]?.prompt).toContain('user: where?')
    expect(model.calls[0]?.prompt).toContain('Monday')
  })

  test('[D6] fails as a provider fails: 429 with its wait, 500, a cut stream, malformed output', async () => {
    const model = scripted([{ error: 429 }, { error: 500 }, { error: 'cut' }, { error: 'malformed' }])
    const options = { prompt: [] }
    await expect(model.doGenerate(options)).rejects.toMatchObject({ statusCode: 429, isRetryable: true, responseHeaders: { 'retry-after-ms': '1' } })
    await expect(model.doStream(options)).rejects.toMatchObject({ statusCode: 500 })
    const types: string[] = []
    for await (const part of (await model.doStream(options)).stream) types.push(part.type)
    expect(types).toEqual(['stream-start', 'text-start', 'text-delta', 'text-end'])
    await expect(model.doGenerate(options)).rejects.toMatchObject({ name: 'AI_JSONParseError' })
  })

  test('[D6] a call after the last turn fails the test that made it', async () => {
    await expect(scripted([]).doGenerate({ prompt: [] })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('0 turns') })
  })
})

describe('a turn said in full', () => {
  test('[D6] thinks, says, calls, reports its usage, and takes its time on the clock of the app', async () => {
    const find = tool({ name: 'find', description: 'finds', input: z.object({ id: z.string() }), effect: 'read', execute: () => 'Monday' })
    const made = agent({ name: 'a', tools: [find] })
    const usage = { inputTokens: 100, cacheReadTokens: 60, outputTokens: 30, reasoningTokens: 20 }
    const turn = { think: 'Look it up.', text: 'One moment.', calls: [{ call: 'find', input: { id: '17' } }], usage, latency: '2s' as const }
    await using app = testing({ flows: [made], model: scripted([turn, 'It comes on Monday.']) })
    const handle = await app.start(made, 'when?')
    const events = (async () => {
      const seen: RunEvent[] = []
      for await (const event of handle.events()) seen.push(event)
      return seen
    })()
    await app.clock.advance('1s')
    expect((await Promise.race([handle.result(), Promise.resolve(undefined)])) ?? 'waits').toBe('waits')
    await app.clock.advance('1s')
    expect((await handle.result()).usage).toMatchObject({ inputTokens: expect.any(Number), cacheReadTokens: 60, outputTokens: 30 + 4 })
    const shown = await events
    const text = (type: string) => shown.flatMap((event) => (event.type === type && 'text' in event && event.key === 'a/turn:1' ? [event.text] : [])).join('')
    expect(text('reasoning.delta')).toBe('Look it up.')
    expect(text('text.delta')).toBe('One moment.')
    expect(text('tool.input')).toBe('{"id":"17"}')
    expect(shown.filter(({ type }) => type === 'tool.input').length).toBeGreaterThan(1)
  })
})
