import { randomBytes } from 'node:crypto'

/** Names one run in its store; generated ones begin with `run_` and sort by the time they were made. */
export type RunId = string & { readonly '~run': true }

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** `prefix_` + 9 characters of time (ms) + 11 random ones (55 bits), in Crockford's base 32. */
export function newId(prefix: string, nowMs: number): string {
  let time = ''
  for (let left = nowMs, i = 0; i < 9; i++, left = Math.floor(left / 32)) time = alphabet[left % 32] + time
  let random = ''
  for (const byte of randomBytes(11)) random += alphabet[byte % 32]
  return `${prefix}_${time}${random}`
}

export const newRunId = (nowMs: number): RunId => newId('run', nowMs) as RunId
