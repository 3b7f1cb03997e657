import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Price } from './price.port.ts'
import { affordableOutput, checkPrices, costMicroUsd, type DeclaredPrices, priceOf, pricesAsOf, worstMicroUsd } from './price.ts'
import table from './prices.json' with { type: 'json' }
import { providerTable } from './provider-table.ts'
import { plainId } from './resolve.ts'

const sonnet: Price = {
  input: 3_000_000,
  output: 15_000_000,
  cacheRead: 300_000,
  cacheWrite: 3_750_000,
  above: { inputTokens: 200_000, input: 6_000_000, output: 22_500_000 },
}

describe('prices', () => {
  test('[B5] a declared price that is none is refused by the name of its model: a wrong price would be a wrong bound', () => {
    const right: DeclaredPrices = { 'a/one': { input: 1, output: 2, cacheRead: 0.1 }, 'a/picture': { image: 0.04 }, 'a/free': { input: 0, output: 0 } }
    expect(() => checkPrices(right)).not.toThrow()
    const wrong = [
      { input: 1 },
      { input: -1, output: 1 },
      { input: Number.NaN, output: 1 },
      { input: 1, output: Number.POSITIVE_INFINITY },
      { input: '1', output: 1 },
    ]
    for (const price of [...wrong, { in: 1, out: 1 }, {}, null, 5])
      expect(() => checkPrices({ 'a/model': price as never })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining("'a/model'") }),
      )
  })

  test('[B5] the table is dated, names its source, and holds integer micro-USD', () => {
    expect(pricesAsOf).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(table.source).toContain('https://')
    for (const price of Object.values(table.models) as Price[])
      for (const rate of [price.input, price.output, price.cacheRead ?? 0]) expect(Number.isSafeInteger(rate)).toBe(true)
  })

  test('[B5] a pinned version costs what its model costs; an unknown model has no price', () => {
    expect(priceOf('anthropic/claude-sonnet-4-5')).toMatchObject({ input: 3_000_000, output: 15_000_000 })
    expect(priceOf('anthropic/claude-sonnet-4-5-20250929')).toEqual(priceOf('anthropic/claude-sonnet-4-5'))
    expect(priceOf('openai/gpt-5-mini-2025-08-07')).toEqual(priceOf('openai/gpt-5-mini'))
    expect(priceOf('openai/gpt-99')).toBeUndefined()
  })

  test('[B5] every id of the table is named as the table of providers names them, and the default model of each listed provider has a price', () => {
    for (const id of Object.keys(table.models)) expect(plainId(id), id).toBe(id)
    const listed = new Set(Object.keys(table.models).map((id) => id.slice(0, id.indexOf('/'))))
    expect([...listed].sort()).toEqual(['amazon-bedrock', 'anthropic', 'deepseek', 'google', 'groq', 'mistral', 'openai', 'xai'])
    for (const [provider, { defaultModel }] of Object.entries(providerTable))
      if (defaultModel !== undefined && listed.has(provider)) expect(priceOf(`${provider}/${defaultModel}`), provider).toBeDefined()
  })

  test('[B5] no long call is cheaper than a short one, and no read of a cache dearer than the input', () => {
    for (const [id, price] of Object.entries(table.models) as [string, Price][]) {
      expect(price.cacheRead ?? 0, id).toBeLessThanOrEqual(price.input)
      if (!price.above) continue
      expect(price.above.input, id).toBeGreaterThanOrEqual(price.input)
      expect(price.above.output, id).toBeGreaterThanOrEqual(price.output)
    }
  })

  test('[B5] a model sold by another house costs there what it costs at home, and a tenth more where it is kept in a region', () => {
    const home = priceOf('anthropic/claude-sonnet-4-5') as Price
    expect(priceOf('amazon-bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0')).toEqual(home)
    for (const id of ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0', 'eu.anthropic.claude-sonnet-4-5'])
      expect(priceOf(`amazon-bedrock/${id}`)).toMatchObject({ input: 3_300_000, output: 16_500_000, above: { inputTokens: 200_000, input: 6_600_000 } })
    expect(priceOf('amazon-bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0')).toEqual(priceOf('anthropic/claude-opus-4-1'))
    expect(priceOf('google-vertex/gemini-2.5-pro')).toEqual(priceOf('google/gemini-2.5-pro'))
    for (const id of ['amazon-bedrock/us.anthropic.claude-new', 'google-vertex/claude-sonnet-4-5', 'azure/gpt-5']) expect(priceOf(id)).toBeUndefined()
  })

  test('[B5] what runs on this machine is free; a declared price goes before everything, and keeps the known limits', () => {
    for (const id of ['tutti/extractive', 'scripted/script', 'ollama/llama3', 'local/x']) expect(priceOf(id)).toEqual({ input: 0, output: 0 })
    expect(priceOf('ollama/llama3', { 'ollama/llama3': { input: 0.1, output: 0.2 } })).toEqual({ input: 100_000, output: 200_000 })
    expect(priceOf('openai/gpt-5-mini', { 'openai/gpt-5-mini': { input: 1, output: 2 } })).toEqual({
      input: 1_000_000,
      output: 2_000_000,
      maxInputTokens: 272_000,
      maxOutputTokens: 128_000,
    })
  })

  test('[M10] tokens read from the cache, and written to it, are priced as such', () => {
    expect(costMicroUsd(sonnet, { inputTokens: 1_000, cacheReadTokens: 600, cacheWriteTokens: 100, outputTokens: 10 })).toBe(900 + 180 + 375 + 150)
    expect(costMicroUsd(sonnet, { inputTokens: 1_000, outputTokens: 10 })).toBe(3_150)
  })

  test('[B5] a long call is priced at the rate of long calls, the whole of it', () => {
    expect(costMicroUsd(sonnet, { inputTokens: 200_001, outputTokens: 0 })).toBe(Math.ceil(200_001 * 6))
  })

  test('[B5] money is rounded up, and unknown usage has no cost', () => {
    expect(costMicroUsd({ input: 1, output: 1 }, { inputTokens: 1, outputTokens: 0 })).toBe(1)
    expect(costMicroUsd(sonnet, { inputTokens: 5 })).toBeUndefined()
    expect(costMicroUsd({ input: 0, output: 0 }, {})).toBe(0)
  })

  test('[B1] no usage within the bounds costs more than the worst case', () => {
    const tokens = fc.nat(300_000)
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, fc.nat(20_000), fc.nat(20_000), (bound, used, read, written, outputBound, output) => {
        const usage = { inputTokens: Math.min(used, bound), cacheReadTokens: read, cacheWriteTokens: written, outputTokens: Math.min(output, outputBound) }
        expect(costMicroUsd(sonnet, usage)).toBeLessThanOrEqual(worstMicroUsd(sonnet, bound, outputBound))
      }),
    )
  })

  test('[B3] what is affordable fits the money, and one token more does not', () => {
    fc.assert(
      fc.property(fc.nat(300_000), fc.integer({ min: 1, max: 5_000_000 }), (inputTokens, microUsd) => {
        const output = affordableOutput(sonnet, inputTokens, microUsd)
        if (output > 0) expect(worstMicroUsd(sonnet, inputTokens, output)).toBeLessThanOrEqual(microUsd)
        expect(worstMicroUsd(sonnet, inputTokens, output + 1)).toBeGreaterThan(output === 0 ? -1 : microUsd)
      }),
    )
    expect(affordableOutput({ input: 0, output: 0 }, 10, 0)).toBe(Number.MAX_SAFE_INTEGER)
  })
})
