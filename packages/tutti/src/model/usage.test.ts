import { describe, expect, test } from 'vitest'
import { usageOf } from './usage.ts'

const nested = (input: object, output: object): Parameters<typeof usageOf>[0] => ({ inputTokens: input, outputTokens: output }) as Parameters<typeof usageOf>[0]

describe('usage', () => {
  test('[B1] a number that is missing, negative, NaN or fractional is unknown, never 0', () => {
    for (const wrong of [undefined, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
      expect(usageOf(nested({ total: wrong }, { total: wrong }), 'openai')).toEqual({})
      expect(usageOf({ inputTokens: wrong, outputTokens: wrong, totalTokens: wrong }, 'openai')).toEqual({})
    }
    expect(usageOf(undefined, 'openai')).toEqual({})
  })

  test('[M1] a total that is left out is the sum of its parts', () => {
    expect(usageOf(nested({ noCache: 4, cacheRead: 6 }, { text: 3, reasoning: 2 }), 'x')).toEqual({
      inputTokens: 10,
      cacheReadTokens: 6,
      outputTokens: 5,
      reasoningTokens: 2,
    })
    expect(usageOf(nested({ cacheRead: 6 }, { reasoning: 2 }), 'x')).toEqual({ cacheReadTokens: 6, reasoningTokens: 2 })
  })

  test('[M10] Anthropic under V2 reports the uncached input; what the cache read and wrote is added', () => {
    const reported = { inputTokens: 4, outputTokens: 1, totalTokens: 5, cachedInputTokens: 6 }
    expect(usageOf(reported, 'anthropic.messages', { anthropic: { cacheCreationInputTokens: 3 } })).toEqual({
      inputTokens: 13,
      cacheReadTokens: 6,
      cacheWriteTokens: 3,
      outputTokens: 1,
    })
    expect(usageOf(reported, 'openai.chat')).toEqual({ inputTokens: 4, cacheReadTokens: 6, outputTokens: 1 })
  })

  test('[B1] Google under V2 reports its thoughts apart; they are paid for as output', () => {
    expect(usageOf({ inputTokens: 4, outputTokens: 1, totalTokens: 12, reasoningTokens: 7 }, 'google.generative-ai')).toEqual({
      inputTokens: 4,
      outputTokens: 8,
      reasoningTokens: 7,
    })
  })
})
