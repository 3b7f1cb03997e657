/** How many tokens a call may write. What is decided here is held in the ledger and sent to the provider. */
import type { RunCore } from '../run/definition.port.ts'
import type { ModelSettings } from './model.port.ts'
import type { Price } from './price.port.ts'
import { affordableOutput } from './price.ts'

/** Where nobody says how long an answer may be, and nothing limits it. */
const unlimitedDefault = 32_768
/** Where nobody says it, and money or tokens are limited, or the model is unknown: room for others beside this call. */
const limitedDefault = 4_096
/** Below this an answer is not worth asking for: the ledger is left to refuse the call. It is also the least that OpenAI takes. */
export const leastAnswer = 16
/** Room for an answer in full, where it is better to do something else (ask a cheaper model, ask for more) than to cut it. */
export const fullAnswer = 1_024

/**
 * A person's own limit is taken as it is (the ledger refuses what does not fit). A limit nobody asked for shrinks to what the budget has left, not below `least`.
 */
export function decideMaxOutput(o: {
  asked: number | undefined
  price: Price | undefined
  inputBound: number
  left: ReturnType<RunCore['left']>
  least: number
}): number {
  if (o.asked !== undefined) return o.asked
  const { left, price } = o
  const limited = left.microUsd !== undefined || left.tokens !== undefined || left.outputTokens !== undefined
  const able = price?.maxOutputTokens ?? limitedDefault
  const wish = Math.min(able, limited ? limitedDefault : unlimitedDefault)
  return Math.max(Math.min(wish, affordable(o)), Math.min(o.least, able))
}

/** The most a call may write so that its worst case still fits what is left. */
function affordable(o: { price: Price | undefined; inputBound: number; left: ReturnType<RunCore['left']> }): number {
  const { left, price, inputBound } = o
  const byMoney = left.microUsd !== undefined && price ? affordableOutput(price, inputBound, left.microUsd) : Number.POSITIVE_INFINITY
  const byTokens = left.tokens === undefined ? Number.POSITIVE_INFINITY : left.tokens - inputBound
  return Math.max(0, Math.min(byMoney, byTokens, left.outputTokens ?? Number.POSITIVE_INFINITY))
}

/** More than any model writes in one answer. */
const longestAnswer = 128_000

/**
 * The most tokens that come back when `sent` is sent as the limit: the same number, but for Anthropic's models when reasoning is asked for by its effort.
 * There the adapter adds a thinking budget of its own choice to the limit, up to what the model can write.
 */
export function boundOutput(sent: number, o: { id: string; settings: ModelSettings; price: Price | undefined }): number {
  const { reasoning, provider } = o.settings
  const adds = /^(anthropic|amazon-bedrock)\//.test(o.id) && reasoning !== undefined && reasoning !== 'none' && provider?.anthropic?.thinking === undefined
  return adds ? Math.max(sent, o.price?.maxOutputTokens ?? sent + longestAnswer) : sent
}
