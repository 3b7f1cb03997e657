/** AI SDK `ModelMessage` (role and content) to ours. */
import type { Json } from '../primitives/index.ts'
import type { FilePart, Message, ProviderData, ReasoningPart, TextPart, ToolCallPart, ToolResultPart } from './message.ts'
import { type ForeignPart, fileOf, jsonOf, providerOf, stringOf } from './part.ts'

interface ModelMessage {
  readonly role: Message['role']
  readonly content: string | readonly ForeignPart[]
  readonly providerOptions?: unknown
}

/** One model message is one of ours, or none when nothing in it is for a model. @throws RUN_INPUT_INVALID for a file that cannot be read */
export function fromModelMessage(message: ModelMessage, where: string): Message[] {
  const content = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content
  const parts = content.flatMap((part) => fromPart(part, where))
  if (parts.length === 0) return []
  // Marks on a whole message (a cache point, say) end where the message ends: on its last part.
  const { provider } = providerOf(message as unknown as ForeignPart, 'providerOptions')
  const last = parts.length - 1
  if (provider) parts[last] = { ...(parts[last] as AnyPart), provider: mergeProvider(provider, parts[last]?.provider) }
  return [{ role: message.role, parts } as Message]
}

type AnyPart = TextPart | ReasoningPart | FilePart | ToolCallPart | ToolResultPart

function fromPart(part: ForeignPart, where: string): AnyPart[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: stringOf(part.text), ...providerOf(part) }]
    case 'reasoning':
      return [{ type: 'reasoning', text: stringOf(part.text), ...providerOf(part) }]
    case 'image':
      return [{ ...fileOf(part.image, part.mediaType ?? 'image/*', undefined, where), ...providerOf(part) }]
    case 'file':
      return [{ ...fileOf(part.data ?? part.url, part.mediaType, part.filename, where), ...providerOf(part) }]
    case 'tool-call':
      return [{ type: 'tool-call', id: stringOf(part.toolCallId), tool: stringOf(part.toolName), input: jsonOf(part.input), ...providerOf(part) }]
    case 'tool-result':
      return [{ type: 'tool-result', id: stringOf(part.toolCallId), tool: stringOf(part.toolName), ...fromOutput(part.output), ...providerOf(part) }]
    default:
      return []
  }
}

/** The output of a tool as the AI SDK tags it: text, json, their errors, a denial, or content parts. */
function fromOutput(output: unknown): { readonly output: Json; readonly failed?: true } {
  const tagged = output as { readonly type?: unknown; readonly value?: unknown; readonly reason?: unknown } | null | undefined
  switch (tagged?.type) {
    case 'text':
    case 'json':
    case 'content':
      return { output: jsonOf(tagged.value) }
    case 'error-text':
    case 'error-json':
      return { output: jsonOf(tagged.value), failed: true }
    case 'execution-denied':
      return { output: `The call was denied${typeof tagged.reason === 'string' ? `: ${tagged.reason}` : '.'}`, failed: true }
    default:
      return { output: jsonOf(output) }
  }
}

function mergeProvider(outer: ProviderData, inner: ProviderData | undefined): ProviderData {
  const merged: Record<string, ProviderData[string]> = { ...outer }
  for (const [name, data] of Object.entries(inner ?? {})) merged[name] = { ...merged[name], ...data }
  return merged
}
