/**
 * A model that answers from a script, in this process: for tests of everything that stands above a model. It is a `LanguageModelV4`, so what is tested is the
 * way every other model goes too.
 */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { TuttiError } from '../errors/index.ts'
import type { Model } from '../model/model.port.ts'

interface ScriptedToolCall {
  readonly call: string
  readonly input: unknown
}
/** One turn of the model: text, one tool call or several, JSON, or a failure: an HTTP status, a stream cut after its first word, malformed JSON. */
export type Scripted =
  | string
  | ScriptedToolCall
  | readonly ScriptedToolCall[]
  | { readonly json: unknown }
  | { readonly error: 429 | 500 | 'cut' | 'malformed' }

/** What the model was asked. */
export interface ScriptedAsk {
  readonly options: LanguageModelV4CallOptions
  /** All the text of the prompt, tool results included. */
  readonly prompt: string
}

export interface ScriptedModel extends Model, LanguageModelV4 {
  /** Every call so far, failed ones included. */
  readonly calls: readonly ScriptedAsk[]
}

/**
 * Each call takes the next turn, whoever makes it. Usage is reported in words; it costs nothing.
 * A call after the last turn fails with CONFIG_INVALID, so that a test hears of it.
 * @param o.id what journals call it after `scripted/`, default `script`. Of two models with one id, a fork takes the one for the other.
 * @example agent({ name: 'support', model: scripted([{ call: 'find', input: { id: '17' } }, 'It comes on Monday.']) })
 */
export function scripted(turns: readonly Scripted[], { id = 'script' }: { readonly id?: string | undefined } = {}): ScriptedModel {
  return answering(
    (_, call) => {
      const turn = turns[call - 1]
      if (turn === undefined)
        throw new TuttiError('CONFIG_INVALID', `the script has ${turns.length} turns, and the model was asked once more`, { hint: 'Add a turn to the script.' })
      return turn
    },
    { id, named: (_, call) => call },
  )
}

/**
 * A model that answers what a function says of the question: the same question is answered the same, whoever asked before. For runs that are gone on with.
 * @param o.named what the ids of its calls are made of. Default: how many messages it was shown, so that the same question has the same ids
 */
export function answering(
  reply: (ask: ScriptedAsk, call: number) => Scripted,
  {
    id = 'script',
    named = ({ options }) => options.prompt.length,
  }: { readonly id?: string | undefined; readonly named?: (ask: ScriptedAsk, call: number) => number } = {},
): ScriptedModel {
  const calls: ScriptedAsk[] = []
  const take = (options: LanguageModelV4CallOptions): LanguageModelV4GenerateResult => {
    const ask = { options, prompt: textOf(options) }
    calls.push(ask)
    return resultOf(reply(ask, calls.length), options, named(ask, calls.length), ask.prompt)
  }
  return {
    '~model': 'scripted',
    specificationVersion: 'v4',
    provider: 'scripted',
    modelId: id,
    supportedUrls: {},
    calls,
    doGenerate: async (options) => take(options),
    doStream: async (options) => ({ stream: streamOf(take(options)) }),
  }
}

function resultOf(turn: Scripted, options: LanguageModelV4CallOptions, call: number, prompt: string): LanguageModelV4GenerateResult {
  if (typeof turn === 'string') return answer([{ type: 'text', text: turn }], 'stop', prompt)
  if ('json' in turn) return answer([{ type: 'text', text: JSON.stringify(turn.json) }], 'stop', prompt)
  if ('error' in turn) return failed(turn.error, options, call, prompt)
  const made = (Array.isArray(turn) ? turn : [turn]) as readonly ScriptedToolCall[]
  return answer(
    made.map(({ call: tool, input }, index) => toolCall(`call_${call}_${index + 1}`, tool, JSON.stringify(input ?? {}))),
    'tool-calls',
    prompt,
  )
}

function failed(error: 429 | 500 | 'cut' | 'malformed', options: LanguageModelV4CallOptions, call: number, prompt: string): LanguageModelV4GenerateResult {
  if (error === 'cut') return answer([{ type: 'text', text: 'The' }], 'interrupted', prompt)
  if (error !== 'malformed') throw httpError(error)
  const tool = options.tools?.[0]
  if (options.responseFormat?.type === 'json') return answer([{ type: 'text', text: '{"broken": ' }], 'stop', prompt)
  if (tool) return answer([toolCall(`call_${call}_1`, tool.name, '{"broken": ')], 'tool-calls', prompt)
  throw branded('AI_JSONParseError', { text: 'not what the protocol says' }, 'the body of the answer is not JSON')
}

const toolCall = (toolCallId: string, toolName: string, input: string): LanguageModelV4Content => ({ type: 'tool-call', toolCallId, toolName, input })

function answer(
  content: LanguageModelV4Content[],
  unified: LanguageModelV4GenerateResult['finishReason']['unified'],
  prompt: string,
): LanguageModelV4GenerateResult {
  const written = words(content.map((part) => (part.type === 'text' ? part.text : part.type === 'tool-call' ? part.input : '')).join(' '))
  const read = words(prompt)
  return {
    content,
    finishReason: { unified, raw: unified },
    usage: {
      inputTokens: { total: read, noCache: read, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: written, text: written, reasoning: undefined },
    },
    warnings: [],
  }
}

/** A stream that was cut has no finish. */
function streamOf({ content, finishReason, usage }: LanguageModelV4GenerateResult): ReadableStream<LanguageModelV4StreamPart> {
  const parts: LanguageModelV4StreamPart[] = [{ type: 'stream-start', warnings: [] }]
  content.forEach((part, index) => {
    const id = String(index)
    if (part.type === 'text') {
      const deltas = (part.text.match(/\S+\s*|\s+/g) ?? []).map((delta): LanguageModelV4StreamPart => ({ type: 'text-delta', id, delta }))
      parts.push({ type: 'text-start', id }, ...deltas, { type: 'text-end', id })
    } else if (part.type === 'tool-call') {
      const { toolCallId, toolName, input } = part
      parts.push(
        { type: 'tool-input-start', id: toolCallId, toolName },
        { type: 'tool-input-delta', id: toolCallId, delta: input },
        { type: 'tool-input-end', id: toolCallId },
        part,
      )
    }
  })
  if (finishReason.unified !== 'interrupted') parts.push({ type: 'finish', finishReason, usage })
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })
}

/** As `@ai-sdk/provider-utils` throws it. */
function httpError(status: 429 | 500): Error {
  const responseHeaders = status === 429 ? { 'retry-after-ms': '1' } : {}
  const message = status === 429 ? 'Rate limit reached' : 'The server had an error'
  return branded(
    'AI_APICallError',
    { url: 'scripted:', requestBodyValues: {}, statusCode: status, responseHeaders, responseBody: message, isRetryable: true },
    message,
  )
}

const branded = (name: string, fields: object, message: string): Error =>
  Object.assign(new Error(message), { name, [Symbol.for('vercel.ai.error')]: true, [Symbol.for(`vercel.ai.error.${name}`)]: true }, fields)

const words = (text: string): number => text.match(/\S+/g)?.length ?? 0

function textOf({ prompt }: LanguageModelV4CallOptions): string {
  const lines = prompt.map(({ role, content }) => {
    const said =
      typeof content === 'string'
        ? [content]
        : content.map((part) =>
            'text' in part ? part.text : 'output' in part ? JSON.stringify(part.output) : 'input' in part ? JSON.stringify(part.input) : '',
          )
    return `${role}: ${said.join('\n')}`
  })
  return lines.join('\n')
}
