/**
 * A value as it is shown, to a model, a person or another program: JSON. Dates are ISO text, maps and sets arrays, bytes base64, bigints their digits. What a journal
 * holds may come back to itself, and JSON cannot: there each object is shown once, and then named by its place.
 */
import type { Json } from './json.ts'

/** Undefined of `undefined`. */
export function shownText(value: unknown, indent?: number): string | undefined {
  try {
    return JSON.stringify(value, plain, indent)
  } catch {
    return JSON.stringify(eachOnce(value, '', new Map()), plain, indent)
  }
}

/** `null` of `undefined`. */
export function shownJson(value: unknown): Json {
  const text = shownText(value)
  return text === undefined ? null : (JSON.parse(text) as Json)
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return typeof value === 'bigint' ? value.toString() : value instanceof Map || value instanceof Set ? [...value] : value
}

/** Not only what lies within itself: shown wherever it is met, what is tied together in many ways would have no end either. */
function eachOnce(value: unknown, path: string, seen: Map<object, string>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value
  const before = seen.get(value)
  if (before !== undefined) return `[the same as ${before || 'the whole'}]`
  seen.set(value, path)
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) return [...value].map((item, i) => eachOnce(item, `${path}[${i}]`, seen))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, eachOnce(item, `${path}.${key}`, seen)]))
}
