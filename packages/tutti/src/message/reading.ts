/** Reading a message: its text, and the calls it leaves to be done. */
import type { Message, ToolCallPart } from './message.ts'

/** The text of a message, its text parts joined; reasoning, files and tools are not text. */
export function textOf(message: Message): string {
  let text = ''
  for (const part of message.parts) if (part.type === 'text') text += part.text
  return text
}

/** The calls of a message that still need a result: those the provider carried out itself have theirs in the same message. */
export function pendingCalls(message: Message): ToolCallPart[] {
  const calls: ToolCallPart[] = []
  if (message.role !== 'assistant') return calls
  const { parts } = message
  for (const part of parts) {
    if (part.type === 'tool-call' && !parts.some((other) => other.type === 'tool-result' && other.id === part.id)) calls.push(part)
  }
  return calls
}
