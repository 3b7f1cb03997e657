/**
 * A model that answers from a script, in this process: for tests of everything that stands above a model. It is a `LanguageModelV4`, so what is tested is the
 * way every other model goes too.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Content, LanguageModelV4GenerateResult } from '@ai-sdk/provider'
import { TuttiError } from '../errors/index.ts'
import type { Model } from '../model/model.port.ts'
import { checkOptions, checkValue, is } from '../primitives/index.ts'
import { checkTurn } from './check-turn.ts'
import { httpError, notJson } from './provider-error.ts'
import type { Scripted, ScriptedToolCall, ScriptedTurn } from './scripted-turn.port.ts'
import { streamOf } from './streamed.ts'
import { Pace, type Timed } from './timed.ts'

export type { Scripted, ScriptedTurn }

/** What the model was asked. */
export interface ScriptedAsk {
  readonly options: LanguageModelV4CallOptions
  /** All the text of the prompt, tool results included. */
  readonly prompt: string
  /** Which answer of this conversation it is asked for, from 1: one more than the prompt holds. */
  readonly turn: number
}

export interface ScriptedModel extends Model, LanguageModelV4, Timed {
  /** Every call so far, failed ones included. */
  readonly calls: readonly ScriptedAsk[]
}

/**
 * Of a list, each call takes the next turn, whoever makes it; one after the last fails with CONFIG_INVALID, so that a test hears of it. A list made anew begins at its
 * first turn. A function answers what it is asked, the same in every process: for runs that are gone on with after a restart. Usage is reported in words; it costs nothing.
 * @param o.id what journals call it after `scripted/`, default `script`. Of two models with one id, a fork takes the one for the other.
 * @throws CONFIG_INVALID for a turn that is none: of a list at once, of a function when it is asked
 * @example agent({ name: 'support', model: scripted([{ call: 'find', input: { id: '17' } }, 'It comes on Monday.']) })
 * @example scripted(({ turn }) => (turn === 1 ? { call: 'find', input: { id: '17' } } : 'It comes on Monday.'))
 */
export function scripted(script: readonly Scripted[] | ((ask: ScriptedAsk) => Scripted), o: { readonly id?: string | undefined } = {}): ScriptedModel {
  checkOptions('scripted()', o, { id: is.text })
  const { id = 'script' } = o
  if (typeof script !== 'function') return answering(inOrder(script), { id, named: (_, call) => call })
  return answering((ask) => checked(script(ask), ask.turn), { id })
}

function inOrder(turns: readonly Scripted[]): (ask: ScriptedAsk, call: number) => Scripted {
  checkValue('what scripted() is to say', 'turns', turns, is.list)
  for (const [at, turn] of turns.entries()) checkTurn(turn, at)
  return (_, call) => {
    const turn = turns[call - 1]
    if (turn !== undefined) return turn
    throw new TuttiError('CONFIG_INVALID', `the script has ${turns.length} turn${turns.length === 1 ? '' : 's'}, and the model was asked once more`, {
      hint: 'Add a turn to the script.',
    })
  }
}

function checked(turn: Scripted, number: number): Scripted {
  checkTurn(turn, number - 1)
  return turn
}

/**
 * A model that answers what a function says of the question.
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
  const pace = new Pace()
  const take = async (options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => {
    const ask = { options, prompt: textOf(options), turn: 1 + options.prompt.filter(({ role }) => role === 'assistant').length }
    calls.push(ask)
    const [turn, name] = [reply(ask, calls.length), named(ask, calls.length)]
    if (isInFull(turn)) await pace.wait(turn.latency ?? 0, options.abortSignal)
    return resultOf(turn, options, name, ask.prompt)
  }
  return {
    '~model': 'scripted',
    specificationVersion: 'v4',
    provider: 'scripted',
    modelId: id,
    supportedUrls: {},
    calls,
    '~on': (clock) => pace['~on'](clock),
    doGenerate: take,
    doStream: async (options) => ({ stream: streamOf(await take(options)) }),
  }
}

function resultOf(turn: Scripted, options: LanguageModelV4CallOptions, call: number, prompt: string): LanguageModelV4GenerateResult {
  if (typeof turn === 'string') return answer([{ type: 'text', text: turn }], 'stop', prompt)
  if ('json' in turn) return answer([{ type: 'text', text: JSON.stringify(turn.json) }], 'stop', prompt)
  if ('error' in turn) return failed(turn.error, options, call, prompt)
  if (!isInFull(turn)) return answer(callsOf((Array.isArray(turn) ? turn : [turn]) as readonly ScriptedToolCall[], call), 'tool-calls', prompt)
  const { think, text, calls = [], usage } = turn
  const said: LanguageModelV4Content[] = [
    ...(think === undefined ? [] : [{ type: 'reasoning' as const, text: think }]),
    ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
  ]
  return reporting(answer([...said, ...callsOf(calls, call)], calls.length > 0 ? 'tool-calls' : 'stop', prompt), usage)
}

const isInFull = (turn: Scripted): turn is ScriptedTurn =>
  typeof turn === 'object' && !Array.isArray(turn) && !('call' in turn) && !('json' in turn) && !('error' in turn)

const callsOf = (made: readonly ScriptedToolCall[], call: number): LanguageModelV4Content[] =>
  made.map(({ call: tool, input }, index) => toolCall(`call_${call}_${index + 1}`, tool, JSON.stringify(input ?? {})))

function reporting(result: LanguageModelV4GenerateResult, said: ScriptedTurn['usage'] = {}): LanguageModelV4GenerateResult {
  const { inputTokens, outputTokens } = result.usage
  const read = said.inputTokens ?? inputTokens.total
  const written = said.outputTokens ?? outputTokens.total
  const { cacheReadTokens: cacheRead, reasoningTokens: reasoning } = said
  const usage = {
    inputTokens: { total: read, noCache: read === undefined ? undefined : read - (cacheRead ?? 0), cacheRead, cacheWrite: undefined },
    outputTokens: { total: written, text: written === undefined ? undefined : written - (reasoning ?? 0), reasoning },
  }
  return { ...result, usage }
}

function failed(error: 429 | 500 | 'cut' | 'malformed', options: LanguageModelV4CallOptions, call: number, prompt: string): LanguageModelV4GenerateResult {
  if (error === 'cut') return answer([{ type: 'text', text: 'The' }], 'interrupted', prompt)
  if (error !== 'malformed') throw httpError(error, error === 429 ? { headers: { 'retry-after-ms': '1' } } : {})
  const tool = options.tools?.[0]
  if (options.responseFormat?.type === 'json') return answer([{ type: 'text', text: '{"broken": ' }], 'stop', prompt)
  if (tool) return answer([toolCall(`call_${call}_1`, tool.name, '{"broken": ')], 'tool-calls', prompt)
  throw notJson()
}

const toolCall = (toolCallId: string, toolName: string, input: string): LanguageModelV4Content => ({ type: 'tool-call', toolCallId, toolName, input })

function answer(
  content: LanguageModelV4Content[],
  unified: LanguageModelV4GenerateResult['finishReason']['unified'],
  prompt: string,
): LanguageModelV4GenerateResult {
  const written = words(
    content.map((part) => (part.type === 'text' || part.type === 'reasoning' ? part.text : part.type === 'tool-call' ? part.input : '')).join(' '),
  )
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
