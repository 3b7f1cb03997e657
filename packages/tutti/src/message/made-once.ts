import type { Message } from './message.ts'

/**
 * What is made of each message, made once for a conversation and not again at every turn: remembered by the list, which grows. (Remembered by each message, it would
 * cost more than most of it costs to make: a weak map of many small things is slow to fill, and slow to collect.)
 */
export function madeOnce<T>(make: (message: Message) => T): (messages: readonly Message[]) => readonly T[] {
  const known = new WeakMap<readonly Message[], { readonly of: Message[]; readonly made: T[] }>()
  return (messages) => {
    let kept = known.get(messages)
    if (!kept) {
      kept = { of: [], made: [] }
      known.set(messages, kept)
    }
    const { of, made } = kept
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
