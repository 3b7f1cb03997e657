import { hash } from 'node:crypto'

/** 128 bits of SHA-256 as 22 characters of base64url: short in a journal, no collision to fear within one. */
export function hash128(text: string | Uint8Array): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

/** At most so many texts are remembered; then all are forgotten, and hashed again when they come. */
const REMEMBERED = 256
/** Characters: longer ones would keep much in memory, and be people's own words more often than an app's. */
const LONGEST = 10_000
const often = new Map<string, string>()

/** The same, remembered: for the few texts that come again and again. */
export function hashOften(text: string): string {
  if (text.length > LONGEST) return hash128(text)
  let known = often.get(text)
  if (known === undefined) {
    if (often.size === REMEMBERED) often.clear()
    known = hash128(text)
    often.set(text, known)
  }
  return known
}

/** A number in [0, 1) that is the same for the same text. */
export function hashFraction(text: string): number {
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 13), 16) / 2 ** 52
}

/** A version-8 UUID (RFC 9562) that is the same for the same text. */
export function hashUuid(text: string): string {
  const hex = hash('sha256', text, 'hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
