/**
 * A provider that is as fast, as slow and as faulty as a real one was: each call draws one of its recorded answers (llmperf), and takes the time that one took, for as many
 * tokens as the question of the arrival trace had written. Time is a clock's, so an hour of a trace takes seconds.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LanguageModel } from '../../packages/tutti/src/model/index.ts'
import type { Clock } from '../../packages/tutti/src/primitives/index.ts'

/** One recorded answer of a provider. */
interface Recorded {
  readonly error_code: number | null
  readonly ttft_s: number
  readonly end_to_end_latency_s: number
  readonly number_output_tokens: number
}

export interface TracedProvider {
  readonly model: LanguageModel
  /** `read`: tokens of all inputs that were not refused; `tokens`: written. */
  readonly seen: { calls: number; failed: number; read: number; tokens: number }
}

interface Asked {
  readonly question: number
  /** Tokens of its answer, and of itself. */
  readonly tokens: number
  readonly read: number
}

/** Which question this is, how many tokens its answer has, and how many it has itself: the bench writes them into the prompt. */
export const promptOf = ({ question, tokens, read }: Asked): string => `question:${question} tokens:${tokens} read:${read}`

function questionIn(prompt: unknown): Asked {
  const [, question, tokens, read] = /question:(\d+) tokens:(\d+) read:(\d+)/.exec(JSON.stringify(prompt)) ?? []
  return { question: Number(question), tokens: Number(tokens), read: Number(read) }
}

/**
 * Which recorded answer a call gets follows from the question and how often it was asked of this provider, so that two policies meet the same luck.
 * @param name as llmperf names it, e.g. `together_70b`
 */
export function tracedProvider(data: string, name: string, clock: Clock): TracedProvider {
  const recorded = (JSON.parse(readFileSync(join(data, `llmperf/raw_data/individual/${name}.json`), 'utf8')) as Recorded[]).filter(isUsable)
  const seen = { calls: 0, failed: 0, read: 0, tokens: 0 }
  const asked = new Map<number, number>()
  const doStream = async ({ prompt, abortSignal }: { prompt: unknown; abortSignal?: AbortSignal }) => {
    seen.calls++
    const { question, tokens, read } = questionIn(prompt)
    const time = asked.get(question) ?? 0
    asked.set(question, time + 1)
    const one = recorded[Math.floor(drawn(question, time) * recorded.length)] as Recorded
    if (one.error_code === 429) {
      seen.failed++
      throw refused
    }
    seen.read += read
    const firstMs = one.ttft_s * 1_000
    const eachMs = Math.max(0, one.end_to_end_latency_s - one.ttft_s) * (1_000 / Math.max(1, one.number_output_tokens - 1))
    return { stream: answer(clock, firstMs, firstMs + eachMs * (tokens - 1), tokens, abortSignal, seen) }
  }
  const model = { specificationVersion: 'v4', provider: 'traced', modelId: name, supportedUrls: {}, doStream, doGenerate: () => {} }
  return { model: model as unknown as LanguageModel, seen }
}

/** 0 to 1, the same for the same numbers (the mixing of mulberry32). */
export function drawn(question: number, time: number): number {
  const state = Math.imul(question * 16 + time + 1, 0x6d2b79f5)
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}

/** Answers that were shorter than asked for (-100) took their time all the same. */
const isUsable = ({ error_code, ttft_s, number_output_tokens }: Recorded): boolean =>
  error_code === 429 || ((error_code === null || error_code === -100) && ttft_s > 0 && number_output_tokens > 10)

const refused = Object.assign(new Error('HTTP 429'), { [Symbol.for('vercel.ai.error.AI_APICallError')]: true, statusCode: 429, responseHeaders: {} })

function answer(clock: Clock, firstMs: number, lastMs: number, tokens: number, signal: AbortSignal | undefined, seen: TracedProvider['seen']): ReadableStream {
  const began = clock.now()
  return new ReadableStream({
    start(controller) {
      const forget = [
        clock.alarm(began + firstMs, () => {
          controller.enqueue({ type: 'text-start', id: '1' })
          controller.enqueue({ type: 'text-delta', id: '1', delta: 'a' })
        }),
        clock.alarm(began + lastMs, () => {
          seen.tokens += tokens
          controller.enqueue({ type: 'text-end', id: '1' })
          const usage = { inputTokens: { total: 100 }, outputTokens: { total: tokens } }
          controller.enqueue({ type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage })
          controller.close()
        }),
      ]
      signal?.addEventListener('abort', () => {
        for (const each of forget) each()
        // What was written until then was written all the same.
        const share = (clock.now() - began - firstMs) / Math.max(1, lastMs - firstMs)
        seen.tokens += Math.round(tokens * Math.min(1, Math.max(0, share)))
        controller.error(signal.reason)
      })
    },
  })
}
