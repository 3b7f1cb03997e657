/** Amounts under a limit, as a person says them. */

const words: { readonly [limit: string]: string } = {
  tokens: 'token',
  inputTokens: 'input token',
  outputTokens: 'output token',
  modelCalls: 'model call',
  toolCalls: 'tool call',
}

/** `0.030000 USD`, `1 model call`, `114 tokens`. @param digits of an amount of money after the point, default 6 */
export const sayLimited = (limit: string, amount: number, digits = 6): string =>
  limit === 'microUsd' ? `${(amount / 1_000_000).toFixed(digits)} USD` : `${amount} ${words[limit] ?? limit}${amount === 1 ? '' : 's'}`

export interface NoRoom {
  readonly limit: string
  readonly allowed: number
  readonly taken: number
  readonly asked: number
}

/** `could use 1 model call; of the 2 model calls allowed to the run, 2 are spent or held`. @param o.taken the last word, default `spent or held` */
export function sayNoRoom({ limit, allowed, taken, asked }: NoRoom, whose: string, o: { readonly taken?: string; readonly digits?: number } = {}): string {
  const say = (amount: number): string => sayLimited(limit, amount, o.digits)
  const left = limit === 'microUsd' ? say(taken) : String(taken)
  return `could use ${say(asked)}; of the ${say(allowed)} allowed to ${whose}, ${left} ${left === '1' ? 'is' : 'are'} ${o.taken ?? 'spent or held'}`
}
