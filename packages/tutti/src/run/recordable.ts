import { encode, type Json } from '../primitives/index.ts'

/** As a journal would hold it; nothing of what none can: what a failing run has gathered is told as far as it can be. */
export function recordable(value: unknown): Json | undefined {
  try {
    return encode(value)
  } catch {
    return undefined
  }
}
