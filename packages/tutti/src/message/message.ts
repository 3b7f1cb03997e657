/**
 * Conversations as tutti keeps them: one format over all providers, version 1. What a provider needs beside it (signatures, cache marks) travels
 * in `provider`, keyed by the provider's name, and is given back to that provider only.
 */
import type { Json } from '../primitives/index.ts'

export type ProviderData = { readonly [provider: string]: { readonly [key: string]: Json } }

interface PartBase {
  readonly provider?: ProviderData | undefined
}
export interface TextPart extends PartBase {
  readonly type: 'text'
  readonly text: string
}
export interface ReasoningPart extends PartBase {
  readonly type: 'reasoning'
  readonly text: string
}
/** An image, audio or any other file: base64 in `data`, or a `url`. `mediaType` is an IANA media type, e.g. `image/png`. */
export interface FilePart extends PartBase {
  readonly type: 'file'
  readonly mediaType: string
  readonly data?: string | undefined
  readonly url?: string | undefined
  readonly filename?: string | undefined
}
export interface ToolCallPart extends PartBase {
  readonly type: 'tool-call'
  readonly id: string
  readonly tool: string
  readonly input: Json
  /** The model wrote arguments that are not JSON: what is wrong with them, to be told to the model. `input` is then `{}`. */
  readonly malformed?: string | undefined
}
export interface ToolResultPart extends PartBase {
  readonly type: 'tool-result'
  /** The id of the call it answers. */
  readonly id: string
  readonly tool: string
  readonly output: Json
  /** The tool did not do it; `output` says why. */
  readonly failed?: boolean | undefined
  /** Images and other files that it gave beside `output`. */
  readonly files?: readonly FilePart[] | undefined
}

export type Message =
  | { readonly role: 'system'; readonly parts: readonly TextPart[] }
  | { readonly role: 'user'; readonly parts: readonly (TextPart | FilePart)[] }
  | { readonly role: 'assistant'; readonly parts: readonly (TextPart | ReasoningPart | FilePart | ToolCallPart | ToolResultPart)[] }
  | { readonly role: 'tool'; readonly parts: readonly ToolResultPart[] }

/** Tokens as a provider reported them; `undefined` (or absent) means unknown, never 0. */
export interface TokenUsage {
  /** All that was read, from the cache or not. */
  readonly inputTokens?: number | undefined
  /** Of `inputTokens`, those read from the provider's cache. */
  readonly cacheReadTokens?: number | undefined
  /** Of `inputTokens`, those written to the provider's cache. */
  readonly cacheWriteTokens?: number | undefined
  readonly outputTokens?: number | undefined
  /** Of `outputTokens`, those of hidden reasoning. */
  readonly reasoningTokens?: number | undefined
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'error' | 'other'

/** Whatever people hand over as messages: ours, AI SDK model messages, AI SDK UI messages. */
export type MessageLike =
  | Message
  | { readonly role: 'system' | 'user' | 'assistant' | 'tool'; readonly content: unknown }
  | { readonly id: string; readonly role: 'system' | 'user' | 'assistant'; readonly parts: readonly unknown[] }
export type Prompt = string | readonly MessageLike[]
