/** Amounts as a person reads them. */
import type { Amounts } from '../budget/index.ts'

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const

/** `12 ms`, `4.2 s`, `3 m 12 s`, `2 d 5 h`. */
export function sayMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const [unit, size] = units.find(([, each]) => ms >= each) ?? units[2]
  const [lower, lowerSize] = unit === 'm' ? (['s', 1_000] as const) : (units[units.findIndex(([name]) => name === unit) + 1] ?? units[2])
  const rest = Math.floor((ms % size) / lowerSize)
  return `${Math.floor(ms / size)} ${unit}${rest > 0 ? ` ${rest} ${lower}` : ''}`
}

/** `$0`, `$0.000012`, `$0.0042`, `$0.05`, `$1.27`. */
export function sayUsd(microUsd: number): string {
  if (microUsd === 0) return '$0'
  const usd = microUsd / 1_000_000
  if (usd >= 1) return `$${usd.toFixed(2)}`
  return `$${usd.toFixed(usd >= 0.001 ? 4 : 6).replace(/(?<=\.\d\d.*?)0+$/, '')}`
}

export const sayCount = (count: number): string => count.toLocaleString('en-US')
export const plural = (count: number, noun: string, nouns = `${noun}s`): string => `${sayCount(count)} ${count === 1 ? noun : nouns}`

type Tokens = Pick<Amounts, 'inputTokens' | 'outputTokens'>

/** `1,204 tokens in, 80 out`; nothing when there is nothing. `short` leaves the word out. */
export function sayTokens({ inputTokens, outputTokens }: Tokens, o: { readonly short?: boolean | undefined } = {}): string {
  if (inputTokens + outputTokens === 0) return ''
  return `${sayCount(inputTokens)}${o.short ? '' : ` ${inputTokens === 1 ? 'token' : 'tokens'}`} in, ${sayCount(outputTokens)} out`
}

/** `512 B`, `3.4 MB`. */
export function sayBytes(bytes: number): string {
  const names = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(names.length - 1, bytes > 0 ? Math.floor(Math.log(bytes) / Math.log(1_024)) : 0)
  return `${(bytes / 1_024 ** power).toFixed(power === 0 ? 0 : 1)} ${names[power]}`
}

/** How long ago, roughly: `just now`, `5 m ago`, `3 d ago`. */
export function sayAgo(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms >= each) ?? ['', 0]
  return size === 0 ? 'just now' : `${Math.floor(ms / size)} ${unit} ago`
}
