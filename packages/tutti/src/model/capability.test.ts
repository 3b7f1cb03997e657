import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { describe, expect, test } from 'vitest'
import { chainOf, type Message, toMessages } from '../message/index.ts'
import type { LanguageModel, ModelLike } from './model.port.ts'
import { ask } from './one-question.ts'
import { played } from './played.ts'

const bytes = new Uint8Array([1, 2, 3, 4])
const base64 = Buffer.from(bytes).toString('base64')
const given: Record<string, (mediaType: string) => unknown> = {
  bytes: (mediaType) => ({ role: 'user', content: [{ type: 'file', data: bytes, mediaType }] }),
  'a data URL': (mediaType) => ({ id: 'm', role: 'user', parts: [{ type: 'file', mediaType, url: `data:${mediaType};base64,${base64}` }] }),
  'base64 text': (mediaType) => ({ role: 'user', content: [{ type: 'file', data: base64, mediaType }] }),
}
const request = (messages: readonly Message[]) => ({ messages, thread: { at: messages.length, chain: chainOf(messages) } })
const of = (value: unknown): readonly Message[] => toMessages([value] as Parameters<typeof toMessages>[0])

/** A model of a provider's package, and what it last put on the wire. */
function wired(make: (fetch: typeof globalThis.fetch) => LanguageModel): { model: LanguageModel; sent: () => string } {
  let body = ''
  const model = make((async (_url: unknown, init: { body: string }) => {
    body = String(init.body)
    return new Response('{}', { status: 400 })
  }) as unknown as typeof globalThis.fetch)
  return { model, sent: () => body }
}
const providers: Record<string, { make: (fetch: typeof globalThis.fetch) => LanguageModel; takes: readonly string[]; refuses: readonly string[] }> = {
  openai: { make: (fetch) => createOpenAI({ apiKey: 'k', fetch })('gpt-5-mini'), takes: ['image/png', 'application/pdf'], refuses: ['audio/wav', 'video/mp4'] },
  'openai audio': { make: (fetch) => createOpenAI({ apiKey: 'k', fetch }).chat('gpt-4o-audio-preview'), takes: ['audio/wav'], refuses: ['image/png'] },
  anthropic: {
    make: (fetch) => createAnthropic({ apiKey: 'k', fetch })('claude-sonnet-4-5'),
    takes: ['image/jpeg', 'application/pdf'],
    refuses: ['audio/mpeg'],
  },
  google: {
    make: (fetch) => createGoogleGenerativeAI({ apiKey: 'k', fetch })('gemini-2.5-flash'),
    takes: ['image/png', 'audio/wav', 'video/mp4', 'application/pdf'],
    refuses: ['application/zip'],
  },
  bedrock: {
    make: (fetch) => createAmazonBedrock({ apiKey: 'k', region: 'eu-central-1', fetch })('anthropic.claude-sonnet-4-5-20250929-v1:0'),
    takes: ['image/png', 'application/pdf'],
    refuses: ['audio/wav'],
  },
}

describe.each(Object.entries(providers))('files to %s', (_name, { make, takes, refuses }) => {
  test.each(takes)('[M11] %s goes along, however it was given', async (mediaType) => {
    for (const [how, message] of Object.entries(given)) {
      const { model, sent } = wired(make)
      await ask({ model, request: request(of(message(mediaType))) })
      expect(sent(), how).toContain(base64)
    }
  })

  test.each(refuses)('[M11] %s is refused before anything is sent, with what the model takes', async (mediaType) => {
    const { model, sent } = wired(make)
    const { error, entries } = await ask({ model, request: request(of(given.bytes?.(mediaType))) })
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining(`does not take ${mediaType}`), data: { mediaType } })
    expect(sent()).toBe('')
    expect(entries.some(({ type }) => type === 'step.started')).toBe(false)
  })
})

describe('files', () => {
  const image = of(given.bytes?.('image/png'))
  const hears = (id: string) => played(id, ({ say }) => say('seen'))

  test('[M11] of a chain, the first model that takes the file is asked; the others are passed over, and listed', async () => {
    const [text, eyes] = [hears('deepseek/deepseek-chat'), hears('openai/gpt-5')]
    const { answer } = await ask({ model: [text.model, eyes.model] as ModelLike, request: request(image) })
    expect(answer?.model).toMatchObject({ id: 'openai/gpt-5', why: 'fallback after MODEL_UNSUPPORTED of deepseek/deepseek-chat' })
    expect(text.seen.calls).toBe(0)
  })

  test('[M11] a model nobody knows anything of is asked as it is', async () => {
    const { model, seen } = hears('vllm/my-own')
    expect((await ask({ model, request: request(image) })).answer).toBeDefined()
    expect(seen.calls).toBe(1)
  })

  test('[M11] an image that a tool gave is one too; one that the model made itself goes back to it', async () => {
    const file = { type: 'file', mediaType: 'image/png', data: base64 } as const
    const said: Message = { role: 'assistant', parts: [{ type: 'tool-call', id: '1', tool: 'draw', input: {} }] }
    const told: Message = { role: 'tool', parts: [{ type: 'tool-result', id: '1', tool: 'draw', output: 'drawn', files: [file] }] }
    const asked = (messages: readonly Message[]) => ask({ model: hears('deepseek/deepseek-chat').model, request: request(messages) })
    expect((await asked([...of({ role: 'user', content: 'x' }), said, told])).error?.code).toBe('MODEL_UNSUPPORTED')
    expect((await asked([...of({ role: 'user', content: 'x' }), { role: 'assistant', parts: [file] }])).answer).toBeDefined()
  })

  test('[M11] a URL that the provider fetches itself goes along as a URL; where its package takes none, it says so', async () => {
    const url = { role: 'user', content: [{ type: 'file', data: 'https://a.test/i.png', mediaType: 'image/png' }] }
    const openai = wired((fetch) => createOpenAI({ apiKey: 'k', fetch })('gpt-5-mini'))
    await ask({ model: openai.model, request: request(of(url)) })
    expect(openai.sent()).toContain('https://a.test/i.png')
    const bedrock = wired((fetch) => createAmazonBedrock({ apiKey: 'k', region: 'eu-central-1', fetch })('anthropic.claude-sonnet-4-5-20250929-v1:0'))
    expect((await ask({ model: bedrock.model, request: request(of(url)) })).error?.code).toBe('MODEL_UNSUPPORTED')
  })
})
