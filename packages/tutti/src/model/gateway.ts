/**
 * The gateway: what stands between a run and model providers.
 *
 * Owns: the models an app may ask (resolved once each), its default, its overrides and prices, and what its policies remember.
 * Does not own: recording, retry timers and ledgers (the run core), the agent loop, validation of structured output (the agent room).
 * Invariants: those of `model-call.ts`; nothing is read from the environment but what is handed in.
 * On a crash nothing is here to lose: a gateway is made again from its options.
 */

import { type LimitBook, memoryLimits } from '../journal/index.ts'
import { type Clock, canonical, systemClock } from '../primitives/index.ts'
import type { Run } from '../run/definition.port.ts'
import { AnswerCache } from './answer-cache.ts'
import { aloneInBatch } from './batch/alone.ts'
import type { BatchPort } from './batch/batch.port.ts'
import { BatchedCall } from './batch/batched.ts'
import { BatchDesk } from './batch/desk.ts'
import { batchPortOf } from './batch/port-of.ts'
import { Breaker } from './breaker.ts'
import { type Choice, chooseModel } from './choose.ts'
import { gatewayKey } from './gateway-key.ts'
import type { CallGround, Guard } from './guard.port.ts'
import { candidateOf, idOf, isLanguageModel } from './language-model.ts'
import { Latency } from './latency.ts'
import { checkAskable, sureOf } from './later-model.ts'
import { Limiter } from './limiter.ts'
import { describePolicy, type GuardPolicy, type Link, modelChain } from './links.ts'
import { embedKept } from './metered.ts'
import type { AskEmbedding, AskModel, BatchPolicy, Candidate, EmbeddingModel, Gateway, ModelAnswer, ModelLike } from './model.port.ts'
import { ModelCall } from './model-call.ts'
import { type BilledUnit, checkPrices, type DeclaredPrices, priceOf, unitMicroUsd } from './price.ts'
import { isElsewhere, plainId, type ResolveOptions, resolveEmbedding, resolveModel } from './resolve.ts'
import { type TokenizerChoice, Tokenizers } from './tokenizer.ts'

export { gatewayKey }

export interface GatewayOptions extends ResolveOptions {
  /** The app's model, for agents that declare none. Default: chosen from the environment. */
  readonly model?: ModelLike | undefined
  readonly prices?: DeclaredPrices | undefined
  /** By agent; above what the agent declares. */
  readonly overrides?: { readonly [agent: string]: ModelLike } | undefined
  /** How inputs are counted. Default `'bytes'`; `tutti()` says `'auto'`. */
  readonly tokenizer?: TokenizerChoice | undefined
  /** What processes on one store have in common of the limits by the minute. Default: each process counts for itself. */
  readonly limits?: LimitBook | undefined
  /** Default: that of this machine. */
  readonly clock?: Clock | undefined
}

/** @example services.set(gatewayKey.service, gateway({ env: process.env, cwd: process.cwd() })) */
export const gateway = (o: GatewayOptions): Gateway & { choice(): Promise<Choice> } => new ModelGateway(o)

/**
 * Asks a model, as one recorded step of the run. One attempt is one call of one model; each is held, settled and recorded by itself.
 *
 * @throws a TuttiError of the MODEL family, the last of the chain, with every attempt in `data.attempts`; BUDGET_EXCEEDED, BUDGET_NO_PRICE
 * @example const { message } = await askModel(run, { name: 'turn:1', agent: 'order', model: undefined, request })
 */
export const askModel = (run: Run, question: AskModel): Promise<ModelAnswer> => run['~core'].service(gatewayKey).ask(run, question)

class ModelGateway implements Gateway, CallGround {
  readonly clock: Clock
  readonly #options: GatewayOptions
  /** By id, or by the model object itself. */
  readonly #candidates = new Map<unknown, Promise<Candidate>>()
  /** Those of them that are there. */
  readonly #known = new Map<unknown, Candidate>()
  /** By what their declarations say; the object itself is the quicker way there. */
  readonly #guards = new Map<string | GuardPolicy, Guard>()
  readonly #book: LimitBook
  readonly #tokenizers: Tokenizers
  readonly #latencies = new Map<string, Latency>()
  readonly #embeddings = new Map<string, Promise<EmbeddingModel>>()
  readonly #desks = new Map<BatchPort | string, BatchDesk>()
  #choice: Promise<Choice> | undefined

  constructor(options: GatewayOptions) {
    checkPrices(options.prices)
    this.#options = options
    this.clock = options.clock ?? systemClock
    this.#book = options.limits ?? memoryLimits()
    this.#tokenizers = new Tokenizers(options.tokenizer ?? 'bytes', options.cwd)
  }

  ask(run: Run, question: AskModel): Promise<ModelAnswer> {
    const { overrides, model } = this.#options
    const override = overrides && Object.hasOwn(overrides, question.agent) ? overrides[question.agent] : undefined
    if (question.insteadOfAll !== undefined) return this.#ask(run, question, question.insteadOfAll, 'asked for by the fork')
    const why = override !== undefined ? `override for '${question.agent}'` : question.model !== undefined ? 'asked for' : "the app's model"
    return this.#ask(run, question, override ?? question.model ?? model, why, override === undefined ? question.later : undefined)
  }

