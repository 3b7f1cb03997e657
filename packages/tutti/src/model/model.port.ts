/**
 * What the rooms above know of models: what may stand as one, what is asked of it, what it answers. Types only.
 * Providers speak `@ai-sdk/provider` (V2, V3 and V4); nothing above this room sees those shapes.
 */
import type { LanguageModelV2, LanguageModelV3, LanguageModelV4 } from '@ai-sdk/provider'
import type { FinishReason, Message, ProviderData, TokenUsage } from '../message/index.ts'
import type { Json, JsonSchema } from '../primitives/index.ts'
import type { Retry, Run } from '../run/definition.port.ts'
import type { Awaitable, StreamPart } from '../run/effect.port.ts'
import type { BatchPort } from './batch/batch.port.ts'
import type { Price } from './price.port.ts'

export type ModelId = 'tutti/extractive' | 'anthropic/claude-sonnet-4-5' | 'openai/gpt-5-mini' | (`${string}/${string}` & {})
export type LanguageModel = LanguageModelV2 | LanguageModelV3 | LanguageModelV4

/** A policy around models, or a model of our own; the name says which. */
export interface Model {
  readonly '~model': string
}
/** An id, a provider's model, a policy, or an ordered list of them: a list is a fallback chain. */
export type ModelLike = ModelId | LanguageModel | Model | readonly ModelLike[]

/** What a `Model` that is a policy does to the models inside it: plain data, read when the model is asked. Durations are in ms. */
export interface PolicyModel extends Model {
  readonly '~policy': Policy
}
export type Policy =
  | { readonly kind: 'retry'; readonly of: ModelLike; readonly retry: ModelRetry }
  | { readonly kind: 'timeout'; readonly of: ModelLike; readonly timeouts: Timeouts }
  | { readonly kind: 'cascade'; readonly of: readonly ModelLike[]; readonly accept: Accept }
  | { readonly kind: 'structured'; readonly of: ModelLike; readonly by: OutputMode }
  | BatchPolicy
  | BreakerPolicy
  | HedgePolicy
  | LimitPolicy
  | CachePolicy

/**
 * How an answer to a schema is asked for: in the provider's JSON mode, through a tool that the model is made to call, or by instructions alone. Whatever it is, the
 * answer is checked.
 */
export type OutputMode = 'json' | 'tool' | 'prompt'

export interface BatchPolicy {
  readonly kind: 'batch'
  readonly of: ModelId
  readonly withinMs: number
  /** Before it is first asked whether it has ended; doubled each time, to half an hour. */
  readonly everyMs: number
  /** Default: by the provider. */
  readonly port?: BatchPort | undefined
}

export interface BreakerPolicy {
  readonly kind: 'breaker'
  readonly of: ModelLike
  readonly failures: number
  readonly withinMs: number
  readonly cooldownMs: number
}

export interface HedgePolicy {
  readonly kind: 'hedge'
  readonly of: ModelLike
  readonly afterMs: number | 'p95'
  /** Attempts beside one another, the first included. */
  readonly max: number
}

export interface LimitPolicy {
  readonly kind: 'limit'
  readonly of: ModelLike
  /** Of the limit; default: what the declaration says. */
  readonly name?: string | undefined
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly concurrency?: number | undefined
  readonly maxWaitMs?: number | undefined
}

export interface CachePolicy {
  readonly kind: 'cache'
  readonly of: ModelLike
  readonly ttlMs: number
  readonly similar?: number | undefined
  readonly per: 'tenant' | 'user'
  readonly max: number
}

/** How often a model is asked again. */
export interface ModelRetry extends Retry {
  /**
   * Also after text of the failed attempt was shown to somebody: they are told that it is void (`text.reset`). Default false: then the failure is final, whatever
   * models come after it.
   */
  afterText?: boolean | undefined
}

/** How long one attempt may take, in ms: until its first token, between two parts of its stream, and in all. What is left out is not limited. */
export interface Timeouts {
  readonly firstTokenMs?: number | undefined
  readonly idleMs?: number | undefined
  readonly totalMs?: number | undefined
}

/** Whether an answer will do. `output` is its JSON where the question has a schema; `confidence` (0 to 1) where the provider tells how sure its tokens were. */
export type Accept = (answer: { text: string; output: unknown; confidence?: number | undefined }) => Awaitable<boolean>

export interface ToolSpec {
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonSchema
}

export interface ModelSettings {
  /** Held before the call and sent with it. Default: what the model can write, at most 4096 under a limit of money or tokens. */
  readonly maxOutputTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly stop?: readonly string[] | undefined
  readonly seed?: number | undefined
  readonly reasoning?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max' | undefined
  /** How long one attempt may take, in ms. Default: as long as the provider's own client waits. */
  readonly timeoutMs?: number | undefined
  /** Options that only one provider knows, keyed by its name. */
  readonly provider?: ProviderData | undefined
}

export interface ModelRequest {
  /** The instructions; a tunable. */
  readonly system?: string | undefined
  readonly messages: readonly Message[]
  /** The place of `messages` in its thread: how many, and their chain. Part of the fingerprint in their stead. */
  readonly thread: { readonly at: number; readonly chain: string }
  /** Give the same array every turn: its hash is computed once per array. */
  readonly tools?: readonly ToolSpec[] | undefined
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly tool: string } | undefined
  /** The answer is to be JSON of this schema. Give the same object every turn. */
  readonly output?: { readonly name: string; readonly schema: JsonSchema } | undefined
  readonly settings?: ModelSettings | undefined
}

