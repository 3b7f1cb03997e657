import { describe, expect, test } from 'vitest'
import { chainOf, toMessages } from '../message/index.ts'
import { byBytes } from './estimate.ts'
import type { ModelRequest } from './model.port.ts'
import { boundOutput, decideMaxOutput } from './output-limit.ts'

const request = (prompt: Parameters<typeof toMessages>[0], more: Partial<ModelRequest> = {}): ModelRequest => {
  const messages = toMessages(prompt)
  return { messages, thread: { at: messages.length, chain: chainOf(messages) }, ...more }
}

describe('the bound on input tokens', () => {
  test('[B1] is never under one token for each byte of all that is sent', () => {
    const text = 'aß漢🙂'.repeat(50)
    const tools = [{ name: 'find', description: 'ß'.repeat(100), inputSchema: { type: 'object', properties: { id: { type: 'string' } } } }]
    const output = { name: 'o', schema: { type: 'object', description: '漢'.repeat(100) } }
    const bytes = 2 * Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(tools)) + Buffer.byteLength(JSON.stringify(output.schema))
    expect(byBytes.of(request(text, { system: text, tools, output }))).toBeGreaterThan(bytes)
  })

  test('[B1] counts calls, results and what providers want back', () => {
    const big = 'x'.repeat(1_000)
    const base = byBytes.of(request([{ role: 'user', content: 'a' }]))
    const parts = [
      { type: 'reasoning', text: '', provider: { openai: { encrypted: big } } },
      { type: 'tool-call', id: '1', tool: 't', input: { big } },
    ]
    const results = [{ type: 'tool-result', id: '1', tool: 't', output: big }]
    const history = [
      { role: 'user', content: 'a' },
      { role: 'assistant', parts },
      { role: 'tool', parts: results },
    ] as unknown as Parameters<typeof toMessages>[0]
    expect(byBytes.of(request(history))).toBeGreaterThan(base + 3_000)
  })

  test('[B1] [M11] counts the files that a tool gave', () => {
    const result = (files: object) => [{ role: 'tool', parts: [{ type: 'tool-result', id: '1', tool: 't', output: 'x', ...files }] }] as unknown as string
    const image = { type: 'file', mediaType: 'image/png', data: 'AAAA' }
    expect(byBytes.of(request(result({ files: [image, image] }))) - byBytes.of(request(result({})))).toBeGreaterThanOrEqual(12_000)
  })

  test('[B1] counts what is only in the options of a provider: its text, and what it keeps and is only named', () => {
    const bound = (openai: Record<string, string>): number => byBytes.of(request('x', { settings: { provider: { openai } } }))
    expect(bound({ instructions: 'x'.repeat(5_000) })).toBeGreaterThan(byBytes.of(request('x')) + 5_000)
    for (const named of ['previousResponseId', 'conversation']) expect(bound({ [named]: 'abc' })).toBeGreaterThan(1_000_000)
    expect(bound({ reasoningEffort: 'low' })).toBeLessThan(500)
  })

  test('[M11] media is bounded by kind, not by its bytes alone', () => {
    const image = (url: string) => byBytes.of(request([{ role: 'user', content: [{ type: 'image', image: url, mediaType: 'image/png' }] }]))
    expect(image('https://a.test/i.png')).toBe(image('A'.repeat(100_000)))
    expect(byBytes.of(request([{ role: 'user', content: [{ type: 'file', data: 'https://a.test/b.pdf', mediaType: 'application/pdf' }] }]))).toBeGreaterThan(
      1_000_000,
    )
  })
})

describe('the limit on output tokens', () => {
  const price = { input: 1_000_000, output: 10_000_000, maxOutputTokens: 64_000 }

  test("[B1] is a person's own, whatever is left", () => {
    expect(decideMaxOutput({ asked: 9_999, price, inputBound: 10, left: { microUsd: 1 }, least: 16 })).toBe(9_999)
  })

  test('[B1] that nobody asked for is what the model can write, less under a limit, and no more than is left', () => {
    const decide = (left: Parameters<typeof decideMaxOutput>[0]['left'], known: { price: typeof price | undefined } = { price }): number =>
      decideMaxOutput({ asked: undefined, ...known, inputBound: 1_000, left, least: 16 })
    expect(decide({})).toBe(32_768)
    expect(decide({}, { price: undefined })).toBe(4_096)
    expect(decide({ modelCalls: 1 })).toBe(32_768)
    expect(decide({ microUsd: 1_000_000 })).toBe(4_096)
    expect(decide({ microUsd: 2_000 })).toBe(100)
    expect(decide({ tokens: 1_200 })).toBe(200)
    expect(decide({ outputTokens: 50 })).toBe(50)
    // Nothing worth asking for is left: the ledger says so.
    expect(decide({ outputTokens: 3 })).toBe(16)
  })

  test("[B1] covers the thinking that Anthropic's adapter adds to it, and is what is sent everywhere else", () => {
    const bound = (id: string, settings: Parameters<typeof boundOutput>[1]['settings']): number => boundOutput(1_000, { id, settings, price })
    expect(bound('anthropic/claude-sonnet-4-5', { reasoning: 'high' })).toBe(64_000)
    expect(boundOutput(1_000, { id: 'anthropic/new', settings: { reasoning: 'low' }, price: undefined })).toBe(129_000)
    for (const settings of [{}, { reasoning: 'none' }, { reasoning: 'high', provider: { anthropic: { thinking: { type: 'disabled' } } } }] as const) {
      expect(bound('anthropic/claude-sonnet-4-5', settings)).toBe(1_000)
    }
    expect(bound('openai/gpt-5', { reasoning: 'high' })).toBe(1_000)
  })
})
