/**
 * B1 over the whole way: agents that call agents, in branches, through the policies of the gateway, with the input counted by a tokenizer. What a provider would put on its bill
 * is counted by the double itself, at the moment it is asked, for everything that it is asked.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { hedge, type ModelLike, retry } from '../model/index.ts'
import { hashFraction } from '../primitives/index.ts'
import { flow } from '../run/index.ts'
import { httpError } from '../testing/provider-error.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { withModel } from '../testing/with-model.ts'
import { agent } from './index.ts'

/** Micro-USD a token, so that a bill is exact; input is dear, so that a bound which is too low shows. */
const RATE = { input: 40, output: 2 }
const prices = { 'openai/gpt-5-mini': RATE }
const plain = { disallowedSpecial: new Set<string>() }

interface World {
  microUsd: number
  calls: number
}

/** The tokens of a prompt as its chat format has it: three for a message, its texts, and the JSON of what it is given beside. */
function inputTokens({ prompt, tools = [] }: LanguageModelV4CallOptions): number {
  let tokens = 3 + (tools.length > 0 ? 12 + countTokens(JSON.stringify(tools), plain) : 0)
  for (const { content } of prompt) {
    tokens += 4
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content }] : content) {
      const said = 'text' in part ? part.text : 'input' in part ? JSON.stringify(part.input) : 'output' in part ? JSON.stringify(part.output) : ''
      tokens += countTokens(said, plain)
    }
  }
  return tokens
}

/**
 * Calls three delegates where it has tools and no results yet; else it answers, as long as it may. A tenth of its calls are refused, a tenth fail after they were worked on, a tenth are cut.
 * @param turn whatever decides whose turn it is
 */
function provider(world: World, seed: number, turn: () => Promise<unknown>): ModelLike {
  const doStream: LanguageModelV4['doStream'] = async (options) => {
    const number = world.calls++
    const chance = (what: string): number => hashFraction(`${seed} ${number} ${what}`)
    const input = inputTokens(options)
    const output = Math.floor((options.maxOutputTokens ?? 0) * Math.min(1, 0.2 + 1.6 * chance('length')))
    const fails = chance('fails')
    // A refusal costs nothing; what a proxy gave up on may have been worked on.
    if (fails > 0.1) world.microUsd += input * RATE.input + output * RATE.output
    await turn()
    if (fails < 0.2) throw httpError(fails < 0.1 ? 500 : 502)
    const isLead = options.tools !== undefined && !options.prompt.some(({ role }) => role === 'tool')
    const said = ['a', 'b', 'c'].map((id) => ({
      type: 'tool-call',
      toolCallId: `${number}${id}`,
      toolName: 'delegate',
      input: JSON.stringify({ q: `${id} `.repeat(20) }),
    }))
    const text = [
      { type: 'text-start', id: '1' },
      { type: 'text-delta', id: '1', delta: 'Said. 漢字' },
      { type: 'text-end', id: '1' },
    ]
    const usage = { inputTokens: { total: chance('unknown') < 0.2 ? undefined : input }, outputTokens: { total: output } }
    const finish = { type: 'finish', finishReason: { unified: isLead ? 'tool-calls' : 'stop', raw: '' }, usage }
    return { stream: ReadableStream.from([...(isLead ? said : text), ...(chance('cut') < 0.1 ? [] : [finish])]) } as unknown as Awaited<
      ReturnType<LanguageModelV4['doStream']>
    >
  }
  const model = {
    specificationVersion: 'v4',
    provider: 'openai',
    modelId: 'gpt-5-mini',
    supportedUrls: {},
    doStream,
    doGenerate: doStream,
  } as unknown as LanguageModelV4
  return hedge(retry(model, { attempts: 2, backoff: '1ms', afterText: true }), { after: '1ms' })
}

/** Two leads beside one another, each with a delegate that it calls three times at once. */
function desk(model: ModelLike) {
  const delegate = agent({
    name: 'delegate',
    description: 'Answers.',
    input: z.object({ q: z.string() }),
    prompt: ({ q }) => `${q} 漢字かな 🙂 <|endoftext|> `.repeat(20),
    model,
  })
  const lead = agent({ name: 'lead', instructions: 'Ask others. '.repeat(10), tools: [delegate.asTool()], model, limits: { turns: 4 } })
  return flow('desk', async (_: null, run) => {
    const settled = await Promise.allSettled([1, 2].map((n) => run.call(lead, `question ${n}`, { name: `lead:${n}` })))
    return settled.map(({ status }) => status)
  })
}

const arbitrary = { seed: fc.nat(), limit: fc.integer({ min: 0, max: 1_200_000 }), stopAt: fc.integer({ min: 1, max: 12 }) }

test('[B1] [B2] whatever agents, their delegates, hedges and retries do, in whatever order they end and wherever their process stops, nobody is billed more than the limit', async () => {
  const seen = { refused: 0, near: 0, most: 0 }
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.record(arbitrary), async (scheduler, { seed, limit, stopAt }) => {
      const world: World = { microUsd: 0, calls: 0 }
      const store = memoryStore()
      const stopped = gate()
      const turn = (): Promise<unknown> => {
        if (world.calls >= stopAt) stopped.open()
        return scheduler.schedule(Promise.resolve())
      }
      const process = () => {
        const flows = [desk(provider(world, seed, turn))]
        return { flows, ...testEngine(flows, { store, ...withModel(undefined, { tokenizer: 'auto', prices }) }) }
      }
      const first = process()
      const budget = { usd: limit / 1e6, onExhausted: seed % 2 ? ('shrink' as const) : ('fail' as const) }
      const handle = await first.start(first.flows[0] as ReturnType<typeof desk>, null, { id: `run-${seed}`, budget })
      // The first process stops at its `stopAt`th call, with others under way; the second goes on.
      await scheduler.waitFor(Promise.race([stopped.promise, handle.outcome()]))
      await first.engine.close({ graceMs: 0 })
      const second = process()
      if ((await store.head(handle.id))?.status !== 'completed') await second.engine.activate(handle.id)
      const outcome = await scheduler.waitFor(second.handle(handle.id).outcome())
      const { usage } = outcome
      await second.engine.close({ graceMs: 0 })
      if (outcome.status !== 'completed' || (outcome.output as string[]).includes('rejected')) seen.refused++
      if (world.microUsd > limit / 2 && world.microUsd > 0) seen.near++
      seen.most = Math.max(seen.most, world.calls)
      expect(world.microUsd).toBeLessThanOrEqual(limit)
      expect(Math.round(usage.usd * 1e6)).toBeLessThanOrEqual(limit)
      expect(Math.round(usage.usd * 1e6)).toBeGreaterThanOrEqual(world.microUsd)
    }),
    { numRuns: Number(globalThis.process.env.RUNS ?? 30) },
  )
  // It was tight, and there was much to refuse.
  expect(seen.refused).toBeGreaterThan(0)
  expect(seen.near).toBeGreaterThan(0)
  expect(seen.most).toBeGreaterThan(10)
}, 60_000)
