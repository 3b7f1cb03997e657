/**
 * One attempt at a question: one call of one model, with what is held for it, how long it is waited for, and what its answer must pass.
 *
 * Invariants: I7 (what is held is what is sent); usage is settled as reported, also when it passes the hold; unknown usage keeps the hold; each guard hears
 * once what became of the call; of an answer that is still to be accepted nothing is shown before it is.
 */
import { type Amounts, nothing, type Refusal } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type TokenUsage, textOf } from '../message/index.ts'
import type { Run } from '../run/definition.port.ts'
import type { EffectContext, Executed, MeteredFailure, StreamPart } from '../run/effect.port.ts'
import { failureOf, wasRefused } from './failure.ts'
import { attemptsOf, type Failure, markFailure, type Place, placeAfter, waitBefore } from './fallback.ts'
import { type Fit, fitCall } from './fit.ts'
import type { CachedAnswer, CallGround, CallOutcome, Passage } from './guard.port.ts'
import type { Link } from './links.ts'
import type { AskModel, AttemptRecord, Candidate, InputCount, ModelAnswer, RawAnswer } from './model.port.ts'
import { parseOutput } from './output.ts'
import { Patience } from './patience.ts'
import { costMicroUsd, worstMicroUsd } from './price.ts'

export interface AttemptOptions {
  readonly run: Run
  readonly question: AskModel
  readonly ground: CallGround
  readonly links: readonly Link[]
  readonly place: Place
  readonly candidate: Candidate
  readonly inputCount: InputCount
  /** The attempts before it; it adds itself when it fails. */
  readonly history: { attempts: readonly AttemptRecord[] }
  readonly isHedge: boolean
  /** No cheaper model fits either. */
  readonly isLast: boolean
  /** Why this model. */
  readonly why: string
}

interface Failed {
  readonly error: TuttiError
  readonly usage: TokenUsage
  readonly shown?: boolean | undefined
  readonly skip?: number | undefined
}

export class ModelAttempt {
  readonly hold: Amounts
  /** Why it does not fit the budget as it stands. */
  readonly refusal: Refusal | undefined
  /** What was made smaller so that it fits. */
  readonly exhausted: Fit['exhausted']
  readonly #o: AttemptOptions
  readonly #link: Link
  readonly #maxOutputTokens: number
  #passages: readonly Passage[] = []
  #cached: CachedAnswer | undefined

  /** @throws BUDGET_NO_PRICE under a limit of money */
  constructor(o: AttemptOptions) {
    const { request } = o.question
    const { price, id } = o.candidate
    const left = o.run['~core'].left()
    if (left.microUsd !== undefined && !price) {
      throw new TuttiError('BUDGET_NO_PRICE', `${id} has no price, and this run may spend no more than ${left.microUsd / 1_000_000} USD`, {
        data: { model: id },
      })
    }
    this.#o = o
    this.#link = o.links[o.place.link] as Link
    const call = { id, price, settings: request.settings ?? {}, inputTokens: o.inputCount.of(request) }
    const { hold, maxOutputTokens, refusal, exhausted } = fitCall(call, o.run['~core'], o.isLast)
    this.hold = hold
    this.refusal = refusal
    this.exhausted = exhausted
    this.#maxOutputTokens = maxOutputTokens
  }

  get candidate(): Candidate {
    return this.#o.candidate
  }

  get inputCount(): InputCount {
    return this.#o.inputCount
  }

  get why(): string {
    return this.#o.why
  }

  /** A cache is asked before the call, and what it answers costs nothing. */
  get mayBeCached(): boolean {
    return this.#link.guards.some(({ kind }) => kind === 'cache')
  }

  /** What a cache answered in its stead. */
  get cached(): CachedAnswer | undefined {
    return this.#cached
  }

  /** Passes the guards, from the outermost in; answers how long it waited (ms). @throws what one of them refuses it with */
  async admit(): Promise<number> {
    const { guards } = this.#link
    if (guards.length === 0) return 0
    const { run, question, candidate, ground, isHedge } = this.#o
    const call = { model: candidate.id, request: question.request, hold: this.hold, run: run.id, scope: run.scope, signal: run.signal, isHedge }
    const passages: Passage[] = []
    this.#passages = passages
    const begun = ground.clock.now()
    try {
      for (const guard of guards) {
        const admitted = ground.guard(guard).admit(call)
        const answer = admitted instanceof Promise ? await admitted : admitted
        if ('cached' in answer) {
          this.#cached = answer
          this.drop()
          break
        }
        passages.push(answer)
      }
    } catch (error) {
      this.drop()
      throw error
    }
    return ground.clock.now() - begun
  }

  /** It is not made after all. */
  drop(): void {
    this.#tell({ type: 'dropped', made: false })
  }

