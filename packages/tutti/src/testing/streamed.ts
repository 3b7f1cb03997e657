/** A whole answer as a stream, and a stream as a whole answer, in the words of `@ai-sdk/provider`: for models of tests, which are asked either way. */
import type { LanguageModelV4Content, LanguageModelV4GenerateResult, LanguageModelV4StreamPart } from '@ai-sdk/provider'

/** The stream of an answer: word by word, tool input a few characters at a time. One that was cut has no finish. */
export function partsOf({ content, finishReason, usage, providerMetadata }: LanguageModelV4GenerateResult): LanguageModelV4StreamPart[] {
  const parts: LanguageModelV4StreamPart[] = [{ type: 'stream-start', warnings: [] }, ...content.flatMap(partsOfContent)]
  if (finishReason.unified !== 'interrupted') parts.push({ type: 'finish', finishReason, usage, ...(providerMetadata ? { providerMetadata } : {}) })
  return parts
}

export const streamOf = (result: LanguageModelV4GenerateResult): ReadableStream<LanguageModelV4StreamPart> => ReadableStream.from(partsOf(result))

function partsOfContent(part: LanguageModelV4Content, index: number): LanguageModelV4StreamPart[] {
  const id = String(index)
  if (part.type === 'text' || part.type === 'reasoning') {
    const { type, providerMetadata } = part
    const deltas = (part.text.match(/\S+\s*|\s+/g) ?? []).map((delta): LanguageModelV4StreamPart => ({ type: `${type}-delta`, id, delta }))
    return [{ type: `${type}-start`, id }, ...deltas, { type: `${type}-end`, id, ...(providerMetadata ? { providerMetadata } : {}) }]
  }
  if (part.type !== 'tool-call') return [part as LanguageModelV4StreamPart]
  const { toolCallId, toolName, input } = part
  const deltas = (input.match(/.{1,8}/gs) ?? []).map((delta): LanguageModelV4StreamPart => ({ type: 'tool-input-delta', id: toolCallId, delta }))
  return [{ type: 'tool-input-start', id: toolCallId, toolName }, ...deltas, { type: 'tool-input-end', id: toolCallId }, part]
}

export async function readAll<T>(stream: ReadableStream<T>): Promise<T[]> {
  const all: T[] = []
  for await (const part of stream as unknown as AsyncIterable<T>) all.push(part)
  return all
}

/** The answer that a stream amounts to. */
export function resultOfParts(parts: readonly LanguageModelV4StreamPart[]): LanguageModelV4GenerateResult {
  const content: LanguageModelV4Content[] = []
  const open = new Map<string, number>()
  let end: Partial<LanguageModelV4GenerateResult> = { finishReason: { unified: 'interrupted', raw: undefined } }
  for (const part of parts) {
    if (part.type === 'text-delta' || part.type === 'reasoning-delta' || part.type === 'text-end' || part.type === 'reasoning-end') {
      const type = part.type.startsWith('text') ? 'text' : 'reasoning'
      const at = open.get(`${type} ${part.id}`) ?? content.push({ type, text: '' }) - 1
      open.set(`${type} ${part.id}`, at)
      const { text } = content[at] as { text: string }
      content[at] = { ...(content[at] as { type: 'text'; text: string }), text: text + ('delta' in part ? part.delta : ''), ...metadataOf(part) }
    } else if (part.type === 'tool-call' || part.type === 'tool-result' || part.type === 'file' || part.type === 'source') content.push(part)
    else if (part.type === 'finish') end = { finishReason: part.finishReason, usage: part.usage, ...metadataOf(part) }
  }
  const none = {
    inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: undefined, text: undefined, reasoning: undefined },
  }
  return { content, warnings: [], usage: none, ...end } as LanguageModelV4GenerateResult
}

const metadataOf = ({
  providerMetadata,
}: {
  providerMetadata?: LanguageModelV4GenerateResult['providerMetadata']
}): Pick<LanguageModelV4GenerateResult, 'providerMetadata'> => (providerMetadata ? { providerMetadata } : {})
