/** The message that stands for what left a conversation. It is a user's, as all that an agent is told from outside. */
import { type Message, userText } from '../message/index.ts'
import type { Summary } from './summary.ts'

/** @param left messages in all @param beside what has to be known of what left, whoever summarized it */
export function standIn(left: number, summaries: readonly Summary[], beside: string): Message {
  const [count, are] = left === 1 ? ['1 earlier message', 'is'] : [`${left} earlier messages`, 'are']
  const says =
    summaries.length > 0
      ? `${count} of this conversation ${are} summarized here, to save room:`
      : `${count} of this conversation ${are} left out here, to save room.`
  return userText([`[${says}]`, ...summaries.map(({ text }) => text), beside].filter(Boolean).join('\n\n'))
}
