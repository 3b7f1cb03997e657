/** How many tokens a call may write. What is decided here is held in the ledger and sent to the provider: one number for both. */
import type { RunCore } from '../run/core.port.ts'
import type { Price } from './price.port.ts'
import { affordableOutput } from './price.ts'

/** Where nobody says how long an answer may be, and nothing limits it. */
const unlimitedDefault = 32_768
/** Where nobody says it, and money or tokens are limited, or the model is unknown: room for others beside this call. */
const limitedDefault = 4_096
/** Below this an answer is not worth asking for: the ledger is left to refuse the call. */
const least = 16

/**
 * A person's own limit is taken as it is (the ledger refuses what does not fit). A limit nobody asked for shrinks to what the budget has left.
 */
export function decideMaxOutput(o: { asked: number | undefined; price: Price | undefined; inputBound: number; left: ReturnType<RunCore['left']> }): number {
  if (o.asked !== undefined) return o.asked
  const { left, price } = o
  const limited = left.microUsd !== undefined || left.tokens !== undefined || left.outputTokens !== undefined
  const able = price?.maxOutputTokens ?? limitedDefault
  const wish = Math.min(able, limited ? limitedDefault : unlimitedDefault)
  return Math.max(Math.min(wish, affordable(o)), Math.min(least, able))
}

/** The most a call may write so that its worst case still fits what is left. */
export function affordable(o: { price: Price | undefined; inputBound: number; left: ReturnType<RunCore['left']> }): number {
  const { left, price, inputBound } = o
  const byMoney = left.microUsd !== undefined && price ? affordableOutput(price, inputBound, left.microUsd) : Number.POSITIVE_INFINITY
  const byTokens = left.tokens === undefined ? Number.POSITIVE_INFINITY : left.tokens - inputBound
  return Math.max(0, Math.min(byMoney, byTokens, left.outputTokens ?? Number.POSITIVE_INFINITY))
}
