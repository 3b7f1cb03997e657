/**
 * Models that do not converse: embeddings, rerankers, images, transcription, speech. Each call is one recorded step with its worst case held before it goes out.
 *
 * Models are taken as AI SDK providers make them (versions 2, 3 and 4 by shape). A price is one of the unit that a provider bills: tokens of input, searches, images,
 * minutes, characters. Under a limit of money a model without one is refused (BUDGET_NO_PRICE).
 */
import { type Amounts, nothing } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { StepKind } from '../journal/index.ts'
import { canonical, checkOptions, checkValue, hash128, is, type Json } from '../primitives/index.ts'
import type { Run } from '../run/definition.port.ts'
import type { EffectContext, Executed, MeteredFailure } from '../run/effect.port.ts'
import { bytes, checkMetered, seconds, size as sizeKind } from './check-metered.ts'
import { failureOf, wasRefused } from './failure.ts'
import { gatewayKey } from './gateway-key.ts'
import { idOf } from './language-model.ts'
import type { AskEmbedding, EmbeddingModel } from './model.port.ts'
import type { BilledUnit } from './price.ts'

interface ModelObject {
  readonly specificationVersion: string
  readonly provider: string
  readonly modelId: string
}
export interface RerankingModel extends ModelObject {
  doRerank(o: {
    documents: { type: 'text'; values: string[] }
    query: string
    topN?: number
    abortSignal?: AbortSignal
  }): PromiseLike<{ ranking: readonly { index: number; relevanceScore: number }[] }>
}
export interface ImageModel extends ModelObject {
  readonly maxImagesPerCall: unknown
  // biome-ignore lint/suspicious/noExplicitAny: the options differ between the versions of the interface
  doGenerate(o: any): PromiseLike<{ images: readonly (string | Uint8Array)[] }>
}
export interface TranscriptionModel extends ModelObject {
  // biome-ignore lint/suspicious/noExplicitAny: the options differ between the versions of the interface
  doGenerate(o: any): PromiseLike<{ text: string; language?: string | undefined; durationInSeconds?: number | undefined }>
}
export interface SpeechModel extends ModelObject {
  // biome-ignore lint/suspicious/noExplicitAny: the options differ between the versions of the interface
  doGenerate(o: any): PromiseLike<{ audio: string | Uint8Array }>
}

const ATTEMPTS = 3
const MINUTE = 60

/**
 * The vectors of these texts, in their order. One step for as many texts as the model takes at once.
 * @throws CONFIG_INVALID | BUDGET_EXCEEDED | BUDGET_NO_PRICE and the MODEL family
 * @example const vectors = await embed(run, openai.textEmbeddingModel('text-embedding-3-small'), ['a', 'b'])
 */
export async function embed(run: Run, model: EmbeddingModel, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
  checkMetered('embed()', { run, model, by: 'doEmbed' })
  checkValue('the texts that embed() was given', 'texts', texts, is.texts)
  const most = Math.max(1, (await model.maxEmbeddingsPerCall) ?? texts.length)
  const parts: string[][] = []
  for (let i = 0; i < texts.length; i += most) parts.push(texts.slice(i, i + most))
  const vectors = await run.all(parts.map((values) => embedOnce(run, model, values)))
  return vectors.flat()
}

function embedOnce(run: Run, model: EmbeddingModel, values: string[]): Promise<number[][]> {
  return embedKept(run, model, { asked: values, texts: () => values, keep: (vectors) => vectors.map((vector) => [...vector]) })
}

/** A model that is loaded when it is asked. */
interface Named {
  readonly id: string
  load(): Promise<EmbeddingModel>
}

/** Texts, as many as there are, in one step; what is recorded of their vectors is what `keep` makes of them. @throws as `embed` */
export function embedKept<T>(run: Run, model: EmbeddingModel | Named, { asked, texts, keep }: Omit<AskEmbedding<T>, 'model'>): Promise<T> {
  const named = 'load' in model ? model : { id: idOf(model), load: async () => model }
  return metered(run, named.id, {
    name: 'embed',
    kind: 'embedding',
    asked,
    unit: 'input',
    // Each token is made of at least one byte, so there are no more of them.
    worst: () => texts().reduce((sum, text) => sum + Buffer.byteLength(text) + 16, 0),
    call: async (abortSignal) => {
      const values = [...texts()]
      const { vectors, tokens } = await embedAll(await named.load(), named.id, values, abortSignal)
      return { value: keep(vectors), used: tokens }
    },
  })
}

