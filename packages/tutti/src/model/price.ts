/** What a model costs: the dated table, what the app says instead, and the arithmetic. Money is integer micro-USD, rounded up. */
import { TuttiError } from '../errors/index.ts'
import type { TokenUsage } from '../message/index.ts'
import { checkValue, is, sayGiven, sayKnown } from '../primitives/index.ts'
import type { Price, Rate } from './price.port.ts'
import table from './prices.json' with { type: 'json' }
import { isLocalProvider } from './provider-table.ts'

/** The day the table of prices was true. */
export const pricesAsOf: string = table.asOf

/** What a provider bills: a token that is read, a search of a reranker, an image, a minute of sound, a character that is spoken. */
export type BilledUnit = 'input' | 'search' | 'image' | 'minute' | 'character'
/** USD per million tokens. */
interface TokenPrice {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number | undefined
}
/** USD for one. */
type UnitPrice = { readonly [unit in Exclude<BilledUnit, 'input'>]?: number | undefined } & { readonly input?: undefined; readonly output?: undefined }
/** Prices as an app declares them, by 'provider/model': of tokens (USD per million), or of what else is billed (USD for one). */
export type DeclaredPrices = Readonly<Record<string, TokenPrice | UnitPrice>>

const declarable = ['input', 'output', 'cacheRead', 'search', 'image', 'minute', 'character']

/** A wrong price would be a wrong bound on what is spent. @throws CONFIG_INVALID naming the model */
export function checkPrices(declared: DeclaredPrices = {}): void {
  const wrong = (
    id: string,
    says: string,
    hint = 'USD per million tokens, `{ input: 1.25, output: 10 }` (and `cacheRead`); or for one `search`, `image`, `minute` or `character`.',
  ): TuttiError =>
    new TuttiError('CONFIG_INVALID', `the price of '${id}' ${says}`, {
      hint,
      data: { model: id },
    })
  if (typeof declared !== 'object' || declared === null || Array.isArray(declared))
    throw new TuttiError('CONFIG_INVALID', `the prices are ${sayGiven(declared)}`, {
      hint: "By model: prices: { 'openai/gpt-5-mini': { input: 1.25, output: 10 } }.",
    })
  for (const [id, price] of Object.entries(declared)) {
    if (typeof price !== 'object' || price === null) throw wrong(id, `is ${String(price)}`)
    const said = Object.entries(price).filter(([, usd]) => usd !== undefined)
    for (const [name, usd] of said) {
      if (!declarable.includes(name)) throw wrong(id, `has a '${name}', which is nothing that is billed`, sayKnown([name], declarable))
      if (typeof usd !== 'number' || !Number.isFinite(usd) || usd < 0) throw wrong(id, `says ${String(usd)} for ${name}`)
    }
    if ((price.input === undefined) !== (price.output === undefined)) throw wrong(id, 'names only one of input and output')
    if (said.length === 0) throw wrong(id, 'says nothing')
  }
}

const listed: Readonly<Record<string, Price>> = table.models
const free: Price = { input: 0, output: 0 }
/** A pinned version costs what its model costs, unless the table knows it better. */
const pinned = /-(?:\d{8}|\d{4}-\d{2}-\d{2})$/
/** Claude on Bedrock: where it runs, and the version of its package there. */
const claudeOnBedrock = /^amazon-bedrock\/(?:([a-z]{2,4}|us-gov|global)\.)?anthropic\.(claude-[a-z0-9.-]+?)(?:-v\d+(?::\d+)?)?$/
/** Claude before its prices by region. */
const beforeRegions = /^claude-(?:3|(?:opus|sonnet)-4-(?:1|20250514))/

/**
 * The price of 'provider/model': what the app declares, else 0 for what runs on this machine, else the table. `undefined`: unknown.
 * What the table knows of a model beside its rates (its limits) is kept under a declared price.
 */
export function priceOf(id: string, declared: DeclaredPrices = {}): Price | undefined {
  checkValue('the id of the model that priceOf() was given', 'id', id, is.text)
  checkValue('the prices that priceOf() was given', 'declared', declared, is.object)
  const known = listedPrice(id) ?? soldElsewhere(id)
  const said = declared[id]
  if (said?.input !== undefined) return { ...limitsOf(known), ...rateOf(said) }
  return isLocalProvider(id.slice(0, id.indexOf('/'))) ? free : known
}

const listedPrice = (id: string): Price | undefined => listed[id] ?? listed[id.replace(pinned, '')]

