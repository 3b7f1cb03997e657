/** What a call may use or has used. All integers; money is micro-USD (1 USD = 1,000,000), never a float. */
export interface Amounts {
  readonly microUsd: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly modelCalls: number
  readonly toolCalls: number
}

export const nothing: Amounts = { microUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }

const amountNames = Object.keys(nothing) as (keyof Amounts)[]

export function sum(a: Amounts, b: Amounts): Amounts {
  if (a === nothing) return b
  return {
    microUsd: a.microUsd + b.microUsd,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    modelCalls: a.modelCalls + b.modelCalls,
    toolCalls: a.toolCalls + b.toolCalls,
  }
}

/** The first amount that nothing can have used: not a number, infinite, or below zero. */
export function unsound(amounts: Amounts): keyof Amounts | undefined {
  for (const name of amountNames) if (!(Number.isFinite(amounts[name]) && amounts[name] >= 0)) return name
  return undefined
}

/** Limits as a person writes them. A limit left out does not limit; `tokens` is input and output together. */
export interface Budget {
  usd?: number | undefined
  tokens?: number | undefined
  inputTokens?: number | undefined
  outputTokens?: number | undefined
  modelCalls?: number | undefined
  toolCalls?: number | undefined
  /**
   * What happens when the next call does not fit. `'fail'` (default): it is not made, with BUDGET_EXCEEDED. `'downgrade'`: the next cheaper model of its chain is asked
   * that fits. `'shrink'`: its answer may be shorter, also than was asked for, down to 16 tokens. `'ask'`: the run waits until somebody raises the limit
   * (`handle.grant`, `tutti grant`). Where nothing helps, it fails.
   */
  onExhausted?: OnExhausted | undefined
}

export const exhaustionPolicies = ['fail', 'downgrade', 'shrink', 'ask'] as const
export type OnExhausted = (typeof exhaustionPolicies)[number]

/** Both budgets at once: for each amount the lower limit. */
export function tighter(a: Budget | undefined, b: Budget | undefined): Budget | undefined {
  if (!a || !b) return a ?? b
  const both: Budget = { ...b, ...a }
  for (const name of ['usd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls'] as const) {
    const limits = [a[name], b[name]].filter((limit) => limit !== undefined)
    if (limits.length > 0) both[name] = Math.min(...limits)
  }
  const policy = a.onExhausted ?? b.onExhausted
  if (policy) both.onExhausted = policy
  return both
}

/** What a run, or a part of it, has used: money in USD as a person reads it. */
export interface Usage {
  usd: number
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  modelCalls: number
  toolCalls: number
  /** Milliseconds in which at least one effect was under way. */
  activeMs: number
  /** Calls that were made otherwise than asked for, or late, because the budget had no room for them. Absent: none was. */
  exhausted?: readonly Exhaustion[] | undefined
}

/** What became of a call that did not fit. */
export interface Exhaustion {
  /** The step. */
  readonly key: string
  /** Whose limit it was: the key of a scope, or '' for the run. */
  readonly account: string
  /** Which limit. */
  readonly limit: string
  readonly policy: OnExhausted
  /** In words: 'openai/gpt-5-mini instead of openai/gpt-5', 'at most 512 output tokens instead of 4096', 'waited for a grant'. */
  readonly did: string
}
