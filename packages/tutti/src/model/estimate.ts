/**
 * The worst case of a call, before it is made. The bound on input tokens: UTF-8 bytes of everything that is sent, plus a constant for each message,
 * tool and schema for what the provider's chat format adds. It is sound because every tokenizer in use (byte-level BPE; SentencePiece with
 * byte fallback) makes each token out of at least one byte of the text; nothing tighter is, without the provider's own tokenizer. English runs at
 * about a quarter of it. Media is bounded by what providers document for one file, whatever its size.
 */
import type { FilePart, Message } from '../message/index.ts'
import type { ModelRequest, ToolSpec } from './model.port.ts'

/** Role marks and separators around one message or part. */
const perPart = 16
/** The frame of a request: its own marks, and instructions the provider adds for tools or JSON. */
const perRequest = 64
const perTools = 1024
/** The words a chat format wraps around one tool or schema, over its JSON. */
const perSchema = 64
/** An image costs at most this at every provider (OpenAI high detail at 2048 × 2048: 2,805; Gemini and Claude less). */
const perImage = 6_000
/** A document or recording behind a URL may be as long as a provider takes; one page or second per 100 bytes is more than any format holds. */
const perUrl = 1_000_000

const messageBounds = new WeakMap<Message, number>()
const toolBounds = new WeakMap<object, number>()

/** The most tokens a provider can count for the input of `request`. Linear in the messages, each measured once. */
export function boundInputTokens(request: ModelRequest): number {
  let tokens = perRequest
  if (request.system !== undefined) tokens += perPart + bytesOf(request.system)
  for (const message of request.messages) tokens += once(messageBounds, message, boundMessage)
  if (request.tools && request.tools.length > 0) tokens += perTools + once(toolBounds, request.tools, boundTools)
  if (request.output) tokens += perTools + once(toolBounds, request.output.schema, boundJson)
  return tokens
}

function boundMessage(message: Message): number {
  let tokens = perPart
  for (const part of message.parts) {
    tokens += perPart
    if (part.type === 'text' || part.type === 'reasoning') tokens += bytesOf(part.text)
    else if (part.type === 'file') tokens += boundFile(part)
    else if (part.type === 'tool-call') tokens += bytesOf(part.id) + bytesOf(part.tool) + boundJson(part.input)
    else tokens += bytesOf(part.id) + bytesOf(part.tool) + boundJson(part.output)
    // Signatures and encrypted reasoning are sent back, and counted.
    if (part.provider) tokens += boundJson(part.provider)
  }
  return tokens
}

function boundFile(part: FilePart): number {
  if (part.mediaType.startsWith('image/')) return perImage
  if (part.data === undefined) return perUrl
  return part.data.length + perImage
}

const boundTools = (tools: readonly ToolSpec[]): number => tools.reduce((sum, tool) => sum + perSchema + boundJson(tool), 0)
const boundJson = (value: unknown): number => perSchema + bytesOf(JSON.stringify(value) ?? '')
const bytesOf = (text: string): number => Buffer.byteLength(text)

function once<K extends object>(known: WeakMap<object, number>, key: K, measure: (key: K) => number): number {
  let bound = known.get(key)
  if (bound === undefined) {
    bound = measure(key)
    known.set(key, bound)
  }
  return bound
}
