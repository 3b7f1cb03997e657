/**
 * What a journal holds of a value, and back. JSON stays JSON, so that a person can read it; a value with a Date, Map, Set,
 * bigint, bytes, `undefined`, NaN, an infinity or -0 anywhere in it is wrapped: `{ "~devalue": "…" }` (the serialiser `devalue`).
 * `encode` copies: what the caller does to the value afterwards does not reach the record.
 */
import { parse, stringify } from 'devalue'
import { TuttiError } from '../errors/index.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const WRAPPED = '~devalue'
/** Keys that mean something in a journal; a value that has them is wrapped. */
const RESERVED = new Set([WRAPPED, '~blob', '__proto__'])
const NOT_JSON = Symbol('not JSON')

/** @throws RUN_NOT_RECORDABLE naming the place of a function, symbol, promise or class instance. */
export function encode(value: unknown): Json {
  if (value === undefined) return { [WRAPPED]: '-1' }
  const copy = copyJson(value, 0)
  if (copy !== NOT_JSON) return copy as Json
  try {
    return { [WRAPPED]: stringify(value) }
  } catch (cause) {
    const path = (cause as { path?: string }).path
    throw new TuttiError('RUN_NOT_RECORDABLE', `${describe(value)}${path ? ` (at ${path})` : ''} cannot be recorded: ${(cause as Error).message}`, { cause })
  }
}

export function decode(json: Json): unknown {
  if (json === null || typeof json !== 'object') return json
  const wrapped = (json as { [WRAPPED]?: unknown })[WRAPPED]
  return typeof wrapped === 'string' ? parse(wrapped) : copyJson(json, 0)
}

const TOO_DEEP = 200

function copyJson(value: unknown, depth: number): unknown {
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
  return Array.isArray(value) ? copyArray(value, depth) : copyObject(value as object, depth)
}

function copyArray(value: unknown[], depth: number): unknown {
  const copy = new Array(value.length)
  for (let i = 0; i < value.length; i++) {
    const item = copyJson(value[i], depth + 1)
    if (item === NOT_JSON) return NOT_JSON
    copy[i] = item
  }
  return copy
}

function copyObject(value: object, depth: number): unknown {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return NOT_JSON
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (RESERVED.has(key)) return NOT_JSON
    const item = copyJson((value as Record<string, unknown>)[key], depth + 1)
    if (item === NOT_JSON) return NOT_JSON
    copy[key] = item
  }
  return copy
}

/** One text for one value, whatever the order of its keys: what fingerprints are made of. */
export function canonical(value: unknown): string {
  const json = encode(value)
  return canonicalJson(json)
}

function canonicalJson(json: Json): string {
  if (json === null || typeof json !== 'object') return JSON.stringify(json)
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join(',')}]`
  const record = json as { readonly [key: string]: Json }
  return `{${Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key] as Json)}`)
    .join(',')}}`
}

function describe(value: unknown): string {
  if (typeof value === 'function') return `the function '${value.name || 'anonymous'}'`
  if (typeof value === 'object' && value !== null) return `a value of type ${value.constructor?.name ?? 'object'}`
  return `a ${typeof value}`
}
