/**
 * Usage as providers report it, made one: V2 reports flat numbers, V3 and V4 nested ones. A number that is missing, negative, fractional or NaN is unknown,
 * and stays absent: unknown is never 0.
 */
import type { LanguageModelV2Usage, LanguageModelV3Usage, LanguageModelV4Usage } from '@ai-sdk/provider'
import type { TokenUsage } from '../message/index.ts'

type Reported = LanguageModelV2Usage | LanguageModelV3Usage | LanguageModelV4Usage

/** Under V2 these report the uncached part of the input alone. */
const uncachedUnderV2 = /^(anthropic|amazon-bedrock)/
/** Under V2 these leave hidden reasoning out of the output. */
const reasoningApartUnderV2 = /^google/

/** `metadata` is the provider metadata of the answer: under V2 the only place for cache writes. */
export function usageOf(reported: Reported | undefined, provider: string, metadata?: unknown): TokenUsage {
  if (typeof reported !== 'object' || reported === null) return {}
  if (typeof reported.inputTokens === 'object' && reported.inputTokens !== null) return nested(reported as LanguageModelV4Usage)
  return flat(reported as LanguageModelV2Usage, provider, metadata)
}

function nested({ inputTokens, outputTokens }: LanguageModelV4Usage): TokenUsage {
  const parts = sumOf(inputTokens.noCache, inputTokens.cacheRead ?? 0, inputTokens.cacheWrite ?? 0)
  const written = sumOf(outputTokens?.text, outputTokens?.reasoning ?? 0)
  return known({
    inputTokens: count(inputTokens.total) ?? parts,
    cacheReadTokens: count(inputTokens.cacheRead),
    cacheWriteTokens: count(inputTokens.cacheWrite),
    outputTokens: count(outputTokens?.total) ?? written,
    reasoningTokens: count(outputTokens?.reasoning),
  })
}

function flat(reported: LanguageModelV2Usage, provider: string, metadata: unknown): TokenUsage {
  const cacheRead = count(reported.cachedInputTokens)
  const cacheWrite = cacheWriteOf(metadata)
  const input = count(reported.inputTokens)
  const output = count(reported.outputTokens)
  const reasoning = count(reported.reasoningTokens)
  return known({
    inputTokens: uncachedUnderV2.test(provider) ? sumOf(input, cacheRead ?? 0, cacheWrite ?? 0) : input,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    outputTokens: reasoningApartUnderV2.test(provider) ? sumOf(output, reasoning ?? 0) : output,
    reasoningTokens: reasoning,
  })
}

function cacheWriteOf(metadata: unknown): number | undefined {
  const anthropic = (metadata as { anthropic?: { cacheCreationInputTokens?: unknown } } | undefined)?.anthropic
  return count(anthropic?.cacheCreationInputTokens)
}

const count = (value: unknown): number | undefined => (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined)

function sumOf(...values: readonly unknown[]): number | undefined {
  let sum = 0
  for (const value of values) {
    const number = count(value)
    if (number === undefined) return undefined
    sum += number
  }
  return sum
}

/** Absent rather than `undefined`: an answer is recorded as plain JSON. */
function known(usage: TokenUsage): TokenUsage {
  const said: Record<string, number> = {}
  for (const name of Object.keys(usage) as (keyof TokenUsage)[]) {
    const value = usage[name]
    if (value !== undefined) said[name] = value
  }
  return said
}
