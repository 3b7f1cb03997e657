/**
 * A call of several rounds: a server answers that it needs something first (a person's answer, a model's, the folders it may see), and is asked again with it.
 *
 * Each round is a recorded step; a person's answer is a signal the run waits for, a model's a step on the run's budget. `requestState` goes back byte by byte.
 * Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
import { TuttiError } from '../../errors/index.ts'
import { chainOf, type Message, textOf } from '../../message/index.ts'
import type { Gateway, ModelLike } from '../../model/model.port.ts'
import { check, type Json, type JsonSchema, type Schema, sayComplaints } from '../../primitives/index.ts'
import type { ServiceKey } from '../../run/effect.port.ts'
import { declaredSignal, ownSignal, type Run } from '../../run/index.ts'
import { jsonSchemaAsSchema } from '../json-schema.ts'
import type { SourcedTool } from '../source.port.ts'
import { rootsOf } from './connection.ts'
import type { McpOptions } from './options.ts'
import { isAsking, type McpOutcome, type Question } from './outcome.ts'

/** A server that asks on and on is not answered for ever. */
const MAX_ROUNDS = 10

/** A person's answer to a question of a server: `content` fits the schema that it asked with. */
export interface QuestionAnswer {
  readonly action: 'accept' | 'decline' | 'cancel'
  readonly content?: { readonly [field: string]: Json } | undefined
}

const answerSchema: Schema<QuestionAnswer, QuestionAnswer> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => {
      const { action, content } = (value ?? {}) as Partial<QuestionAnswer>
      const ok = ['accept', 'decline', 'cancel'].includes(action as string) && (content === undefined || (typeof content === 'object' && content !== null))
      return ok ? { value: value as QuestionAnswer } : { issues: [{ message: "expected { action: 'accept' | 'decline' | 'cancel', content?: { … } }" }] }
    },
  },
}

/** The answer to a question that a tool asks a person. Its data is `{ tool, source, message, schema }`, or `{ tool, source, message, url }`. */
export const toolQuestion = declaredSignal(ownSignal.question, answerSchema)

/** What a step after the first is given. */
export interface Round {
  readonly arguments: unknown
  readonly round: number
  readonly answers: { readonly [id: string]: Json }
  readonly state: string | undefined
  readonly ticket: string | undefined
  /** What was answered so far, by question: for a call that has to be begun again. */
  readonly known: readonly (readonly [Question, Json])[]
}
/** Told apart by what they are, not by what they look like: no arguments of a model can pass for one. */
const rounds = new WeakSet<object>()
export const isRound = (input: unknown): input is Round => typeof input === 'object' && input !== null && rounds.has(input)

export interface Conversing {
  readonly id: string
  readonly options: McpOptions
}

export async function converse(
  { id, options }: Conversing,
  tool: SourcedTool,
  input: unknown,
  { run, call }: { readonly run: Run; call(input: unknown): Promise<unknown> },
): Promise<McpOutcome> {
  const known: (readonly [Question, Json])[] = []
  let outcome = (await call(input)) as McpOutcome
  for (let n = 2; isAsking(outcome); n++) {
    if (n > MAX_ROUNDS)
      throw new TuttiError('TOOL_FAILED', `the tool '${tool.name}' of '${id}' has asked back ${MAX_ROUNDS} times and not answered`, {
        data: { source: id, tool: tool.name },
      })
    const { questions, state, ticket } = outcome
    const answers: Record<string, Json> = {}
    for (const [key, question] of Object.entries(questions)) {
      answers[key] = await answerTo({ run, id, options, tool: tool.name }, question)
      known.push([question, answers[key]])
    }
    const next: Round = { arguments: input, round: n, answers, state, ticket, known: [...known] }
    rounds.add(next)
    outcome = (await call(next)) as McpOutcome
  }
  return outcome
}

interface Asking extends Conversing {
  readonly run: Run
  readonly tool: string
}