/** Recorded as it is: JSON. */
export interface ModelAnswer {
  readonly message: Extract<Message, { role: 'assistant' }>
  readonly finish: FinishReason
  readonly usage: TokenUsage
  /** Which model answered, and why that one: 'asked for', 'fallback after MODEL_RATE_LIMITED of …', 'OPENAI_API_KEY is set'. */
  readonly model: {
    readonly id: string
    readonly why: string
    /** Where in its chain the next model stands, for an answer that will not do. Absent: it was the last. */
    readonly next?: number | undefined
  }
  /** Absent: no price, or no usage, is known. */
  readonly costMicroUsd?: number | undefined
  /** The JSON text of the answer, where the provider says it is another than the text of the message. */
  readonly outputText?: string | undefined
  /** How sure the model was of its tokens, 0 to 1: the geometric mean of their probabilities. Absent where the provider does not tell (OpenAI does, with `logprobs`). */
  readonly confidence?: number | undefined
}

/** What one model answered, before anything is made of it. */
export type RawAnswer = Pick<ModelAnswer, 'message' | 'finish' | 'usage' | 'outputText' | 'confidence'>

/** A failed answer that says what it used. */
export interface FailedAnswer {
  readonly error: unknown
  readonly usage: TokenUsage
}

export interface CandidateContext {
  readonly signal: AbortSignal
  /** What was held, and is sent. */
  readonly maxOutputTokens: number
  /** How a schema is to be answered, where somebody said so. Default: by what is known of the model. */
  readonly outputMode?: OutputMode | undefined
  /** Shows a provisional part. */
  show(part: StreamPart): void
  /** A part of the answer came, whatever it is. */
  alive(): void
}

/** One way to bound the input of a call. */
export interface InputCount {
  /** `bytes`, or the encoding that counts: `o200k_base`. */
  readonly name: string
  /** The most tokens that a provider can count for the input of `request`. */
  of(request: ModelRequest): number
}

/** One model that can be called: a resolved link of a fallback chain. */
export interface Candidate {
  /** 'provider/model'. */
  readonly id: string
  readonly price: Price | undefined
  /** How its input is counted, where that is known better than by its bytes; what counts is loaded when it is first asked for. */
  readonly inputCount?: (() => Promise<InputCount>) | undefined
  /** @throws a TuttiError of the MODEL family, or the reason of the signal */
  generate(request: ModelRequest, context: CandidateContext): Promise<RawAnswer | FailedAnswer>
  /** The same, showing parts as they come. */
  stream(request: ModelRequest, context: CandidateContext): Promise<RawAnswer | FailedAnswer>
}

/** A provider's model that makes vectors of texts, by shape: versions 2, 3 and 4 of the AI SDK's. */
export interface EmbeddingModel {
  readonly specificationVersion: string
  readonly provider: string
  readonly modelId: string
  readonly maxEmbeddingsPerCall: PromiseLike<number | undefined> | number | undefined
  doEmbed(o: {
    values: string[]
    abortSignal?: AbortSignal
  }): PromiseLike<{ embeddings: readonly (readonly number[])[]; usage?: { tokens: number } | undefined }>
}

/** Texts to be embedded as one recorded step of a run. */
export interface AskEmbedding<T> {
  /** 'provider/model', or a model object. */
  readonly model: string | EmbeddingModel
  /** What tells this question from others. */
  readonly asked: Json
  /** Read when they are needed: not on replay. */
  texts(): readonly string[]
  /** What is recorded: the vectors themselves may be too much for a journal. May be called again after a crash. */
  keep(vectors: readonly (readonly number[])[]): T
}

export interface AskModel {
  /** The name of the step, e.g. `turn:1`. */
  readonly name: string
  /** Whose question it is: overrides are keyed by it. */
  readonly agent: string
  /** `undefined`: the app's model, or the one chosen from the environment. */
  readonly model?: ModelLike | undefined
  /** Whoever forked the run asks this one: it comes before overrides too. */
  readonly insteadOfAll?: ModelLike | undefined
  readonly request: ModelRequest
  /** It is no turn of the agent: a fork that changes the instructions of the agent leaves these. */
  readonly ownInstructions?: true | undefined
  /** Whom the agent asks later, as it stands: that this model can be asked is made sure of before anybody is. An override, or a fork, asks one for all. */
  readonly later?: { readonly whose: string; readonly model: ModelLike } | undefined
  /** Default `true`: parts are shown as they come. */
  readonly stream?: boolean | undefined
  /** The models before this place of the chain (`ModelAnswer.model.next`) have answered, and what they said would not do: each answer, with what was wrong. */
  readonly from?: { readonly link: number; readonly refused: readonly AttemptRecord[] } | undefined
}

/** What the app provides to its runs: asks models, records the attempts, holds and settles their cost. */
export interface Gateway {
  ask(run: Run, question: AskModel): Promise<ModelAnswer>
  /** Held, priced and settled as every call is. @throws BUDGET_EXCEEDED | BUDGET_NO_PRICE and the MODEL family */
  embed?<T>(run: Run, question: AskEmbedding<T>): Promise<T>
  /** Micro-USD for one of what a model is billed by; `undefined`: unknown. */
  unitPrice?(id: string, unit: 'input' | 'search' | 'image' | 'minute' | 'character'): number | undefined
  /** Whoever waits in it is told that the app is closed. */
  close?(): void
}

/** Structurally what an embedder of the retrieval room is. */
export interface TextEmbedder {
  embed(texts: readonly string[]): Promise<Float32Array[]>
}

/** What happened to one attempt, as `data.attempts` of the final error lists them. */
export interface AttemptRecord {
  readonly model: string
  readonly code: string
  readonly message: string
  /** How much the model reads, where it could not read all that was sent, and this is known. */
  readonly maxInputTokens?: number
}