/** In as many calls as the model needs. What one of them does not report, is not known of all. */
async function embedAll(
  model: EmbeddingModel,
  id: string,
  values: string[],
  abortSignal: AbortSignal,
): Promise<{ vectors: (readonly number[])[]; tokens: number | undefined }> {
  const most = Math.max(1, (await model.maxEmbeddingsPerCall) ?? values.length)
  const vectors: (readonly number[])[] = []
  let tokens: number | undefined = 0
  for (let i = 0; i < values.length; i += most) {
    const part = values.slice(i, i + most)
    const { embeddings, usage } = await model.doEmbed({ values: part, abortSignal })
    if (embeddings.length !== part.length)
      throw new TuttiError('MODEL_MALFORMED', `${id} was given ${part.length} texts and answered ${embeddings.length} vectors`)
    const hollow = embeddings.findIndex((vector) => vector.length === 0 || !vector.every(Number.isFinite))
    if (hollow >= 0)
      throw new TuttiError('MODEL_MALFORMED', `${id} answered a vector that is none: number ${hollow + 1} of ${part.length} is empty, or not all numbers`)
    vectors.push(...embeddings)
    tokens = usage === undefined || tokens === undefined ? undefined : tokens + usage.tokens
  }
  return { vectors, tokens }
}

/** How well each of these texts fits the question, best first: a step of its own, billed by the search. @throws as `embed` */
export function rerank(
  run: Run,
  model: RerankingModel,
  query: string,
  texts: readonly string[],
  o: { top?: number | undefined } = {},
): Promise<{ index: number; score: number }[]> {
  checkMetered('rerank()', { run, model, by: 'doRerank', texts: { query } })
  checkValue('the texts that rerank() was given', 'texts', texts, is.texts)
  checkOptions<{ top?: number | undefined }>('rerank()', o, { top: is.count })
  return metered(run, idOf(model), {
    name: 'rerank',
    kind: 'retrieval',
    asked: [query, ...texts, o.top ?? null],
    unit: 'search',
    worst: 1,
    call: async (abortSignal) => {
      const topN = o.top === undefined ? {} : { topN: o.top }
      const { ranking } = await model.doRerank({ documents: { type: 'text', values: [...texts] }, query, abortSignal, ...topN })
      return { value: ranking.map(({ index, relevanceScore }) => ({ index, score: relevanceScore })), used: 1 }
    },
  })
}

/** Images of what the prompt says: bytes, or base64 as the provider gives it. Billed by the image; one that sends more than was asked for is an overrun. @throws as `embed` */
export function generateImage(
  run: Run,
  model: ImageModel,
  prompt: string,
  o: { n?: number | undefined; size?: `${number}x${number}` | undefined } = {},
): Promise<(string | Uint8Array)[]> {
  checkMetered('generateImage()', { run, model, by: 'doGenerate', texts: { prompt } })
  checkOptions<{ n?: number | undefined; size?: string | undefined }>('generateImage()', o, { n: is.count, size: sizeKind })
  const { n = 1, size } = o
  return metered(run, idOf(model), {
    name: 'image',
    kind: 'model',
    asked: [prompt, n, size ?? null],
    unit: 'image',
    worst: n,
    call: async (abortSignal) => {
      const given = { prompt, n, size, aspectRatio: undefined, seed: undefined, files: undefined, mask: undefined, providerOptions: {}, abortSignal }
      const { images } = await model.doGenerate(given)
      return { value: [...images], used: images.length }
    },
  })
}

/**
 * What is said in a recording. Billed by the minute, so somebody has to say how long it is at most: a provider that counts more is an overrun. @throws as `embed`
 */
