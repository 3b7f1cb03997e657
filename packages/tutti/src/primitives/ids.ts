import { randomBytes } from 'node:crypto'

/** Names one run in its store; generated ones begin with `run_` and sort by the time they were made. */
export type RunId = string & { readonly '~run': true }

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** `prefix_` + 9 characters of time (ms) + 11 random ones (55 bits), in Crockford's base 32. */
export function newId(prefix: string, nowMs: number): string {
  let time = ''
  for (let left = nowMs, i = 0; i < 9; i++, left = Math.floor(left / 32)) time = alphabet[left % 32] + time
  let random = ''
  for (const byte of drawn(11)) random += alphabet[byte % 32]
  return `${prefix}_${time}${random}`
}

/** Asked of the system for many names at once; what was used is not used again. */
let pool = Buffer.alloc(0)

function drawn(bytes: number): Buffer {
  if (pool.length < bytes) pool = randomBytes(1_100)
  const taken = pool.subarray(0, bytes)
  pool = pool.subarray(bytes)
  return taken
}

export const newRunId = (nowMs: number): RunId => newId('run', nowMs) as RunId
