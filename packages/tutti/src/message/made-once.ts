import type { Message } from './message.ts'

/**
 * What is made of each message, made once for a conversation and not again at every turn: remembered with the list, which grows. (A weak map of what is young costs more, in
 * filling it and when it is collected, than most of what it would remember.)
 */
export function madeOnce<T>(make: (message: Message) => T): (messages: readonly Message[]) => readonly T[] {
  const key = Symbol('made of these messages')
  return (messages) => {
    const { of, made } = keptWith<T>(messages, key)
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as Message
      if (of[i] === message) continue
      of[i] = message
      made[i] = make(message)
    }
    of.length = made.length = messages.length
    return made
  }
}

interface Kept<T> {
  readonly of: Message[]
  readonly made: T[]
}

function keptWith<T>(messages: readonly Message[], key: symbol): Kept<T> {
  const known = (messages as unknown as Record<symbol, Kept<T> | undefined>)[key]
  if (known) return known
  const kept: Kept<T> = { of: [], made: [] }
  // A list that is frozen is remembered by nobody.
  if (Object.isExtensible(messages)) Object.defineProperty(messages, key, { value: kept })
  return kept
}
