/**
 * One question to a chain of models, as one effect of a run: which model is asked at each attempt, what is held for it, what it used.
 *
 * Invariants: I7 (the worst case is in the plan of every attempt, and what is held is what is sent); usage is settled as reported, also when it passes the
 * hold; unknown usage keeps the hold; where the walk stands is in the error of the last attempt, so it survives a crash.
 */
import type { Amounts } from '../budget/index.ts'
import { type ErrorRecord, rebuildError, TuttiError } from '../errors/index.ts'
import type { TokenUsage } from '../message/index.ts'
import { canonical, hash128, type Json } from '../primitives/index.ts'
import type { Run } from '../run/definition.port.ts'
import type { AttemptPlan, EffectContext, EffectSpec, Executed, MeteredFailure } from '../run/effect.port.ts'
import { boundInputTokens } from './estimate.ts'
import { failureOf, wasRefused } from './failure.ts'
import { attemptsOf, describeLink, describeModel, type Link, linksOf, markFailure, type Place, placeAfter, start, waitBefore } from './fallback.ts'
import type { AskModel, AttemptRecord, Candidate, ModelAnswer, ModelLike, ModelRequest, RawAnswer } from './model.port.ts'
import { boundOutput, decideMaxOutput } from './output-limit.ts'
import { costMicroUsd, worstMicroUsd } from './price.ts'

/** What a call needs of the gateway. */
export interface CandidateSource {
  /** @throws a TuttiError of the MODEL family when it cannot be asked */
  candidate(link: Link): Promise<{ readonly candidate: Candidate; readonly why: string | undefined }>
}

export class ModelCall {
  readonly #run: Run
  readonly #question: AskModel
  readonly #source: CandidateSource
  readonly #model: ModelLike | undefined
  readonly #links: readonly Link[]
  readonly #why: string

  /** `model` is what is asked in the end, `why` says by whose word. @throws FLOW_NOT_YET, CONFIG_INVALID */
  constructor(run: Run, question: AskModel, source: CandidateSource, model: ModelLike | undefined, why: string) {
    this.#run = run
    this.#question = question
    this.#source = source
    this.#model = model
    this.#links = linksOf(model)
    this.#why = why
  }

