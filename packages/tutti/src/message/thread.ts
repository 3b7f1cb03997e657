/**
 * A thread as a hash chain: `h = H(message)`, `c = H(c before ‖ h)`, 128 bits each. Whoever holds `c` of n messages appends the next one in constant
 * time, and two threads with the same `c` are the same from their beginning (DESIGN §5, "What a step records").
 */
import { canonical, hash128 } from '../primitives/index.ts'
import type { Message } from './message.ts'

/** The chain of no messages. */
export const emptyChain = ''

export const hashMessage = (message: Message): string => hash128(canonical(message))

/** The chain after one more message, given the chain before it and the hash of the message. */
export const extendChain = (chain: string, hash: string): string => hash128(`${chain}|${hash}`)

/** The chain of `messages`, given that of those before the one at `from`. */
export function chainFrom(messages: readonly Message[], from: number, chain: string): string {
  let so = chain
  for (let i = from; i < messages.length; i++) so = extendChain(so, hashMessage(messages[i] as Message))
  return so
}

/** The chain of all of `messages`. */
export const chainOf = (messages: readonly Message[]): string => chainFrom(messages, 0, emptyChain)
