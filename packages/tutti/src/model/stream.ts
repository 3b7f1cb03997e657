/**
 * Reads one stream of a model to its end, shows its parts on the way, and puts the answer together.
 *
 * Invariants: an answer is made only of a stream that said it finished (M4); an error part fails the stream, but is thrown at its end, so that the usage that
 * follows it is not lost; the stream is cancelled when the signal aborts or reading fails.
 */
import type { LanguageModelV2StreamPart, LanguageModelV3StreamPart, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { TuttiError } from '../errors/index.ts'
import type { ProviderData, TokenUsage } from '../message/index.ts'
import { SparseMap } from '../primitives/index.ts'
import { type AnswerPart, answerPart, asAnswer, calledOutput, confidenceOf, finishOf, providerData } from './answer.ts'
import { failureOf } from './failure.ts'
import type { CandidateContext, FailedAnswer, RawAnswer } from './model.port.ts'
import { PartialReader } from './output.ts'
import { type OutputPlan, unwrapped, withOutput } from './structured-output.ts'
import { usageOf } from './usage.ts'

type StreamPart = LanguageModelV2StreamPart | LanguageModelV3StreamPart | LanguageModelV4StreamPart
type Finish = Extract<StreamPart, { type: 'finish' }>

/** @throws a TuttiError of the MODEL family, or the reason of the signal */
export async function readStream(
  open: () => PromiseLike<{ readonly stream: ReadableStream<StreamPart> }>,
  o: { model: string; provider: string; output: OutputPlan | undefined },
  context: CandidateContext,
): Promise<RawAnswer | FailedAnswer> {
  const { signal } = context
  const answer = new Assembly(context, o.output)
  const opened = Promise.withResolvers<{ readonly stream: ReadableStream<StreamPart> }>()
  let reader: ReadableStreamDefaultReader<StreamPart> | undefined
  // Ends what is waited for at once: an in-process model may not listen to the signal itself.
  const abort = (): void => {
    if (reader) reader.cancel(signal.reason).catch(() => {})
    else opened.reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    open().then(opened.resolve, opened.reject)
    reader = (await opened.promise).stream.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!beforeAnswer.has(value.type)) context.alive()
      answer.take(value)
    }
  } catch (error) {
    reader?.cancel(error).catch(() => {})
    throw failureOf(error, { model: o.model, phase: reader ? 'stream' : 'call', signal })
  } finally {
    signal.removeEventListener('abort', abort)
  }
  signal.throwIfAborted()
  return answer.end(o)
}

/** What comes before a model has begun to answer. */
const beforeAnswer: ReadonlySet<StreamPart['type']> = new Set<StreamPart['type']>(['stream-start', 'response-metadata', 'raw', 'text-start', 'reasoning-start'])

/** The parts seen so far, in the order in which they began. */
class Assembly {
  readonly #context: CandidateContext
  readonly #output: OutputPlan | undefined
  readonly #partial: PartialReader | undefined
  /** The input of the tool that an answer is given through. */
  #called: string | undefined
  readonly #parts: AnswerPart[] = []
  readonly #open = new SparseMap<string, number>()
  readonly #toolNames = new SparseMap<string, string>()
  #finish: Finish | undefined
  #error: { readonly error: unknown } | undefined

  constructor(context: CandidateContext, output: OutputPlan | undefined) {
    this.#context = context
    this.#output = output
    this.#partial = output ? new PartialReader() : undefined
  }