  /** @throws a MeteredFailure or a TuttiError of the MODEL family with where the walk stands, or the reason of the signal */
  async execute(context: EffectContext): Promise<Executed<ModelAnswer>> {
    const { candidate } = this.#o
    let outcome: RawAnswer | Failed
    if (this.#cached) return this.#answerAgain(this.#cached, context)
    try {
      outcome = await this.#ask(context)
    } catch (error) {
      this.#tell({ type: 'dropped', made: true })
      throw error
    }
    const settle = settleOf(outcome.usage, candidate.price, this.hold)
    if ('error' in outcome) throw this.#failed(outcome, settle, context.attempt)
    this.#tell({ type: 'answered', answer: outcome, used: settle ?? this.hold })
    const cost = candidate.price && costMicroUsd(candidate.price, outcome.usage)
    const value: ModelAnswer = {
      ...outcome,
      model: { id: candidate.id, why: this.#o.why, ...this.#next() },
      ...(cost === undefined ? {} : { costMicroUsd: cost }),
    }
    return { value, settle }
  }

  /** It costs nothing, and must be accepted all the same. */
  async #answerAgain({ cached, model, why }: CachedAnswer, context: EffectContext): Promise<Executed<ModelAnswer>> {
    const refused = await this.#refusal(cached)
    if (refused) throw this.#failed({ ...refused, usage: noUsage }, nothing, context.attempt)
    const { stream = true } = this.#o.question
    if (stream) this.#showAgain(cached, context)
    return { value: { ...cached, usage: noUsage, model: { id: model, why, ...this.#next() }, costMicroUsd: 0 }, settle: nothing }
  }

  /** Where an answer that will not do goes on. */
  #next(): { next?: number } {
    const next = this.#o.place.link + 1
    return this.#o.question.request.output && next < this.#o.links.length ? { next } : {}
  }

  #showAgain(answer: RawAnswer, context: EffectContext): void {
    const text = answer.outputText ?? textOf(answer.message)
    const parsed = this.#o.question.request.output ? parseOutput(text) : undefined
    if (parsed?.ok) context.stream({ type: 'partial', value: parsed.value })
    else if (text !== '') context.stream({ type: 'text', text })
  }

  #ask(context: EffectContext): Promise<RawAnswer | Failed> {
    const isChecked = this.#link.checks.length > 0
    const shop = new ShopWindow(context, isChecked)
    const asked = this.#call(context, shop)
    return isChecked ? asked.then(async (answer) => ('error' in answer ? answer : ((await this.#refusal(answer)) ?? shop.open(answer)))) : asked
  }

  /** @throws the reason of the signal; every other failure comes back with what it used. */
  async #call(context: EffectContext, shop: ShopWindow): Promise<RawAnswer | Failed> {
    const { candidate, question, ground } = this.#o
    const { request, stream = true } = question
    const model = candidate.id
    const timeouts = { ...this.#link.timeouts, ...(request.settings?.timeoutMs === undefined ? {} : { totalMs: request.settings.timeoutMs }) }
    const patience = new Patience({ model, clock: ground.clock, signal: context.signal, timeouts })
    const begun = ground.clock.now()
    let isFirst = true
    const alive = (): void => {
      if (isFirst) {
        ground.latency(model).note(ground.clock.now() - begun)
        context.heartbeat()
      }
      isFirst = false
      patience.alive()
    }
    try {
      const { outputMode } = this.#link
      const call = { signal: patience.signal, maxOutputTokens: this.#maxOutputTokens, outputMode, show: shop.show, alive }
      const answer = await (stream ? candidate.stream(request, call) : candidate.generate(request, call))
      alive()
      if ('error' in answer) return { error: failureOf(answer.error, { model, phase: 'stream' }) as TuttiError, usage: answer.usage, shown: shop.wasSeen }
      const complaint = complaintOf(answer, model)
      return complaint ? { error: complaint, usage: answer.usage, shown: shop.wasSeen } : answer
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason
      return { error: patience.over ?? (failureOf(error, { model, phase: 'call' }) as TuttiError), usage: {}, shown: shop.wasSeen }
    } finally {
      patience.forget()
    }
  }

  /** Asks the cascades that it is in, from the innermost out. */
  async #refusal(answer: RawAnswer): Promise<Failed | undefined> {
    const { checks } = this.#link
    if (checks.length === 0 || answer.finish === 'tool-calls') return undefined
    const text = answer.outputText ?? textOf(answer.message)
    const parsed = this.#o.question.request.output ? parseOutput(text) : undefined
    const said = { text, output: parsed?.ok ? parsed.value : undefined, ...(answer.confidence === undefined ? {} : { confidence: answer.confidence }) }
    for (const { accept, skip } of checks) {
      const { id } = this.#o.candidate
      try {
        if (await accept(said)) continue
      } catch (cause) {
        // A check that is broken would otherwise send everything to the dearest model, and nobody would know.
        const { name, message } = cause as Error
        const error = new TuttiError('RUN_STEP_FAILED', `\`accept\` of the cascade threw: ${message}`, { cause, data: { name, message } })
        return { error, usage: answer.usage }
      }
      const error = new TuttiError('MODEL_NOT_ACCEPTED', `the answer of ${id} was not accepted`, { data: { model: id } })
      return { error, usage: answer.usage, skip }
    }
    return undefined
  }

  /** What a failed attempt throws: with its usage when that is known, so that the rest of the hold comes back. */
  #failed({ error, usage: _, shown, skip }: Failed, used: Amounts | undefined, attempt: number): TuttiError | MeteredFailure {
    const { candidate, place, history, links, run, question, ground } = this.#o
    const settle = used ?? (wasRefused(error) ? { ...this.hold, microUsd: 0, inputTokens: 0, outputTokens: 0 } : undefined)
    this.#tell({ type: 'failed', error, used: settle ?? this.hold })
    const failure: Failure = { place, model: candidate.id, before: history.attempts, shown, skip }
    const marked = markFailure(sized(error, candidate), failure)
    history.attempts = attemptsOf(marked)
    const next = placeAfter(marked, links)
    const wait = next ? waitBefore(next, marked, links, seedOf(run, question, attempt)) : 0
    const tooLate = wait > 0 && run.deadline !== undefined && ground.clock.now() + wait >= run.deadline.getTime()
    const told = tooLate ? markFailure(sized(error, candidate), { ...failure, tooLate }) : marked
    return settle ? { '~metered': true, error: told, settle } : told
  }

  #tell(outcome: CallOutcome): void {
    const passages = this.#passages
    this.#passages = []
    for (const passage of passages.toReversed()) passage.done(outcome)
  }
}

/** What the jitter of the wait after this attempt is drawn from. */
export const seedOf = (run: Run, question: AskModel, attempt: number): string => `${run.id}/${run.key}/${question.name}/${attempt}`

/** Shows the parts of an answer as they come, or, where it must be accepted first, all at once when it is. */
class ShopWindow {
  readonly #context: EffectContext
  readonly #kept: StreamPart[] | undefined
  /** Somebody was given text, or a value, of this attempt. */
  wasSeen = false

  constructor(context: EffectContext, closed: boolean) {
    this.#context = context
    this.#kept = closed ? [] : undefined
  }

  readonly show = (part: StreamPart): void => {
    if (this.#kept) this.#kept.push(part)
    else this.#put(part)
  }

  open<T>(answer: T): T {
    for (const part of this.#kept ?? []) this.#put(part)
    return answer
  }

  #put(part: StreamPart): void {
    const seen = this.#context.stream(part)
    if (seen && part.type !== 'tool-input') this.wasSeen = true
  }
}

/** A request that was too long for a model says how much it reads, where that is known. */
function sized(error: TuttiError, { price }: Candidate): TuttiError {
  const most = price?.maxInputTokens
  if (error.code !== 'MODEL_CONTEXT_OVERFLOW' || most === undefined) return error
  const { code, message, hint, disposition, cause, data } = error
  return new TuttiError(code, `${message} (it reads at most ${most} tokens)`, { hint, disposition, cause, data: { ...(data as object), maxInputTokens: most } })
}

const noUsage: TokenUsage = { inputTokens: 0, outputTokens: 0 }

/** An answer that is none. */
function complaintOf({ finish, message }: RawAnswer, model: string): TuttiError | undefined {
  const data = { model, finish }
  if (finish === 'error') return new TuttiError('MODEL_MALFORMED', `${model} ended its answer with an error of its own`, { data })
  if (finish === 'content-filter' && message.parts.length === 0) return new TuttiError('MODEL_CONTENT_FILTERED', `${model} withheld its answer`, { data })
  return undefined
}

/** Reported numbers as they are; each that is unknown stays at its hold; nothing when all are unknown. */
function settleOf(usage: TokenUsage, price: Candidate['price'], hold: Amounts): Amounts | undefined {
  if (usage.inputTokens === undefined && usage.outputTokens === undefined) return undefined
  const inputTokens = usage.inputTokens ?? hold.inputTokens
  const outputTokens = usage.outputTokens ?? hold.outputTokens
  const microUsd = price ? (costMicroUsd(price, usage) ?? worstMicroUsd(price, inputTokens, outputTokens)) : 0
  return { microUsd, inputTokens, outputTokens, cacheReadTokens: usage.cacheReadTokens ?? 0, modelCalls: 1, toolCalls: 0 }
}
