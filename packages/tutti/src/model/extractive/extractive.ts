/**
 * `tutti/extractive`: what answers when there is no key and no model server. It is no language model and says so: it calls the retrieval tool it was given, quotes
 * sentences with their sources, picks choices by similarity, and otherwise refuses with `MODEL_NO_ANSWER`. It runs in this process and costs nothing.
 *
 * Invariants: every quote is a slice of a passage; nothing is answered that is not in the passages or in the words of the user; the same prompt gets the same answer.
 * The tokens it reports are words: it has no tokenizer.
 */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { TuttiError } from '../../errors/index.ts'
import type { JsonSchema } from '../../primitives/index.ts'
import type { TextEmbedder } from '../model.port.ts'
import { type Asked, readPrompt } from './conversation.ts'
import { fill } from './fill.ts'
import { bestQuotes, type Quote } from './quote.ts'

export interface ExtractiveOptions {
  /** Compares meanings. Without it, words alone are compared. */
  readonly embedder?: TextEmbedder | undefined
}

/** @example agent({ name: 'support', tools: [handbook.asTool()], model: ['openai/gpt-5-mini', 'tutti/extractive'] }) */
export function extractive({ embedder }: ExtractiveOptions = {}): LanguageModelV4 {
  const generate = async (options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => resultOf(options, await answerTo(options, embedder))
  return {
    specificationVersion: 'v4',
    provider: 'tutti',
    modelId: 'extractive',
    supportedUrls: {},
    doGenerate: generate,
    doStream: async (options) => ({ stream: streamOf(await generate(options)) }),
  }
}

/** @throws MODEL_NO_ANSWER, MODEL_UNSUPPORTED */
async function answerTo(options: LanguageModelV4CallOptions, embedder: TextEmbedder | undefined): Promise<LanguageModelV4Content[]> {
  const asked = readPrompt(options.prompt)
  if (asked.question.startsWith('Your answer was not accepted')) throw noAnswer('it would give the same answer again')
  const calls = retrievalCalls(options, asked)
  if (calls.length > 0) return calls
  if (asked.hasFiles)
    throw new TuttiError('MODEL_UNSUPPORTED', 'tutti/extractive reads text; it cannot look at a file', { hint: 'Declare a model that takes files.' })
  const schema = options.responseFormat?.type === 'json' ? (options.responseFormat.schema as JsonSchema | undefined) : undefined
  if (schema && !isCited(schema)) {
    const filled = await fill(schema, { text: asked.question, instructions: asked.instructions, embedder })
    if (!filled.ok) throw noAnswer(filled.why)
    return [{ type: 'text', text: JSON.stringify(filled.value) }]
  }
  if (asked.passages.length === 0) throw noAnswer(asked.answered.size > 0 ? 'the search found nothing' : 'it was given no source to quote from')
  const quotes = await bestQuotes(asked.question, asked.passages, { embedder })
  if (quotes.length === 0) throw noAnswer('nothing in the sources has to do with the question')
  return [{ type: 'text', text: schema ? JSON.stringify(citedOf(quotes, schema)) : quotes.map(({ quote, source }) => `“${quote}” (${source})`).join('\n') }]
}

const noAnswer = (why: string): TuttiError =>
  new TuttiError('MODEL_NO_ANSWER', `tutti/extractive quotes from sources; it does not write: ${why}`, {
    hint: 'Ask about something the sources hold, give the agent an index to search, or set a provider key (ANTHROPIC_API_KEY, OPENAI_API_KEY, …).',
  })

/** One call to each retrieval tool that has not answered yet: a tool that needs a `query` and nothing else. */
function retrievalCalls({ prompt, tools = [], toolChoice }: LanguageModelV4CallOptions, { question, answered }: Asked): LanguageModelV4Content[] {
  if (toolChoice?.type === 'none' || question === '') return []
  return tools.flatMap((tool): LanguageModelV4Content[] => {
    if (tool.type !== 'function' || answered.has(tool.name) || !takesQuery(tool.inputSchema as JsonSchema)) return []
    if (toolChoice?.type === 'tool' && toolChoice.toolName !== tool.name) return []
    return [{ type: 'tool-call', toolCallId: `search_${prompt.length}_${tool.name}`, toolName: tool.name, input: JSON.stringify({ query: question }) }]
  })
}

function takesQuery({ properties, required = ['query'] }: JsonSchema): boolean {
  const query = (properties as Record<string, JsonSchema> | undefined)?.query
  return query?.type === 'string' && (required as string[]).every((name) => name === 'query')
}

/** The shape of tutti's own `cited`: a text, and citations with their quotes. */
function isCited({ properties }: JsonSchema): boolean {
  const { text, citations } = (properties ?? {}) as Record<string, JsonSchema | undefined>
  const item = citations?.items as { properties?: Record<string, unknown> } | undefined
  return text?.type === 'string' && citations?.type === 'array' && item?.properties?.quote !== undefined
}

/** Citations hold what their schema asks for: tutti's own asks for no offsets, it looks them up. */
function citedOf(quotes: readonly Quote[], { properties }: JsonSchema): object {
  const { citations } = properties as { citations: { items: { properties: object } } }
  const asked = Object.keys(citations.items.properties)
  const text = quotes.map(({ quote }) => quote).join('\n')
  return { text, citations: quotes.map((quote) => Object.fromEntries(Object.entries(quote).filter(([name]) => asked.includes(name)))) }
}

function resultOf(options: LanguageModelV4CallOptions, content: LanguageModelV4Content[]): LanguageModelV4GenerateResult {
  const written = Math.min(wordsIn(content), options.maxOutputTokens ?? Number.MAX_SAFE_INTEGER)
  const read = wordsIn(options.prompt)
  const calls = content.some(({ type }) => type === 'tool-call')
  return {
    content,
    finishReason: { unified: calls ? 'tool-calls' : 'stop', raw: undefined },
    usage: {
      inputTokens: { total: read, noCache: read, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: written, text: written, reasoning: undefined },
    },
    warnings: [],
  }
}

const wordsIn = (value: unknown): number => JSON.stringify(value).match(/[\p{L}\p{N}]+/gu)?.length ?? 0

function streamOf({ content, finishReason, usage }: LanguageModelV4GenerateResult): ReadableStream<LanguageModelV4StreamPart> {
  const parts = content.flatMap((part, index): LanguageModelV4StreamPart[] => {
    const id = String(index)
    if (part.type === 'text')
      return [
        { type: 'text-start', id },
        { type: 'text-delta', id, delta: part.text },
        { type: 'text-end', id },
      ]
    return part.type === 'tool-call' ? [part] : []
  })
  return ReadableStream.from<LanguageModelV4StreamPart>([...parts, { type: 'finish', finishReason, usage }])
}