async function answerTo(asking: Asking, { method, params }: Question): Promise<Json> {
  const { options, id, tool } = asking
  if (method === 'roots/list' && options.roots) return rootsOf(options.roots) as unknown as Json
  if (method === 'elicitation/create' && options.elicitation) return askPerson(asking, params as ElicitParams)
  if (method === 'sampling/createMessage' && options.sampling) return askModel(asking, options.sampling, params as unknown as SampleParams)
  throw new TuttiError('TOOL_FAILED', `the tool '${tool}' of '${id}' asks for '${method}', which it was not given`, { data: { source: id, tool, method } })
}

interface ElicitParams {
  readonly message?: string
  readonly mode?: string
  readonly url?: string
  readonly requestedSchema?: JsonSchema
}

/** Asked again, with what was wrong, until it fits: what a server is told has passed the schema it asked with. */
async function askPerson({ run, id, tool }: Asking, { message = '', url, requestedSchema }: ElicitParams): Promise<Json> {
  const about = { tool, source: id, message }
  for (let wrong: string | undefined; ; ) {
    const what = url === undefined ? { schema: (requestedSchema ?? {}) as Json } : { url }
    const answer = await run.wait(toolQuestion, { data: { ...about, ...what, ...(wrong === undefined ? {} : { wrong }) } })
    if (answer.action !== 'accept') return { action: answer.action }
    if (url !== undefined || !requestedSchema) return { action: 'accept' }
    const content = withDefaults(requestedSchema, answer.content ?? {})
    const checked = await check(jsonSchemaAsSchema(requestedSchema, `the question of '${tool}'`), content)
    if (checked.ok) return { action: 'accept', content }
    wrong = sayComplaints(checked.complaints)
  }
}

/** What a person leaves out is what the schema proposes (SEP-1034). */
function withDefaults(schema: JsonSchema, content: { readonly [field: string]: Json }): { readonly [field: string]: Json } {
  const properties = Object.entries((schema.properties ?? {}) as { [field: string]: { default?: Json } })
  return { ...Object.fromEntries(properties.flatMap(([field, { default: value }]) => (value === undefined ? [] : [[field, value]]))), ...content }
}

interface SampleParams {
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: unknown }[]
  readonly systemPrompt?: string
  readonly maxTokens?: number
  readonly temperature?: number
  readonly stopSequences?: readonly string[]
}

const gatewayService: ServiceKey<Gateway> = { service: 'model.gateway' }

/** A question for a model is a model call of this run: held, priced and recorded like any other. */
async function askModel({ run, id, tool }: Asking, sampling: true | ModelLike, params: SampleParams): Promise<Json> {
  const messages = params.messages.map(messageOf)
  const answer = await run['~core'].service(gatewayService).ask(run, {
    name: `${tool}:asks-model`,
    agent: id,
    model: sampling === true ? undefined : sampling,
    stream: false,
    request: {
      system: params.systemPrompt,
      messages,
      thread: { at: messages.length, chain: chainOf(messages) },
      settings: { maxOutputTokens: params.maxTokens, temperature: params.temperature, stop: params.stopSequences },
    },
  })
  const stopReason = answer.finish === 'length' ? 'maxTokens' : 'endTurn'
  return { role: 'assistant', content: { type: 'text', text: textOf(answer.message) }, model: answer.model.id, stopReason }
}

function messageOf({ role, content }: SampleParams['messages'][number]): Message {
  const blocks = (Array.isArray(content) ? content : [content]) as readonly { type: string; text?: string; data?: string; mimeType?: string }[]
  const parts = blocks.map((block) =>
    block.type === 'text'
      ? ({ type: 'text', text: block.text ?? '' } as const)
      : ({ type: 'file', mediaType: block.mimeType ?? 'application/octet-stream', data: block.data ?? '' } as const),
  )
  return { role, parts } as Message
}
