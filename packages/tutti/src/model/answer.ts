/** What a model answered, as our message: the same from a whole answer and from a stream. */
import type {
  LanguageModelV2Content,
  LanguageModelV2FinishReason,
  LanguageModelV3Content,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
} from '@ai-sdk/provider'
import type { FilePart, FinishReason, Message, ProviderData, ToolCallPart, ToolResultPart } from '../message/index.ts'
import type { Json } from '../primitives/index.ts'
import type { OutputPlan } from './structured-output.ts'

type Content = LanguageModelV2Content | LanguageModelV3Content | LanguageModelV4Content
export type AnswerPart = Extract<Message, { role: 'assistant' }>['parts'][number]

/** Our part of one content part; `undefined` for what is no part of a conversation (sources, approvals of the provider). */
export function answerPart(content: Content): AnswerPart | undefined {
  switch (content.type) {
    case 'text':
    case 'reasoning':
      return { type: content.type, text: content.text, ...providerData(content.providerMetadata) }
    case 'file':
      return filePart(content)
    case 'tool-call':
      return toolCall(content)
    case 'tool-result':
      return toolResult(content)
    default:
      return undefined
  }
}

/** A call of the tool that an answer is given through is the text of the answer. */
export function asAnswer<C extends { readonly type: string }>(
  content: C,
  output: OutputPlan | undefined,
): C | { readonly type: 'text'; readonly text: string } {
  const text = calledOutput([content], output)
  return text === undefined ? content : { type: 'text', text }
}

/** What was written as the input of the tool that an answer is given through. */
export function calledOutput(content: readonly { readonly type: string }[], output: OutputPlan | undefined): string | undefined {
  if (output?.mode !== 'tool') return undefined
  const call = content.find((part) => part.type === 'tool-call' && (part as unknown as ToolCall).toolName === output.name)
  const input = (call as unknown as ToolCall | undefined)?.input
  return input === undefined || typeof input === 'string' ? input : JSON.stringify(input)
}

type ToolCall = Extract<Content, { type: 'tool-call' }>

/** Input is JSON text. What is not JSON becomes a complaint that the agent hands back to the model; it never ends the run. */
function toolCall(call: ToolCall): ToolCallPart {
  const part = { type: 'tool-call' as const, id: call.toolCallId, tool: call.toolName, ...providerData(call.providerMetadata) }
  const text = typeof call.input === 'string' ? call.input.trim() : JSON.stringify(call.input ?? {})
  if (text === '') return { ...part, input: {} }
  try {
    return { ...part, input: JSON.parse(text) as Json }
  } catch (cause) {
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
    return { ...part, input: {}, malformed: `The arguments are not JSON (${(cause as Error).message}): ${shown}` }
  }
}

function toolResult(result: Extract<Content, { type: 'tool-result' }>): ToolResultPart {
  const failed = result.isError === true ? { failed: true } : {}
  return {
    type: 'tool-result',
    id: result.toolCallId,
    tool: result.toolName,
    output: jsonOf(result.result),
    ...failed,
    ...providerData(result.providerMetadata),
  }
}

function filePart(file: Extract<Content, { type: 'file' }>): FilePart {
  const provider = providerData('providerMetadata' in file ? file.providerMetadata : undefined)
  const data = typeof file.data === 'object' && 'type' in file.data ? (file.data.type === 'url' ? file.data.url : file.data.data) : file.data
  if (data instanceof URL) return { type: 'file', mediaType: file.mediaType, url: data.href, ...provider }
  return { type: 'file', mediaType: file.mediaType, data: typeof data === 'string' ? data : Buffer.from(data).toString('base64'), ...provider }
}

/** What the provider wants back with a part; kept as JSON, absent when empty. */
export function providerData(metadata: unknown): { provider?: ProviderData } {
  if (typeof metadata !== 'object' || metadata === null) return {}
  const data = jsonOf(metadata) as ProviderData
  return Object.keys(data).length === 0 ? {} : { provider: data }
}

/** From the log probabilities of its tokens, where a provider gave them: one list, or one a content part. */
export function confidenceOf(metadata: unknown): { confidence?: number } {
  const logprobs = (metadata as { readonly openai?: { readonly logprobs?: unknown } } | undefined)?.openai?.logprobs
  if (!Array.isArray(logprobs)) return {}
  const each = (logprobs as readonly unknown[]).flat().flatMap((token) => {
    const logprob = (token as { readonly logprob?: unknown } | null)?.logprob
    return typeof logprob === 'number' ? [logprob] : []
  })
  return each.length === 0 ? {} : { confidence: Math.exp(each.reduce((sum, logprob) => sum + logprob, 0) / each.length) }
}

/** V2 says one word, V3 and V4 a unified and a raw one. */
export function finishOf(reason: LanguageModelV2FinishReason | LanguageModelV4FinishReason): FinishReason | 'cut' {
  const word = typeof reason === 'string' ? reason : reason?.unified
  switch (word) {
    case 'stop':
    case 'length':
    case 'tool-calls':
    case 'content-filter':
    case 'error':
      return word
    case 'interrupted':
      return 'cut'
    default:
      return 'other'
  }
}

/** As JSON would carry it: what is `undefined` falls away. */
const jsonOf = (value: unknown): Json => (value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json))
