/** What a server answered to a call: recorded as it came, shown to the model as text, JSON and files. */
import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client'
import type { FilePart } from '../../message/index.ts'
import type { Json } from '../../primitives/index.ts'
import type { ShownResult } from '../source.port.ts'

/** A question of the server's, as it sent it. */
export interface Question {
  readonly method: string
  readonly params?: Json | undefined
}

/** Recorded. JSON. */
export type McpOutcome =
  | { readonly result: Json }
  /** It needs something first. `state` goes back to it unchanged; `ticket` is that of a call that is still open. */
  | { readonly questions: { readonly [id: string]: Question }; readonly state?: string | undefined; readonly ticket?: string | undefined }

export const isAsking = (outcome: McpOutcome): outcome is Extract<McpOutcome, { readonly questions: unknown }> => 'questions' in outcome

/** An error that the server answered with: an outcome like any other, that the model can read. */
export const refusal = (message: string): McpOutcome => ({ result: { isError: true, content: [{ type: 'text', text: message }] } })

export function shownOutcome(outcome: McpOutcome): ShownResult {
  if (isAsking(outcome)) return { output: 'The server asked for more than it may.', failed: true }
  const { content = [], structuredContent, isError } = outcome.result as unknown as Partial<CallToolResult>
  const texts = content.flatMap(textOfBlock)
  const files = content.flatMap(fileOfBlock)
  const output = structuredContent !== undefined && isError !== true ? (structuredContent as Json) : texts.join('\n')
  return { output, ...(isError ? { failed: true } : {}), ...(files.length > 0 ? { files } : {}) }
}

function textOfBlock(block: ContentBlock): string[] {
  if (block.type === 'text') return [block.text]
  if (block.type === 'resource_link') return [`${block.title ?? block.name}: ${block.uri}${block.description ? ` (${block.description})` : ''}`]
  if (block.type === 'resource' && 'text' in block.resource) return [`${block.resource.uri}\n${block.resource.text}`]
  if (block.type === 'resource') return [block.resource.uri]
  return []
}

function fileOfBlock(block: ContentBlock): FilePart[] {
  if (block.type === 'image' || block.type === 'audio') return [{ type: 'file', mediaType: block.mimeType, data: block.data }]
  if (block.type === 'resource' && 'blob' in block.resource)
    return [{ type: 'file', mediaType: block.resource.mimeType ?? 'application/octet-stream', data: block.resource.blob, filename: nameIn(block.resource.uri) }]
  return []
}

const nameIn = (uri: string): string => uri.slice(uri.lastIndexOf('/') + 1) || uri