  effect(): EffectSpec<ModelAnswer> {
    const { name, agent, request } = this.#question
    const { thread, settings = {} } = request
    const system = hash128(request.system ?? '')
    const tools = request.tools ? hashOnce(request.tools) : null
    const output = request.output ? hashOnce(request.output) : null
    const label = {
      agent,
      thread: { at: thread.at, chain: thread.chain },
      system,
      ...(tools === null ? {} : { tools }),
      ...(output === null ? {} : { output }),
    }
    return {
      name,
      kind: 'model',
      effect: 'idempotent',
      fingerprint: hash128(canonical({ kind: 'model', thread, tools, output, toolChoice: request.toolChoice ?? null })),
      tunable: hash128(canonical({ system, model: describeModel(this.#model), settings: withoutUndefined(settings) })),
      label,
      plan: (_attempt, last) => this.#plan(last, label),
      retry: (error, attempt) => {
        const next = placeAfter(error, this.#links)
        return next && { afterMs: waitBefore(next, error, this.#links, `${this.#run.id}/${this.#run.key}/${name}/${attempt}`) }
      },
    }
  }

  /** The next model that can be asked; those that cannot be (no key, no package) are passed over, and listed. */
  async #plan(last: ErrorRecord | undefined, label: Label): Promise<AttemptPlan<ModelAnswer>> {
    let attempts = attemptsOf(last)
    let place = last ? placeAfter(last, this.#links) : start
    let skipped: TuttiError | undefined
    for (; place; place = placeAfter(skipped, this.#links)) {
      const link = this.#links[place.link] as Link
      try {
        const { candidate, why } = await this.#source.candidate(link)
        const reason = this.#reason(place, why, skipped ?? last)
        return { label: { ...label, model: candidate.id, why: reason }, ...this.#attempt(candidate, place, attempts, reason) }
      } catch (error) {
        if (!TuttiError.is(error) || !error.code.startsWith('MODEL_')) throw error
        skipped = markFailure(error, { place: { ...place, attempt: link.retry.attempts }, model: describeLink(link), before: attempts })
        attempts = attemptsOf(skipped)
      }
    }
    // What an attempt that was made has to say counts for more than that the rest could not be asked.
    const final = last ? rebuildError(last) : (skipped as TuttiError)
    throw new TuttiError(final.code, final.message, {
      hint: final.hint,
      disposition: final.disposition,
      data: { ...(final.data as object), attempts: attempts.map((each) => ({ ...each })) },
      cause: skipped,
    })
  }

  #attempt(
    candidate: Candidate,
    place: Place,
    before: readonly AttemptRecord[],
    why: string,
  ): Pick<AttemptPlan<ModelAnswer>, 'hold' | 'execute'> & { readonly hold: Amounts } {
    const { request } = this.#question
    const { price } = candidate
    const left = this.#run['~core'].left()
    if (left.microUsd !== undefined && !price) {
      throw new TuttiError('BUDGET_NO_PRICE', `${candidate.id} has no price, and this run may spend no more than ${left.microUsd / 1_000_000} USD`, {
        data: { model: candidate.id },
      })
    }
    const inputTokens = boundInputTokens(request)
    const settings = request.settings ?? {}
    const maxOutputTokens = decideMaxOutput({ asked: settings.maxOutputTokens, price, inputBound: inputTokens, left })
    const outputTokens = boundOutput(maxOutputTokens, { id: candidate.id, settings, price })
    const microUsd = price ? worstMicroUsd(price, inputTokens, outputTokens) : 0
    const hold: Amounts = { microUsd, inputTokens, outputTokens, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    const execute = async (context: EffectContext): Promise<Executed<ModelAnswer>> => {
      const outcome = await this.#ask(candidate, context, maxOutputTokens)
      if (!('error' in outcome)) return executed(candidate, outcome, why, hold)
      throw failed(outcome, candidate, hold, (error) => markFailure(error, { place, model: candidate.id, before }))
    }
    return { hold, execute }
  }

  /** @throws the reason of the signal; every other failure comes back with what it used. */
  async #ask(candidate: Candidate, context: EffectContext, maxOutputTokens: number): Promise<RawAnswer | Failed> {
    const { request, stream = true } = this.#question
    const { timeoutMs } = request.settings ?? {}
    const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const signal = timeout ? AbortSignal.any([context.signal, timeout]) : context.signal
    try {
      const call = { signal, maxOutputTokens, show: context.stream.bind(context) }
      const answer = await (stream ? candidate.stream(request, call) : candidate.generate(request, call))
      if ('error' in answer) return { error: failureOf(answer.error, { model: candidate.id, phase: 'stream' }) as TuttiError, usage: answer.usage }
      const complaint = complaintOf(answer, candidate.id)
      return complaint ? { error: complaint, usage: answer.usage } : answer
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason
      if (timeout?.aborted)
        return { error: new TuttiError('MODEL_TIMEOUT', `${candidate.id} did not answer in ${timeoutMs} ms`, { data: { model: candidate.id } }), usage: {} }
      return { error: failureOf(error, { model: candidate.id, phase: 'call' }) as TuttiError, usage: {} }
    }
  }

  #reason({ attempt }: Place, chosen: string | undefined, last: ErrorRecord | TuttiError | undefined): string {
    if (!last) return chosen ?? this.#why
    const before = attemptsOf(last).at(-1)
    if (attempt > 1 || !before) return `tried again after ${last.code}`
    return `fallback after ${before.code} of ${before.model}`
  }
}

type Label = { readonly [key: string]: Json }

interface Failed {
  readonly error: TuttiError
  readonly usage: TokenUsage
}

/** An answer that is none. */
function complaintOf({ finish, message }: RawAnswer, model: string): TuttiError | undefined {
  const data = { model, finish }
  if (finish === 'error') return new TuttiError('MODEL_MALFORMED', `${model} ended its answer with an error of its own`, { data })
  if (finish === 'content-filter' && message.parts.length === 0) return new TuttiError('MODEL_CONTENT_FILTERED', `${model} withheld its answer`, { data })
  return undefined
}

function executed({ id, price }: Candidate, answer: RawAnswer, why: string, hold: Amounts): Executed<ModelAnswer> {
  const cost = price && costMicroUsd(price, answer.usage)
  const value: ModelAnswer = { ...answer, model: { id, why }, ...(cost === undefined ? {} : { costMicroUsd: cost }) }
  return { value, settle: settleOf(answer.usage, price, hold) }
}

/** What a failed attempt throws: with its usage when that is known, so that the rest of the hold comes back. */
function failed({ error, usage }: Failed, { price }: Candidate, hold: Amounts, mark: (error: TuttiError) => TuttiError): TuttiError | MeteredFailure {
  const settle = settleOf(usage, price, hold) ?? (wasRefused(error) ? { ...hold, microUsd: 0, inputTokens: 0, outputTokens: 0 } : undefined)
  return settle ? { '~metered': true, error: mark(error), settle } : mark(error)
}

/** Reported numbers as they are; each that is unknown stays at its hold; nothing when all are unknown. */
function settleOf(usage: TokenUsage, price: Candidate['price'], hold: Amounts): Amounts | undefined {
  if (usage.inputTokens === undefined && usage.outputTokens === undefined) return undefined
  const inputTokens = usage.inputTokens ?? hold.inputTokens
  const outputTokens = usage.outputTokens ?? hold.outputTokens
  const microUsd = price ? (costMicroUsd(price, usage) ?? worstMicroUsd(price, inputTokens, outputTokens)) : 0
  return { microUsd, inputTokens, outputTokens, cacheReadTokens: usage.cacheReadTokens ?? 0, modelCalls: 1, toolCalls: 0 }
}

const hashes = new WeakMap<object, string>()

function hashOnce(value: NonNullable<ModelRequest['tools'] | ModelRequest['output']>): string {
  let hash = hashes.get(value)
  if (hash === undefined) {
    hash = hash128(JSON.stringify(value))
    hashes.set(value, hash)
  }
  return hash
}

const withoutUndefined = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json