  take(part: StreamPart): void {
    switch (part.type) {
      case 'text-start':
      case 'reasoning-start':
        return this.#begin(part.type === 'text-start' ? 'text' : 'reasoning', part.id, part.providerMetadata)
      case 'text-delta':
      case 'reasoning-delta':
        return this.#grow(part.type === 'text-delta' ? 'text' : 'reasoning', part)
      case 'text-end':
      case 'reasoning-end':
        return this.#close(part.type === 'text-end' ? 'text' : 'reasoning', part)
      case 'tool-input-start':
        this.#toolNames.set(part.id, part.toolName)
        return
      case 'tool-input-delta':
        return this.#growInput(this.#toolNames.get(part.id) ?? '', part.delta)
      case 'finish':
        this.#finish = part
        return
      case 'error':
        this.#error ??= { error: part.error }
        return
      case 'tool-call':
      case 'tool-result':
      case 'file': {
        if (part.type === 'tool-result' && 'preliminary' in part && part.preliminary) return
        this.#called ??= calledOutput([part], this.#output)
        const whole = answerPart(asAnswer(part, this.#output))
        if (whole) this.#parts.push(whole)
        return
      }
      default:
        return
    }
  }

  end(o: { model: string; provider: string }): RawAnswer | FailedAnswer {
    const usage = usageOf(this.#finish?.usage, o.provider, this.#finish?.providerMetadata)
    if (this.#error) return { error: failureOf(this.#error.error, { model: o.model, phase: 'stream' }), usage }
    const finish = this.#finish && finishOf(this.#finish.finishReason)
    if (finish === undefined || finish === 'cut' || this.#silentlyCut(usage)) {
      return { error: new TuttiError('MODEL_STREAM_CUT', `${o.model}: the stream ended without its finish`, { data: { model: o.model } }), usage }
    }
    const confidence = confidenceOf(this.#finish?.providerMetadata)
    const answer: RawAnswer = { message: { role: 'assistant', parts: this.#parts.filter(saysSomething) }, finish, usage, ...confidence }
    return withOutput(answer, this.#output, this.#called)
  }

  /** Older adapters end a cut stream with a finish of their own making: no reason from the provider, and no usage. */
  #silentlyCut(usage: TokenUsage): boolean {
    const reason = this.#finish?.finishReason
    const unsaid = typeof reason === 'string' ? reason === 'unknown' : reason?.unified === 'other' && reason.raw === undefined
    return unsaid && usage.inputTokens === undefined && usage.outputTokens === undefined
  }

  #begin(type: 'text' | 'reasoning', id: string, metadata: unknown): void {
    this.#open.set(`${type} ${id}`, this.#parts.length)
    this.#parts.push({ type, text: '', ...providerData(metadata) })
  }

  #grow(type: 'text' | 'reasoning', { id, delta, providerMetadata }: { id: string; delta: string; providerMetadata?: unknown }): void {
    // Some adapters leave the start out.
    if (!this.#open.has(`${type} ${id}`)) this.#begin(type, id, undefined)
    this.#extend(type, id, delta, providerMetadata)
    if (delta === '') return
    if (type === 'reasoning') return this.#context.show({ type, text: delta })
    if (!this.#output) return this.#context.show({ type, text: delta })
    // Beside a tool that the answer is given through, text is no part of the answer.
    if (this.#output.mode !== 'tool') this.#showPartial(delta)
  }

  #growInput(tool: string, delta: string): void {
    if (this.#output?.mode === 'tool' && this.#output.name === tool) return this.#showPartial(delta)
    this.#context.show({ type: 'tool-input', tool, text: delta })
  }

  #showPartial(delta: string): void {
    const value = this.#output && unwrapped(this.#partial?.take(delta), this.#output)
    if (value !== undefined) this.#context.show({ type: 'partial', value })
  }

  /** Signatures come with the end of a part. */
  #close(type: 'text' | 'reasoning', { id, providerMetadata }: { id: string; providerMetadata?: unknown }): void {
    this.#extend(type, id, '', providerMetadata)
    this.#open.delete(`${type} ${id}`)
  }

  #extend(type: 'text' | 'reasoning', id: string, delta: string, metadata: unknown): void {
    const index = this.#open.get(`${type} ${id}`)
    const part = index === undefined ? undefined : this.#parts[index]
    if (index === undefined || part?.type !== type) return
    const provider = mergeProvider(part.provider, providerData(metadata).provider)
    this.#parts[index] = { type, text: part.text + delta, ...(provider ? { provider } : {}) }
  }
}

/** Empty text is nothing; empty reasoning may carry a signature. */
const saysSomething = (part: AnswerPart): boolean => !((part.type === 'text' || part.type === 'reasoning') && part.text === '' && !part.provider)

function mergeProvider(before: ProviderData | undefined, after: ProviderData | undefined): ProviderData | undefined {
  if (!before || !after) return after ?? before
  const merged: Record<string, ProviderData[string]> = { ...before }
  for (const [name, data] of Object.entries(after)) merged[name] = { ...merged[name], ...data }
  return merged
}
