export type { FilePart, FinishReason, Message, MessageLike, Part, Prompt, ProviderData, ReasoningPart, TextPart, TokenUsage, ToolCallPart, ToolResultPart } from './message.ts'
