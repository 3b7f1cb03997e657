/** Streams that are not what their protocol says, through the packages that read them: whatever they make of it, no answer comes of it. */
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { MockLanguageModelV3, MockLanguageModelV4 } from 'ai/test'
import { expect, test } from 'vitest'
import type { LanguageModel } from './model.port.ts'
import { ask } from './one-question.ts'
import { retry } from './policy.ts'

type Fetch = typeof globalThis.fetch
const packages: Record<string, (fetch: Fetch) => LanguageModel> = {
  'openai responses': (fetch) => createOpenAI({ apiKey: 'k', fetch })('gpt-5-mini'),
  'openai chat': (fetch) => createOpenAI({ apiKey: 'k', fetch }).chat('gpt-5-mini'),
  anthropic: (fetch) => createAnthropic({ apiKey: 'k', fetch })('claude-sonnet-4-5'),
  google: (fetch) => createGoogleGenerativeAI({ apiKey: 'k', fetch })('gemini-2.5-flash'),
  'amazon-bedrock': (fetch) => createAmazonBedrock({ apiKey: 'k', region: 'eu-central-1', fetch })('anthropic.claude-sonnet-4-5-20250929-v1:0'),
  'openai-compatible': (fetch) => createOpenAICompatible({ name: 'vllm', baseURL: 'http://127.0.0.1:1', fetch })('m'),
}
const bodies: Record<string, string> = {
  'an event that is no JSON': 'data: {"id": \n\n',
  'JSON of another protocol': 'data: {"hello":"there"}\n\n',
  'a web page': '<html><body>Bad gateway</body></html>',
  'a frame of bytes that is none': `\0\0\0\x10${'\0'.repeat(12)}`,
  nothing: '',
}

test.each(Object.keys(packages).flatMap((name) => Object.keys(bodies).map((body) => [name, body] as const)))(
  '[M4] %s, given %s, has failed, and is tried again',
  async (name, body) => {
    let calls = 0
    const fetch = (async () => {
      calls++
      return new Response(bodies[body], { headers: { 'content-type': 'text/event-stream' } })
    }) as unknown as Fetch
    const { error } = await ask({ model: retry(packages[name]?.(fetch) as LanguageModel, { attempts: 2 }) })
    expect(error?.code).toMatch(/^MODEL_(MALFORMED|STREAM_CUT)$/)
    expect(calls).toBe(2)
  },
)

test('[X1] models of the AI SDK are taken as they are, of version 3 and 4', async () => {
  const usage = {
    inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 1, text: 1, reasoning: undefined },
  }
  const result = { content: [{ type: 'text' as const, text: 'hello' }], finishReason: { unified: 'stop' as const, raw: 'stop' }, usage, warnings: [] }
  for (const model of [new MockLanguageModelV3({ doGenerate: result }), new MockLanguageModelV4({ doGenerate: result })]) {
    const { answer } = await ask({ model, stream: false })
    expect(answer).toMatchObject({ message: { parts: [{ text: 'hello' }] }, usage: { inputTokens: 3, outputTokens: 1 } })
  }
})
