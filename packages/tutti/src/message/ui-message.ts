/**
 * AI SDK `UIMessage` (id, role and parts) to ours; and our own messages, which have parts too. One UI message of an assistant holds whole turns:
 * calls with their results, then more text. Each turn becomes an assistant message and, when it called tools, a tool message.
 */
import type { FilePart, Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart } from './message.ts'
import { type ForeignPart, fileOf, jsonOf, providerOf, stringOf } from './part.ts'

type AssistantPart = Extract<Message, { role: 'assistant' }>['parts'][number]

/** @throws RUN_INPUT_INVALID for a file that cannot be read */
export function fromParts(role: Message['role'], parts: readonly ForeignPart[], where: string): Message[] {
  if (role === 'assistant') return fromAssistant(parts, where)
  const kept = parts.flatMap((part) => plainPart(part, where) ?? ownToolPart(part, where) ?? [])
  return kept.length > 0 ? [{ role, parts: kept } as Message] : []
}

function fromAssistant(parts: readonly ForeignPart[], where: string): Message[] {
  const messages: Message[] = []
  let said: AssistantPart[] = []
  let results: ToolResultPart[] = []
  const endTurn = (): void => {
    if (said.length > 0) messages.push({ role: 'assistant', parts: said })
    if (results.length > 0) messages.push({ role: 'tool', parts: results })
    said = []
    results = []
  }
  for (const part of parts) {
    if (part.type === 'step-start') endTurn()
    const call = uiCall(part)
    if (call) {
      said.push(call)
      results.push(uiResult(part, call))
      continue
    }
    const kept = plainPart(part, where) ?? ownToolPart(part, where)
    if (!kept) continue
    // Text after results belongs to the next turn, marked or not.
    if (results.length > 0) endTurn()
    said.push(kept)
  }
  endTurn()
  return messages
}

function plainPart(part: ForeignPart, where: string): TextPart | ReasoningPart | FilePart | undefined {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: stringOf(part.text), ...providerOf(part) }
    case 'reasoning':
      return { type: 'reasoning', text: stringOf(part.text), ...providerOf(part) }
    case 'file':
      return { ...fileOf(part.data ?? part.url, part.mediaType, part.filename, where), ...providerOf(part) }
    default:
      return undefined
  }
}

/** A tool part of our own format; UI parts name the tool in their type and have a state. */
function ownToolPart(part: ForeignPart, where: string): ToolCallPart | ToolResultPart | undefined {
  if ('state' in part || typeof part.id !== 'string' || typeof part.tool !== 'string') return undefined
  const { id, tool } = part
  if (part.type === 'tool-call') {
    const malformed = typeof part.malformed === 'string' ? { malformed: part.malformed } : {}
    return { type: 'tool-call', id, tool, input: jsonOf(part.input), ...malformed, ...providerOf(part) }
  }
  if (part.type !== 'tool-result') return undefined
  const files = Array.isArray(part.files) ? part.files.flatMap((file: ForeignPart) => plainPart(file, where) ?? []).filter((each) => each.type === 'file') : []
  const more = { ...(part.failed === true ? { failed: true } : {}), ...(files.length > 0 ? { files } : {}) }
  return { type: 'tool-result', id, tool, output: jsonOf(part.output), ...more, ...providerOf(part) }
}

function uiCall(part: ForeignPart): ToolCallPart | undefined {
  const type = stringOf(part.type)
  const isTool = type === 'dynamic-tool' || type.startsWith('tool-')
  // Arguments that were still being written are no call yet.
  if (!isTool || typeof part.toolCallId !== 'string' || typeof part.state !== 'string' || part.state === 'input-streaming') return undefined
  const tool = type === 'dynamic-tool' ? stringOf(part.toolName) : type.slice('tool-'.length)
  return { type: 'tool-call', id: part.toolCallId, tool, input: jsonOf(part.input ?? {}), ...providerOf(part, 'callProviderMetadata') }
}

function uiResult(part: ForeignPart, call: ToolCallPart): ToolResultPart {
  const { id, tool } = call
  const approval = part.approval as { readonly approved?: unknown; readonly reason?: unknown } | undefined
  if (part.state === 'output-available') return { type: 'tool-result', id, tool, output: jsonOf(part.output), ...providerOf(part, 'resultProviderMetadata') }
  if (part.state === 'output-error') return { type: 'tool-result', id, tool, output: stringOf(part.errorText), failed: true }
  const denied = part.state === 'output-denied' || approval?.approved === false
  const why = typeof approval?.reason === 'string' ? `: ${approval.reason}` : '.'
  return { type: 'tool-result', id, tool, output: denied ? `The call was denied${why}` : 'The call has no outcome.', failed: true }
}