  #ask(run: Run, question: AskModel, model: ModelLike | undefined, why: string, later?: AskModel['later']): Promise<ModelAnswer> {
    const { links } = modelChain(model)
    const batch = links.find((link) => link.batch)?.batch
    if (batch) return this.#askInBatch(run, question, batch, links)
    const call = new ModelCall(run, question, this, model, why)
    return run['~core'].ask(later ? sureOf(call.effect(), () => checkAskable(run, this, later)) : call.effect())
  }

  #askInBatch(run: Run, question: AskModel, policy: BatchPolicy, links: readonly Link[]): Promise<ModelAnswer> {
    const { retry, outputMode } = aloneInBatch(policy, links)
    const id = plainId(policy.of)
    const price = priceOf(id, this.#options.prices)
    const wired = async (fetch: typeof globalThis.fetch): Promise<Candidate> =>
      candidateOf(await resolveModel(policy.of, { ...this.#options, fetch }), { id, price })
    const inputCount = this.#countOf(policy.of, id)
    return new BatchedCall(question, policy, { desk: this.#desk(policy), wired, id, price, inputCount, retry, outputMode }).ask(run)
  }

  #desk({ of, port, everyMs }: BatchPolicy): BatchDesk {
    const known = this.#desks.get(port ?? of)
    if (known) return known
    const desk = new BatchDesk(port ?? batchPortOf(of, this.#options.env), { clock: this.clock, everyMs })
    this.#desks.set(port ?? of, desk)
    return desk
  }

  /** The model for agents that declare none, where the app declares none either. Looked for once. */
  choice(): Promise<Choice> {
    this.#choice ??= chooseModel(this.#options)
    return this.#choice
  }

  async candidate({ model }: Link): Promise<{ candidate: Candidate; why: string | undefined }> {
    const choice = model === undefined ? await this.choice() : undefined
    return { candidate: await this.#candidateOf(model ?? (choice as Choice).model), why: choice?.why }
  }

  known({ model }: Link): Candidate | undefined {
    return model === undefined ? undefined : this.#known.get(model)
  }

  latency(model: string): Latency {
    const known = this.#latencies.get(model) ?? new Latency()
    this.#latencies.set(model, known)
    return known
  }

  guard(policy: GuardPolicy): Guard {
    const known = this.#guards.get(policy)
    if (known) return known
    const said = canonical(describePolicy(policy))
    const guard = this.#guards.get(said) ?? this.#guardOf(policy, said)
    this.#guards.set(said, guard).set(policy, guard)
    return guard
  }

  unitPrice(id: string, unit: BilledUnit): number | undefined {
    return unitMicroUsd(id, unit, this.#options.prices)
  }

  embed<T>(run: Run, question: AskEmbedding<T>): Promise<T> {
    const { model } = question
    if (typeof model !== 'string') return embedKept(run, model, question)
    const id = plainId(model)
    return embedKept(run, { id, load: () => this.#embeddingOf(id) }, question)
  }

  #embeddingOf(id: string): Promise<EmbeddingModel> {
    const known = this.#embeddings.get(id)
    if (known) return known
    const made = resolveEmbedding(id, this.#options)
    this.#embeddings.set(id, made)
    made.catch(() => this.#embeddings.delete(id))
    return made
  }

  /** Whoever waits for a turn hears that the app is closed. */
  close(): void {
    for (const guard of this.#guards.values()) if (guard instanceof Limiter) guard.close()
  }

  #guardOf(policy: GuardPolicy, said: string): Guard {
    if (policy.kind === 'cache') return new AnswerCache(policy, { clock: this.clock, embedder: this.#options.embedder })
    if (policy.kind === 'breaker') return new Breaker(policy, this.clock)
    return new Limiter(policy, { name: policy.name ?? said, clock: this.clock, book: this.#book })
  }

  #candidateOf(model: NonNullable<Link['model']>): Promise<Candidate> {
    const known = this.#candidates.get(model)
    if (known) return known
    const made = this.#make(model)
    this.#candidates.set(model, made)
    made.then(
      (candidate) => this.#known.set(model, candidate),
      // A package may be installed, a key set, while the app runs.
      () => this.#candidates.delete(model),
    )
    return made
  }

  #countOf(model: NonNullable<Link['model']>, id: string): Candidate['inputCount'] {
    return this.#tokenizers.countOf(id, typeof model === 'string' && isElsewhere(model, this.#options.env))
  }

  async #make(model: NonNullable<Link['model']>): Promise<Candidate> {
    const id = isLanguageModel(model) ? idOf(model) : plainId(model)
    const resolved = isLanguageModel(model) ? model : await resolveModel(model, this.#options)
    return candidateOf(resolved, { id, price: priceOf(id, this.#options.prices), inputCount: this.#countOf(model, id) })
  }
}
