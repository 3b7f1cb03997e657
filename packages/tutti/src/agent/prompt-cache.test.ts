/** What providers cache is the beginning of a request: so what is sent on one turn stands, byte for byte, at the beginning of what is sent on the next. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type OutputMode, structured } from '../model/index.ts'
import { type Scripted, scripted, testing } from '../testing/index.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const tools = ['find', 'count', 'fail'].map((name) =>
  tool({
    name,
    description: `does ${name}`,
    input: z.object({ q: z.string(), more: z.array(z.number()).optional() }),
    effect: 'read',
    execute: ({ q }) => {
      if (name === 'fail') throw new TypeError(`no ${q}`)
      return name === 'find' ? { of: q, list: [1, { b: 2, a: 1 }] } : q.length
    },
  }),
)

const call = fc.record({
  call: fc.constantFrom('find', 'count', 'unknown'),
  input: fc.record({ q: fc.string(), more: fc.constantFrom(undefined, [1, 2], 'wrong') }),
})
/** A turn that does not end the agent: calls beside one another, with a thought before them or not; arguments that are not JSON; at most two answers that do not fit. */
const going: fc.Arbitrary<Scripted> = fc.oneof(
  fc.array(call, { minLength: 1, maxLength: 3 }),
  fc.record({ think: fc.string({ minLength: 1 }), text: fc.string(), calls: fc.array(call, { minLength: 1, maxLength: 2 }) }),
)
const wrong: fc.Arbitrary<Scripted> = fc.oneof(fc.constant('no JSON'), fc.constant({ json: { n: 'no number' } }))
const course = fc
  .tuple(fc.array(going, { maxLength: 5 }), fc.array(wrong, { maxLength: 2 }), fc.nat())
  .map(([turns, wrongs, seed]) => wrongs.reduce<readonly Scripted[]>((all, each, i) => all.toSpliced((seed + i) % (all.length + 1), 0, each), turns))

/** What the model was asked, turn by turn. */
async function asked(turns: readonly Scripted[], mode: OutputMode): Promise<readonly LanguageModelV4CallOptions[]> {
  const model = scripted([...turns, { json: { n: 1 } }])
  const made = agent({
    name: 'a',
    instructions: 'Be exact.',
    tools,
    output: z.object({ n: z.number() }),
    model: structured(model, mode),
    limits: { turns: 40 },
  })
  await using app = testing({ flows: [made] })
  const handle = await app.start(made, 'how many?')
  await app.clock.advance('1m')
  const outcome = await handle.outcome()
  if (outcome.status !== 'completed') expect(outcome).toMatchObject({ error: { code: 'AGENT_STUCK' } })
  return model.calls.map(({ options }) => options)
}

/** A list as text, without the bracket that closes it. */
const opened = (list: unknown): string => JSON.stringify(list).slice(0, -1)

function expectPrefixes(each: readonly unknown[]): void {
  each.slice(1).forEach((next, i) => {
    expect(opened(next).startsWith(opened(each[i]))).toBe(true)
  })
}

describe('prompt caches of providers', () => {
  test.each(['json', 'tool', 'prompt'] as const)(
    '[M10] whatever an agent does, what it sends on a turn begins with all it sent on the turn before (%s)',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(course, async (turns) => {
          const sent = await asked(turns, mode)
          expectPrefixes(sent.map(({ prompt }) => prompt))
          for (const { tools: given, responseFormat } of sent)
            expect(JSON.stringify([given, responseFormat])).toBe(JSON.stringify([sent[0]?.tools, sent[0]?.responseFormat]))
        }),
        { numRuns: 40 },
      )
    },
    60_000,
  )

  test('[M10] so it is in the bytes that each provider package puts on the wire', async () => {
    let body: Record<string, unknown> = {}
    const fetch = (async (_url: unknown, init: { body: string }) => {
      body = JSON.parse(init.body)
      return new Response('{}', { status: 400 })
    }) as unknown as typeof globalThis.fetch
    const wires: readonly (readonly [LanguageModelV4, string])[] = [
      [createOpenAI({ apiKey: 'k', fetch }).chat('gpt-5-mini'), 'messages'],
      [createOpenAI({ apiKey: 'k', fetch })('gpt-5-mini'), 'input'],
      [createAnthropic({ apiKey: 'k', fetch })('claude-sonnet-4-5'), 'messages'],
      [createGoogleGenerativeAI({ apiKey: 'k', fetch })('gemini-2.5-flash'), 'contents'],
      [createOpenAICompatible({ name: 'vllm', baseURL: 'http://127.0.0.1:1', fetch })('m'), 'messages'],
    ]
    await fc.assert(
      fc.asyncProperty(course, async (turns) => {
        const sent = await asked(turns, 'json')
        for (const [model, list] of wires) {
          const bodies: unknown[] = []
          for (const options of sent) {
            await Promise.resolve(model.doGenerate(options)).catch(() => {})
            bodies.push(body[list])
          }
          expect(Array.isArray(bodies[0])).toBe(true)
          expectPrefixes(bodies)
        }
      }),
      { numRuns: 15 },
    )
  }, 60_000)
})
