/** What people hand over as a prompt, and our messages from it. */
import { TuttiError } from '../errors/index.ts'
import type { Message, MessageLike, Prompt } from './message.ts'
import { fromModelMessage } from './model-message.ts'
import { fromParts } from './ui-message.ts'

/**
 * Our messages from a text, our own messages, AI SDK model messages or AI SDK UI messages, mixed as they come. Parts that only a screen needs
 * (sources, data, step marks) are left out; a tool call without an outcome gets a failed result, so that no provider refuses the history.
 *
 * @throws RUN_INPUT_INVALID naming the message that is none of these.
 * @example toMessages('Where is order 17?') // [{ role: 'user', parts: [{ type: 'text', text: 'Where is order 17?' }] }]
 */
export function toMessages(prompt: Prompt): Message[] {
  if (typeof prompt === 'string') return [userText(prompt)]
  if (!Array.isArray(prompt))
    throw new TuttiError('RUN_INPUT_INVALID', `a prompt is text or a list of messages, not ${prompt === null ? 'null' : typeof prompt}`)
  return prompt.flatMap((message, index) => fromOne(message, index))
}

/** A message of a user that says `text`. */
export const userText = (text: string): Message => ({ role: 'user', parts: [{ type: 'text', text }] })

const roles: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant', 'tool'])

function fromOne(message: MessageLike, index: number): Message[] {
  const where = `message ${index}`
  const given = message as { readonly role?: unknown; readonly parts?: unknown; readonly content?: unknown } | null | undefined
  if (given && roles.has(given.role)) {
    if (Array.isArray(given.parts)) return fromParts(given.role as Message['role'], given.parts, where)
    if (typeof given.content === 'string' || Array.isArray(given.content)) return fromModelMessage(message as Parameters<typeof fromModelMessage>[0], where)
  }
  throw new TuttiError('RUN_INPUT_INVALID', `${where} is neither a message of tutti nor of the AI SDK`, {
    hint: "Write { role: 'user', content: 'text' }, or hand over AI SDK messages as they are.",
    data: { keys: typeof given === 'object' && given ? Object.keys(given) : [] },
  })
}