export function transcribe(
  run: Run,
  model: TranscriptionModel,
  audio: Uint8Array,
  o: { mediaType: string; maxSeconds: number },
): Promise<{ text: string; language?: string | undefined }> {
  checkMetered('transcribe()', { run, model, by: 'doGenerate' })
  checkValue('the recording that transcribe() was given', 'audio', audio, bytes)
  checkOptions('transcribe()', o, { mediaType: is.line, maxSeconds: seconds })
  // Neither has a default: without a bound nothing could be held.
  checkValue('the mediaType of transcribe()', 'mediaType', o.mediaType, is.line)
  checkValue('the maxSeconds of transcribe()', 'maxSeconds', o.maxSeconds, seconds)
  return metered(run, idOf(model), {
    name: 'transcribe',
    kind: 'model',
    asked: [Buffer.from(audio).toString('base64'), o.mediaType],
    unit: 'minute',
    worst: o.maxSeconds / MINUTE,
    call: async (abortSignal) => {
      const { text, language, durationInSeconds } = await model.doGenerate({ audio, mediaType: o.mediaType, providerOptions: {}, abortSignal })
      return {
        value: { text, ...(language === undefined ? {} : { language }) },
        used: durationInSeconds === undefined ? undefined : durationInSeconds / MINUTE,
      }
    },
  })
}

/** The text, spoken. Billed by the character. @throws as `embed` */
export function speak(run: Run, model: SpeechModel, text: string, o: { voice?: string | undefined } = {}): Promise<string | Uint8Array> {
  checkMetered('speak()', { run, model, by: 'doGenerate', texts: { text } })
  checkOptions<{ voice?: string | undefined }>('speak()', o, { voice: is.line })
  const characters = [...text].length
  return metered(run, idOf(model), {
    name: 'speak',
    kind: 'model',
    asked: [text, o.voice ?? null],
    unit: 'character',
    worst: characters,
    call: async (abortSignal) => {
      const voice = o.voice === undefined ? {} : { voice: o.voice }
      return { value: (await model.doGenerate({ text, providerOptions: {}, abortSignal, ...voice })).audio, used: characters }
    },
  })
}

interface Billed<T> {
  readonly name: string
  readonly kind: StepKind
  readonly asked: Json
  readonly unit: BilledUnit
  /** In units; a function: worked out when the call is about to be made. */
  readonly worst: number | (() => number)
  /** `used` left out: the provider does not say. */
  call(signal: AbortSignal): Promise<{ value: T; used: number | undefined }>
}

function metered<T>(run: Run, id: string, o: Billed<T>): Promise<T> {
  return run['~core'].ask<T>({
    name: o.name,
    kind: o.kind,
    effect: 'idempotent',
    fingerprint: hash128(canonical({ kind: o.name, asked: o.asked })),
    tunable: hash128(id),
    label: { model: id },
    ...(o.kind === 'embedding' ? { reached: () => undefined } : {}),
    plan: () => {
      const unitMicroUsd = run['~core'].service(gatewayKey).unitPrice?.(id, o.unit)
      const left = run['~core'].left().microUsd
      if (left !== undefined && unitMicroUsd === undefined)
        throw new TuttiError('BUDGET_NO_PRICE', `${id} has no price per ${nameOf[o.unit]}, and this run may spend no more than ${left / 1_000_000} USD`, {
          data: { model: id, unit: o.unit },
        })
      const amounts = (units: number): Amounts => ({
        ...nothing,
        microUsd: Math.ceil(units * (unitMicroUsd ?? 0) - 1e-9),
        inputTokens: o.unit === 'input' ? Math.ceil(units) : 0,
        modelCalls: 1,
      })
      const hold = amounts(typeof o.worst === 'function' ? o.worst() : o.worst)
      return { hold, execute: (context) => attempt(o, { id, hold, amounts, context }) }
    },
    retry: (error, attempt) => (attempt < ATTEMPTS && error.disposition === 'retryable' ? { afterMs: 500 * 2 ** (attempt - 1) } : undefined),
  })
}

interface Metering {
  readonly id: string
  readonly hold: Amounts
  amounts(units: number): Amounts
  readonly context: EffectContext
}

async function attempt<T>(o: Billed<T>, { id, hold, amounts, context }: Metering): Promise<Executed<T>> {
  const { signal } = context
  try {
    const { value, used } = await o.call(signal)
    const isKnown = used !== undefined && Number.isFinite(used) && used >= 0
    return { value, ...(isKnown ? { settle: amounts(used) } : {}) }
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    const error = (TuttiError.is(cause) ? cause : failureOf(cause, { model: id, phase: 'call' })) as TuttiError
    if (!wasRefused(error)) throw error
    const failure: MeteredFailure = { '~metered': true, error, settle: { ...hold, microUsd: 0, inputTokens: 0 } }
    throw failure
  }
}

const nameOf: Readonly<Record<BilledUnit, string>> = { input: 'token', search: 'search', image: 'image', minute: 'minute', character: 'character' }
