/**
 * One question asked through the batch API of its provider, in a scope of its own: `submit`, then `wait:n` and `poll:n` until the batch has ended, then `answer`. Between
 * them the run rests; nothing of it is in memory.
 *
 * Invariants: I7 (what was handed in counts in full, at the batch rate, until its answer says what it used; the rest then comes back); what is recorded of the batch is
 * enough to go on with in any process. On a crash between the provider's word and ours the item is handed in once more, and the lost attempt counts in full.
 */
import { type Amounts, nothing } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { canonical, hash128 } from '../../primitives/index.ts'
import type { Run } from '../../run/definition.port.ts'
import type { EffectContext, Executed, MeteredFailure } from '../../run/effect.port.ts'
import { countFor } from '../count-for.ts'
import { failureOf, wasRefused } from '../failure.ts'
import { mayRetry, placeAfter, waitBefore } from '../fallback.ts'
import { type Fit, fitCall } from '../fit.ts'
import type { Link } from '../links.ts'
import type { AskModel, BatchPolicy, Candidate, CandidateContext, ModelAnswer, ModelRetry, OutputMode } from '../model.port.ts'
import type { Price, Rate } from '../price.port.ts'
import { costMicroUsd } from '../price.ts'
import { textReached } from '../reached.ts'
import type { BatchState } from './batch.port.ts'
import type { BatchDesk } from './desk.ts'
import { read, type Wired, written } from './wire.ts'

export interface BatchGround {
  readonly desk: BatchDesk
  readonly wired: Wired
  /** 'provider/model', and what it costs when it is asked at once. */
  readonly id: string
  readonly price: Price | undefined
  readonly inputCount?: Candidate['inputCount']
  /** How often an item is handed in. Default: five times while the API refuses it, and once when its batch has answered something else than an answer. */
  readonly retry?: ModelRetry | undefined
  readonly outputMode?: OutputMode | undefined
}

/** Batches cost half, at every provider that has them. */
const RATE = 2
const longestWaitMs = 1_800_000

interface Submitted {
  readonly batch: string
  readonly item: string
  /** What was counted for it. */
  readonly counted: Amounts
}

export class BatchedCall {
  readonly #question: AskModel
  readonly #policy: BatchPolicy
  readonly #ground: BatchGround
  readonly #price: Price | undefined

  constructor(question: AskModel, policy: BatchPolicy, ground: BatchGround) {
    this.#question = question
    this.#policy = policy
    this.#ground = ground
    this.#price = ground.price && batchPrice(ground.price)
  }

  /** @throws a TuttiError of the MODEL family; BUDGET_EXCEEDED, BUDGET_NO_PRICE */
  ask(run: Run): Promise<ModelAnswer> {
    const { name, request } = this.#question
    return run['~core'].open(name, { thread: request.thread }, (inner) => this.#rounds(inner))
  }

  /** Where `retry` was declared, an item whose batch did not answer it goes into another one: as often, and after as long, as was said. */
  async #rounds(run: Run): Promise<ModelAnswer> {
    const { retry } = this.#ground
    for (let attempt = 1; ; attempt++) {
      const sent = await this.#submit(run)
      try {
        return await this.#through(run, sent)
      } catch (error) {
        if (!retry || attempt >= retry.attempts || run.signal.aborted || !TuttiError.is(error) || !error.code.startsWith('MODEL_') || !mayRetry(error, retry))
          throw error
        const links = [{ retry } as unknown as Link]
        await run.sleep(`again:${attempt}`, waitBefore({ link: 0, attempt: attempt + 1 }, error, links, `${run.id}/${run.key}/again/${attempt}`))
      }
    }
  }

