/**
 * What a journal holds of a value, and back. JSON stays JSON, so that a person can read it; a value with a Date, Map, Set,
 * bigint, bytes, `undefined`, NaN, an infinity, -0 or a TuttiError anywhere in it is wrapped: `{ "~devalue": "…" }` (the serialiser `devalue`).
 * `encode` copies: what the caller does to the value afterwards does not reach the record.
 */
import { parse, stringify } from 'devalue'
import { type ErrorRecord, rebuildError, recordError, TuttiError } from '../errors/index.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const WRAPPED = '~devalue'
/** Keys that mean something in a journal; a value that has them is wrapped. */
const isReserved = (key: string): boolean => (key.startsWith('~') ? key === WRAPPED || key === '~blob' : key === '__proto__')
const NOT_JSON = Symbol('not JSON')

/** An error of tutti may stand in a value (a failed item of a map); it is kept as a journal keeps every error. */
const reducers = { TuttiError: (value: unknown) => TuttiError.is(value) && recordError(value) }
const revivers = { TuttiError: (record: ErrorRecord) => rebuildError(record) }

/** @throws RUN_NOT_RECORDABLE naming the place of a function, symbol, promise or class instance. */
export function encode(value: unknown): Json {
  if (value === undefined) return { [WRAPPED]: '-1' }
  const copy = copyJson(value, 0)
  if (copy !== NOT_JSON) return copy as Json
  try {
    return { [WRAPPED]: stringify(value, reducers) }
  } catch (cause) {
    const { path, value: at, message } = cause as { readonly path?: string; readonly value?: unknown; readonly message: string }
    const [what, why] = isThenable(path ? at : value) ? ['a promise', 'await it first'] : [describe(path ? at : value), message]
    throw new TuttiError('RUN_NOT_RECORDABLE', `${what}${path ? ` at ${path}` : ''} cannot be recorded: ${why}`, {
      cause,
      data: { path: path ?? '' },
    })
  }
}

export function decode(json: Json): unknown {
  if (json === null || typeof json !== 'object') return json
  const wrapped = (json as { [WRAPPED]?: unknown })[WRAPPED]
  return typeof wrapped === 'string' ? parse(wrapped, revivers) : copyJson(json, 0)
}

const TOO_DEEP = 200
type KeysOf = (value: object) => string[]

function copyJson(value: unknown, depth: number, keysOf: KeysOf = Object.keys): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : NOT_JSON
    case 'object':
      break
    default:
      return NOT_JSON
  }
  if (value === null) return null
  if (depth > TOO_DEEP) return NOT_JSON
  return Array.isArray(value) ? copyArray(value, depth, keysOf) : copyObject(value as object, depth, keysOf)
}

function copyArray(value: unknown[], depth: number, keysOf: KeysOf): unknown {
  const copy = new Array(value.length)
  for (let i = 0; i < value.length; i++) {
    const item = copyJson(value[i], depth + 1, keysOf)
    if (item === NOT_JSON) return NOT_JSON
    copy[i] = item
  }
  return copy
}

function copyObject(value: object, depth: number, keysOf: KeysOf): unknown {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return NOT_JSON
  const copy: Record<string, unknown> = {}
  for (const key of keysOf(value)) {
    if (isReserved(key)) return NOT_JSON
    const item = copyJson((value as Record<string, unknown>)[key], depth + 1, keysOf)
    if (item === NOT_JSON) return NOT_JSON
    copy[key] = item
  }
  return copy
}

/** One text for one value, whatever the order of its keys: what fingerprints are made of. */
export function canonical(value: unknown): string {
  const copy = copyJson(value, 0, sortedKeys)
  return JSON.stringify(copy === NOT_JSON ? encode(value) : copy)
}

const FEW = 12

/** Most objects are written with their keys in order, or have one: sorting them all the same would be half the cost of a fingerprint. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value)
  for (let i = 1; i < keys.length; i++) {
    if ((keys[i - 1] as string) <= (keys[i] as string)) continue
    if (keys.length > FEW) return keys.sort()
    // The few of a message are in their places sooner than `sort` has begun.
    const key = keys[i] as string
    let at = i
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string
    keys[at] = key
  }
  return keys
}

const isThenable = (value: unknown): boolean => typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'

function describe(value: unknown): string {
  if (typeof value === 'function') return `the function '${value.name || 'anonymous'}'`
  if (typeof value === 'object' && value !== null) return `a value of type ${value.constructor?.name ?? 'object'}`
  return `a ${typeof value}`
}
