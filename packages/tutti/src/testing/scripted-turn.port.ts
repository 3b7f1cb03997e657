/** What a scripted model is told to say. Types only. */
import type { Duration } from '../primitives/index.ts'

export interface ScriptedToolCall {
  readonly call: string
  readonly input: unknown
}
/** A turn said in full: what it thinks, says and calls, in that order; what it reports of its usage, and how long it is silent first. */
export interface ScriptedTurn {
  readonly think?: string | undefined
  readonly text?: string | undefined
  readonly calls?: readonly ScriptedToolCall[] | undefined
  /** Counts that are left out are made of the words. */
  readonly usage?:
    | { readonly inputTokens?: number; readonly outputTokens?: number; readonly cacheReadTokens?: number; readonly reasoningTokens?: number }
    | undefined
  readonly latency?: Duration | undefined
}
/** One turn of the model: text, one tool call or several, JSON, a failure (an HTTP status, a stream cut after its first word, malformed JSON), or a turn said in full. */
export type Scripted =
  | string
  | ScriptedToolCall
  | readonly ScriptedToolCall[]
  | { readonly json: unknown }
  | { readonly error: 429 | 500 | 'cut' | 'malformed' }
  | ScriptedTurn