  async #through(run: Run, sent: Submitted): Promise<ModelAnswer> {
    const begun = run.now().getTime()
    const { desk, id } = this.#ground
    let seen: BatchState
    let waitMs = this.#policy.everyMs
    try {
      for (let n = 1; ; n++) {
        await run.sleep(`wait:${n}`, waitMs)
        waitMs = Math.min(waitMs * 2, longestWaitMs)
        seen = await run.step(`poll:${n}`, sent.batch, () => this.#heard(desk.poll(sent.batch, sent.item)), {
          retry: { attempts: 8, backoff: '30s', max: '10m' },
        })
        if (seen.ended) break
        if (run.now().getTime() - begun > this.#policy.withinMs) {
          desk.drop(sent.batch, sent.item)
          throw new TuttiError('MODEL_TIMEOUT', `${id}: the batch ${sent.batch} is '${seen.status}' after ${hours(this.#policy.withinMs)}`, {
            data: { model: id },
          })
        }
      }
    } catch (error) {
      if (run.signal.aborted) desk.drop(sent.batch, sent.item)
      throw error
    }
    return this.#answer(run, sent, seen)
  }

  #submit(run: Run): Promise<Submitted> {
    const { request } = this.#question
    const { retry = { attempts: 5, backoff: '5s' } } = this.#ground
    const links = [{ retry } as unknown as Link]
    const label = { agent: this.#question.agent, model: this.#ground.id, why: 'batch' }
    return run['~core'].ask<Submitted>({
      name: 'submit',
      kind: 'model',
      effect: 'idempotent',
      fingerprint: hash128(canonical({ kind: 'batch', thread: request.thread, tools: request.tools ? hash128(JSON.stringify(request.tools)) : null })),
      tunable: hash128(canonical({ model: this.#ground.id, system: request.system ?? null })),
      label,
      reached: () => undefined,
      plan: async () => {
        const { counted, ...fit } = await this.#fit(run)
        return { hold: fit.hold, label: { ...label, counted }, execute: (context) => this.#handIn(fit, context) }
      },
      retry: (error, attempt) => {
        const next = attempt < retry.attempts ? placeAfter(error, links) : undefined
        return next && { afterMs: waitBefore({ link: 0, attempt: attempt + 1 }, error, links, `${run.id}/${run.key}/${attempt}`) }
      },
    })
  }

  async #fit(run: Run): Promise<Fit & { readonly counted: string }> {
    const { request } = this.#question
    const { id } = this.#ground
    const core = run['~core']
    if (core.left().microUsd !== undefined && !this.#price)
      throw new TuttiError('BUDGET_NO_PRICE', `${id} has no price, and this run may spend no more than ${(core.left().microUsd ?? 0) / 1e6} USD`, {
        data: { model: id },
      })
    const count = await countFor(this.#ground, core)
    const call = { id, price: this.#price, settings: request.settings ?? {}, inputTokens: count.of(request) }
    return { ...fitCall(call, core, true), counted: count.name }
  }

  /** What was taken is counted in full; its `answer` gives back what was not used. */
  async #handIn({ hold, maxOutputTokens }: Fit, context: EffectContext): Promise<Executed<Submitted>> {
    const { desk, wired } = this.#ground
    const item = context.idempotencyKey
    try {
      const { url, body } = await written(wired, this.#question.request, this.#contextOf(context.signal, maxOutputTokens))
      const batch = await this.#heard(desk.submit({ id: item, url, body }, context.signal))
      return { value: { batch, item, counted: { ...hold } }, settle: hold }
    } catch (error) {
      if (context.signal.aborted || !TuttiError.is(error) || !wasRefused(error)) throw error
      const failure: MeteredFailure = { '~metered': true, error, settle: nothing }
      throw failure
    }
  }

  #answer(run: Run, { batch, item, counted }: Submitted, state: BatchState): Promise<ModelAnswer> {
    const { desk, id } = this.#ground
    const execute = async (context: EffectContext): Promise<Executed<ModelAnswer>> => {
      const back = { ...minus(nothing, counted), modelCalls: 0 }
      try {
        const executed = await this.#readAnswer(batch, item, counted, state, context)
        desk.done(batch, item)
        return executed
      } catch (error) {
        if (context.signal.aborted || (TuttiError.is(error) && error.disposition === 'retryable' && error.code === 'MODEL_UNREACHABLE')) throw error
        // Providers bill what they answered, and nothing else.
        desk.done(batch, item)
        const failure: MeteredFailure = { '~metered': true, error, settle: back }
        throw failure
      }
    }
    return run['~core'].ask<ModelAnswer>({
      name: 'answer',
      kind: 'model',
      effect: 'idempotent',
      fingerprint: hash128(canonical({ kind: 'batch answer', batch, item })),
      label: { agent: this.#question.agent, model: id, why: 'batch', batch },
      reached: textReached,
      plan: () => ({ execute }),
      retry: (error, attempt) => (error.code === 'MODEL_UNREACHABLE' && attempt < 5 ? { afterMs: 30_000 * attempt } : undefined),
    })
  }

  async #readAnswer(batch: string, item: string, counted: Amounts, state: BatchState, context: EffectContext): Promise<Executed<ModelAnswer>> {
    const { desk, id, wired } = this.#ground
    if (state.failure !== undefined)
      throw new TuttiError('MODEL_REQUEST_REFUSED', `${id}: the batch ${batch} was refused: ${state.failure}`, { data: { model: id, batch } })
    const result = await this.#heard(desk.result(batch, item))
    if ('missing' in result) throw missing(result.missing, id, batch)
    const answer = await read(wired, this.#question.request, this.#contextOf(context.signal, 0), result)
    if ('error' in answer) throw failureOf(answer.error, { model: id, phase: 'call' })
    const { inputTokens, outputTokens, cacheReadTokens = 0 } = answer.usage
    const cost = this.#price && costMicroUsd(this.#price, answer.usage)
    const used = {
      ...counted,
      microUsd: cost ?? counted.microUsd,
      inputTokens: inputTokens ?? counted.inputTokens,
      outputTokens: outputTokens ?? counted.outputTokens,
      cacheReadTokens,
    }
    const value: ModelAnswer = { ...answer, model: { id, why: 'batch' }, ...(cost === undefined ? {} : { costMicroUsd: cost }) }
    return { value, settle: minus(used, counted) }
  }

  #contextOf(signal: AbortSignal, maxOutputTokens: number): CandidateContext {
    return { signal, maxOutputTokens, outputMode: this.#ground.outputMode, show: () => {}, alive: () => {} }
  }

  /** What the API throws, as failures of models are said. */
  async #heard<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      throw TuttiError.is(error) ? error : failureOf(error, { model: this.#ground.id, phase: 'call' })
    }
  }
}

function missing(why: 'expired' | 'cancelled' | 'lost', id: string, batch: string): TuttiError {
  const data = { model: id, batch }
  if (why === 'expired') return new TuttiError('MODEL_TIMEOUT', `${id}: the batch ${batch} expired before this request was answered`, { data })
  if (why === 'cancelled') return new TuttiError('MODEL_FAILED', `${id}: the batch ${batch} was cancelled before this request was answered`, { data })
  return new TuttiError('MODEL_MALFORMED', `${id}: the results of the batch ${batch} say nothing of this request`, { data })
}

/** The price of the same tokens in a batch. */
function batchPrice({ above, ...price }: Price): Price {
  const half = <R extends Rate>(rate: R): R => ({
    ...rate,
    input: Math.ceil(rate.input / RATE),
    output: Math.ceil(rate.output / RATE),
    ...(rate.cacheRead === undefined ? {} : { cacheRead: Math.ceil(rate.cacheRead / RATE) }),
    ...(rate.cacheWrite === undefined ? {} : { cacheWrite: Math.ceil(rate.cacheWrite / RATE) }),
  })
  return { ...half(price), ...(above ? { above: half(above) } : {}) }
}

const hours = (ms: number): string => `${Math.round(ms / 360_000) / 10} h`

const minus = (a: Amounts, b: Amounts): Amounts => ({
  microUsd: a.microUsd - b.microUsd,
  inputTokens: a.inputTokens - b.inputTokens,
  outputTokens: a.outputTokens - b.outputTokens,
  cacheReadTokens: a.cacheReadTokens - b.cacheReadTokens,
  modelCalls: a.modelCalls - b.modelCalls,
  toolCalls: a.toolCalls - b.toolCalls,
})
