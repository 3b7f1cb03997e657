export { madeOnce } from './made-once.ts'
export type {
  FilePart,
  FinishReason,
  Message,
  MessageLike,
  Prompt,
  ProviderData,
  TokenUsage,
  ToolCallPart,
  ToolResultPart,
} from './message.ts'
export { toMessages, userText } from './prompt.ts'
export { pendingCalls, textOf } from './reading.ts'
export { chainFrom, chainOf, emptyChain, extendChain, hashMessage } from './thread.ts'
