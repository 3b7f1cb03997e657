import type { Message } from '../message/index.ts'
import type { SummaryStyle } from './memory.port.ts'

/** A conversation as compaction reads it: whole, growing at its end. */
export interface History {
  readonly messages: readonly Message[]
  readonly thread: { readonly at: number; readonly chain: string }
  /** How many it began with, and how often it was begun anew, with others. */
  readonly began: { readonly count: number; readonly times: number }
}

/** What leaves, as the journal keeps it. */
export interface Compaction {
  readonly how: 'window' | SummaryStyle
  readonly window: number
  /** What was shown until now, and what of it is still shown word for word. */
  readonly tokens: number
  readonly keptTokens: number
  /** Messages that leave now. */
  readonly left: number
  /** Of the conversation, all before this message has left, but for the task. */
  readonly before: number
}