/** A model of another house costs there what it costs at home, but for what keeping it in a region costs. */
function soldElsewhere(id: string): Price | undefined {
  if (id.startsWith('google-vertex/gemini-')) return listedPrice(id.replace('google-vertex', 'google'))
  const [, region, model] = claudeOnBedrock.exec(id) ?? []
  const price = model === undefined ? undefined : listedPrice(`anthropic/${model}`)
  return price && region !== 'global' && !beforeRegions.test(model as string) ? inRegion(price) : price
}

/** Bound to a region Claude costs a tenth more, from the generation of 4.5 on: https://platform.claude.com/docs/en/about-claude/pricing#third-party-platform-pricing */
function inRegion({ above, ...price }: Price): Price {
  const more = <R extends Rate>(rate: R): R => ({
    ...rate,
    input: Math.ceil((rate.input * 11) / 10),
    output: Math.ceil((rate.output * 11) / 10),
    ...(rate.cacheRead === undefined ? {} : { cacheRead: Math.ceil((rate.cacheRead * 11) / 10) }),
    ...(rate.cacheWrite === undefined ? {} : { cacheWrite: Math.ceil((rate.cacheWrite * 11) / 10) }),
  })
  return { ...more(price), ...(above ? { above: more(above) } : {}) }
}

/** Micro-USD for one of what is billed; `undefined`: unknown. What runs on this machine costs nothing. */
export function unitMicroUsd(id: string, unit: BilledUnit, declared: DeclaredPrices = {}): number | undefined {
  if (unit === 'input') {
    const rate = priceOf(id, declared)
    return rate && rate.input / 1_000_000
  }
  const said = declared[id]
  const usd = said && unit in said ? (said as UnitPrice)[unit] : undefined
  if (usd !== undefined) return usd * 1_000_000
  return isLocalProvider(id.slice(0, id.indexOf('/'))) ? 0 : undefined
}

/** What a call cost; `undefined` where the usage that decides it is unknown. */
export function costMicroUsd(price: Price, usage: TokenUsage): number | undefined {
  const { inputTokens, outputTokens } = usage
  if (price.input === 0 && price.output === 0) return 0
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  const rate = rateFor(price, inputTokens)
  const cacheRead = Math.min(usage.cacheReadTokens ?? 0, inputTokens)
  const cacheWrite = Math.min(usage.cacheWriteTokens ?? 0, inputTokens - cacheRead)
  const plain = inputTokens - cacheRead - cacheWrite
  return perMillion(plain * rate.input + cacheRead * (rate.cacheRead ?? rate.input) + cacheWrite * (rate.cacheWrite ?? rate.input) + outputTokens * rate.output)
}

/** The most a call can cost that reads at most `inputTokens` and writes at most `outputTokens`, whatever its cache does. */
export function worstMicroUsd(price: Price, inputTokens: number, outputTokens: number): number {
  const rate = dearest(price, inputTokens)
  return perMillion(inputTokens * rate.input + outputTokens * rate.output)
}

/** How many tokens may be written for `microUsd`, after at most `inputTokens` are read. */
export function affordableOutput(price: Price, inputTokens: number, microUsd: number): number {
  const rate = dearest(price, inputTokens)
  if (rate.output === 0) return Number.MAX_SAFE_INTEGER
  return Math.max(0, Math.floor((microUsd * 1_000_000 - inputTokens * rate.input) / rate.output))
}

const rateFor = (price: Price, inputTokens: number): Rate => (price.above && inputTokens > price.above.inputTokens ? price.above : price)

function dearest(price: Price, inputTokens: number): { input: number; output: number } {
  const rate = rateFor(price, inputTokens)
  return { input: Math.max(rate.input, rate.cacheWrite ?? 0), output: rate.output }
}

/** `sum` is in tokens × micro-USD per million tokens: exact integers, divided once and rounded up. */
const perMillion = (sum: number): number => Math.floor((sum + 999_999) / 1_000_000)

const rateOf = (said: TokenPrice): Rate => ({
  input: Math.round(said.input * 1_000_000),
  output: Math.round(said.output * 1_000_000),
  ...(said.cacheRead === undefined ? {} : { cacheRead: Math.round(said.cacheRead * 1_000_000) }),
})

const limitsOf = (price: Price | undefined): Pick<Price, 'maxInputTokens' | 'maxOutputTokens'> => ({
  ...(price?.maxInputTokens === undefined ? {} : { maxInputTokens: price.maxInputTokens }),
  ...(price?.maxOutputTokens === undefined ? {} : { maxOutputTokens: price.maxOutputTokens }),
})
