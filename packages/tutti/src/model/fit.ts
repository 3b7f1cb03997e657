/**
 * What one call may write, and so the worst it can cost, under what its budget has left.
 *
 * A limit on the output that nobody asked for shrinks to what is left: down to a full answer where the budget has something better in store (`downgrade`, `ask`),
 * else down to the least. One that a person asked for is shrunk under `onExhausted: 'shrink'` alone. Pure: what is left is handed in.
 */
import type { Amounts, Exhaustion, Refusal } from '../budget/index.ts'
import type { RunCore } from '../run/definition.port.ts'
import type { ModelSettings } from './model.port.ts'
import { boundOutput, decideMaxOutput, fullAnswer, leastAnswer } from './output-limit.ts'
import type { Price } from './price.port.ts'
import { worstMicroUsd } from './price.ts'

export interface Call {
  readonly id: string
  readonly price: Price | undefined
  readonly settings: ModelSettings
  readonly inputTokens: number
}

export interface Fit {
  /** Sent with the call. */
  readonly maxOutputTokens: number
  /** Its worst case. */
  readonly hold: Amounts
  /** Why it does not fit all the same. */
  readonly refusal: Refusal | undefined
  /** What was made smaller, and why. */
  readonly exhausted: Omit<Exhaustion, 'key'> | undefined
}

/** @param isLast nothing better than a short answer is to be had: no cheaper model fits */
export function fitCall(call: Call, core: Pick<RunCore, 'left' | 'refusal'>, isLast: boolean): Fit {
  const left = core.left()
  const asked = call.settings.maxOutputTokens
  const o = { price: call.price, inputBound: call.inputTokens, left }
  const made = (maxOutputTokens: number, exhausted?: Fit['exhausted']): Fit => {
    const hold = worstOf(call, maxOutputTokens)
    return { maxOutputTokens, hold, refusal: core.refusal(hold), exhausted }
  }
  const full = made(decideMaxOutput({ ...o, asked, least: fullAnswer }))
  const { refusal } = full
  if (!refusal || (!isLast && (refusal.policy === 'downgrade' || refusal.policy === 'ask'))) return full
  if (refusal.policy === 'shrink') {
    const wish = asked ?? full.maxOutputTokens
    const most = Math.min(wish, decideMaxOutput({ ...o, asked: undefined, least: leastAnswer }))
    const did = `at most ${most} output tokens instead of ${wish}`
    return made(most, most < wish ? { account: refusal.account, limit: refusal.limit, policy: 'shrink', did } : undefined)
  }
  return asked === undefined ? made(decideMaxOutput({ ...o, asked, least: leastAnswer })) : full
}

function worstOf({ id, price, settings, inputTokens }: Call, maxOutputTokens: number): Amounts {
  const outputTokens = boundOutput(maxOutputTokens, { id, settings, price })
  const microUsd = price ? worstMicroUsd(price, inputTokens, outputTokens) : 0
  return { microUsd, inputTokens, outputTokens, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
}
