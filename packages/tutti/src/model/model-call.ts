/**
 * One question to a chain of models, as one effect of a run: which model is asked at each attempt, and why.
 *
 * Invariants: I7 (the worst case is in the plan of every attempt); where the walk stands is in the error of the last attempt, so it survives a crash; every
 * attempt says why it was made, and the last error lists them all.
 */
import type { Amounts, Refusal } from '../budget/index.ts'
import { type ErrorRecord, rebuildError, TuttiError } from '../errors/index.ts'
import { canonical, hash128, hashOften, type Json } from '../primitives/index.ts'
import type { Run } from '../run/definition.port.ts'
import type { AttemptPlan, EffectSpec } from '../run/effect.port.ts'
import { refuseFiles } from './capability.ts'
import { countFor } from './count-for.ts'
import { attemptsOf, markFailure, type Place, placeAfter, refuseNoLarger, start, tellSizes, waitBefore } from './fallback.ts'
import type { CallGround } from './guard.port.ts'
import { type Chain, describeLink, type Link, modelChain } from './links.ts'
import type { AskModel, AttemptRecord, Candidate, InputCount, ModelAnswer, ModelLike, ModelRequest } from './model.port.ts'
import { ModelAttempt, seedOf } from './model-attempt.ts'
import { textReached } from './reached.ts'

export class ModelCall {
  readonly #run: Run
  readonly #question: AskModel
  readonly #ground: CallGround
  readonly #chain: Chain
  readonly #links: readonly Link[]
  readonly #why: string
  readonly #start: Place

  /** `model` is what is asked in the end, `why` says by whose word. @throws CONFIG_INVALID */
  constructor(run: Run, question: AskModel, ground: CallGround, model: ModelLike | undefined, why: string) {
    this.#run = run
    this.#question = question
    this.#ground = ground
    this.#chain = modelChain(model)
    this.#links = this.#chain.links
    this.#why = why
    // A fork may have put a shorter chain in the place of the one that `from` speaks of.
    const link = question.from?.link ?? 0
    this.#start = link < this.#links.length ? { link, attempt: 1 } : start
  }

  effect(): EffectSpec<ModelAnswer> {
    const { name, agent, request } = this.#question
    const { thread, settings } = request
    const system = hashOften(request.system ?? '')
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
      fingerprint: hash128(questionText({ output, thread, toolChoice: request.toolChoice ?? null, tools })),
      tunable: tunableOf(this.#chain, settings, system),
      label,
      reached: textReached,
      plan: (_attempt, last) => (last ? undefined : this.#planAtOnce(label)) ?? this.#plan(last, label),
      retry: (error, attempt) => {
        const next = placeAfter(error, this.#links, this.#start)
        return next && { afterMs: waitBefore(next, error, this.#links, seedOf(this.#run, this.#question, attempt)) }
      },
    }
  }

  /** As `#plan`, where nothing is to be waited for and nothing speaks against the first model: as most calls are. */
  #planAtOnce(label: Label): Plan | undefined {
    const link = this.#links[this.#start.link] as Link
    const candidate = link.guards.length === 0 ? this.#ground.known(link) : undefined
    const inputCount = candidate && countFor(candidate, this.#run['~core'])
    if (!candidate || !inputCount || inputCount instanceof Promise) return undefined
    const standing: Standing = { place: this.#start, label, history: { attempts: this.#question.from?.refused ?? [] }, last: undefined }
    try {
      const attempt = this.#attemptAt(standing, { candidate, why: undefined, inputCount })
      return attempt.refusal?.policy === 'downgrade' ? undefined : this.#planOf(attempt, standing, 0)
    } catch {
      // What is wrong with it is found again, and told, by whoever may pass it over.
      return undefined
    }
  }

  /** The next model that can be asked; those that cannot be (no key, no package, an open circuit) are passed over, and listed. */
  async #plan(last: ErrorRecord | undefined, label: Label): Promise<AttemptPlan<ModelAnswer>> {
    let attempts = last ? attemptsOf(last) : (this.#question.from?.refused ?? [])
    let place = last ? placeAfter(last, this.#links, this.#start) : this.#start
    let skipped: TuttiError | undefined
    const tooDear: TooDear[] = []
    while (place) {
      const here: Place = place
      try {
        const planned = await this.#planAt({ place: here, label, history: { attempts }, last: skipped ?? last, tooDear })
        if ('execute' in planned) return planned
        tooDear.push(planned)
        place = here.link + 1 < this.#links.length ? { link: here.link + 1, attempt: 1 } : undefined
      } catch (error) {
        skipped = this.#passedOver(error, here, attempts, tooDear.length > 0)
        attempts = attemptsOf(skipped)
        place = placeAfter(skipped, this.#links, this.#start)
      }
    }
    const cheapest = tooDear.toSorted((a, b) => a.hold.microUsd - b.hold.microUsd)[0]
    if (cheapest) return (await this.#planAt({ ...cheapest.standing, tooDear: tooDear.filter((each) => each !== cheapest), isLast: true })) as Plan
    // What an attempt that was made has to say counts for more than that the rest could not be asked.
    const final = last ? rebuildError(last) : (skipped as TuttiError)
    throw new TuttiError(final.code, tellSizes(final, attempts), {
      hint: final.hint,
      disposition: final.disposition,
      data: { ...(final.data as object), attempts: attempts.map((each) => ({ ...each })) },
      cause: skipped,
    })
  }

  /** @throws what does not let a model be passed over: one without a price is, while a cheaper one is looked for */
  #passedOver(error: unknown, here: Place, before: readonly AttemptRecord[], forMoney: boolean): TuttiError {
    const isUnpriced = forMoney && TuttiError.is(error, 'BUDGET_NO_PRICE')
    if (!TuttiError.is(error) || !(error.code.startsWith('MODEL_') || isUnpriced)) throw error
    const link = this.#links[here.link] as Link
    const failed = isUnpriced ? new TuttiError('MODEL_UNSUPPORTED', error.message, { cause: error }) : error
    return markFailure(failed, { place: { ...here, attempt: link.retry.attempts }, model: describeLink(link), before })
  }

  /** @throws a TuttiError of the MODEL family when this model cannot be asked now */
  async #planAt(standing: Standing): Promise<Plan | TooDear> {
    const { place, beside = 0, isLast = beside > 0 } = standing
    const { candidate, why } = await this.#ground.candidate(this.#links[place.link] as Link)
    const inputCount = await countFor(candidate, this.#run['~core'])
    const attempt = this.#attemptAt(standing, { candidate, why, inputCount })
    const tooDear = attempt.refusal?.policy === 'downgrade' && !isLast && { model: candidate.id, hold: attempt.hold, refusal: attempt.refusal, standing }
    if (tooDear && !attempt.mayBeCached) return tooDear
    const waitedMs = await attempt.admit()
    const { cached } = attempt
    if (cached) return { label: { ...standing.label, model: cached.model, why: cached.why, cached: true }, execute: (context) => attempt.execute(context) }
    if (!tooDear) return this.#planOf(attempt, standing, waitedMs)
    attempt.drop()
    return tooDear
  }

  /** @throws a TuttiError of the MODEL family when this model will not do */
  #attemptAt({ place, history, last, beside = 0, why, tooDear: [first] = [], isLast = beside > 0 }: Standing, asked: Asked): ModelAttempt {
    const { candidate, inputCount } = asked
    refuseFiles(candidate.id, this.#question.request.messages)
    refuseNoLarger(candidate.id, candidate.price?.maxInputTokens, history.attempts)
    return new ModelAttempt({
      run: this.#run,
      question: this.#question,
      ground: this.#ground,
      links: this.#links,
      place,
      candidate,
      inputCount,
      history,
      isHedge: beside > 0,
      isLast,
      why: why ?? (first ? `downgraded: the budget has no room for ${first.model}` : this.#reason(place, asked.why, last)),
    })
  }

  #planOf(attempt: ModelAttempt, standing: Standing, waitedMs: number): Plan {
    const { candidate, inputCount, why } = attempt
    const { label, beside = 0, tooDear: [first] = [] } = standing
    const exhausted = first && !attempt.refusal ? downgraded(first, candidate.id) : attempt.exhausted
    return {
      hold: attempt.hold,
      ...adviceOn(attempt.refusal, candidate, inputCount),
      flexible: attempt.refusal === undefined && beside === 0,
      ...(exhausted ? { exhausted } : {}),
      label: { ...label, model: candidate.id, why, counted: inputCount.name, ...(waitedMs > 0 ? { waitedMs } : {}) },
      execute: (context) => attempt.execute(context),
      drop: () => attempt.drop(),
      hedge: this.#hedge(standing, candidate.id),
    }
  }

  /** The attempt to be made beside this one, where its policy asks for one, and there is time to tell when. */
  #hedge(standing: Standing, model: string): AttemptPlan<ModelAnswer>['hedge'] {
    const { place, first = place, beside = 0 } = standing
    const hedge = (this.#links[first.link] as Link).hedge
    if (!hedge || beside + 1 >= hedge.max) return undefined
    const afterMs = hedge.afterMs === 'p95' ? this.#ground.latency(model).p95 : hedge.afterMs
    if (afterMs === undefined) return undefined
    const link = first.link + ((beside + 1) % (hedge.ahead + 1))
    const next = { link, attempt: link === first.link ? first.attempt : 1 }
    const why = `hedge: ${model} said nothing for ${afterMs} ms`
    const plan = () => this.#planAt({ ...standing, place: next, first, beside: beside + 1, why }) as Promise<Plan>
    return { afterMs, plan: () => plan().catch(noHedge) }
  }

  #reason({ attempt }: Place, chosen: string | undefined, last: ErrorRecord | TuttiError | undefined): string {
    const before = (last ? attemptsOf(last) : (this.#question.from?.refused ?? [])).at(-1)
    if (!last) return before ? `fallback after ${before.code} of ${before.model}` : (chosen ?? this.#why)
    if (attempt > 1 || !before) return `tried again after ${last.code}`
    if (last.code === 'MODEL_NOT_ACCEPTED') return `escalated: the answer of ${before.model} was not accepted`
    return `fallback after ${before.code} of ${before.model}`
  }
}

/** Where a tokenizer would have counted less, if it were there. */
function adviceOn(refusal: Refusal | undefined, { id, inputCount }: Candidate, used: InputCount): Pick<Plan, 'advice'> {
  if (!refusal || refusal.limit === 'modelCalls' || !inputCount || used.name !== 'bytes') return {}
  return { advice: `Raise the limit, or \`npm install gpt-tokenizer\`: the input of ${id} was counted by its bytes, for English about four times its tokens.` }
}

type Plan = AttemptPlan<ModelAnswer>

/** A model for which the budget has no room, where a cheaper one is to be asked instead. */
interface TooDear {
  readonly model: string
  readonly hold: Amounts
  readonly refusal: Refusal
  readonly standing: Standing
}

const downgraded = ({ model, refusal }: TooDear, to: string): Plan['exhausted'] => ({
  account: refusal.account,
  limit: refusal.limit,
  policy: 'downgrade',
  did: `${to} instead of ${model}`,
})

type Label = { readonly [key: string]: Json }

/** Where an attempt stands in its question. */
interface Standing {
  readonly place: Place
  readonly label: Label
  readonly history: { attempts: readonly AttemptRecord[] }
  readonly last: ErrorRecord | TuttiError | undefined
  /** Of a hedge: the place of the attempt it is beside, how many were begun before it, and why it is made. */
  readonly first?: Place | undefined
  readonly beside?: number | undefined
  readonly why?: string | undefined
  /** The models before it for which the budget has no room; `isLast`: nor has it for any after it. */
  readonly tooDear?: readonly TooDear[] | undefined
  readonly isLast?: boolean | undefined
}

/** What cannot be asked, or not paid for, is not hedged with. */
const noHedge = (): undefined => undefined

/** A model that is to be asked, by whose word, and how its input is counted. */
interface Asked {
  readonly candidate: Candidate
  readonly why: string | undefined
  readonly inputCount: InputCount
}

/** What a question is known by, whoever answers it. As `canonical` would write it. */
function questionText({
  output,
  thread,
  toolChoice,
  tools,
}: {
  output: string | null
  thread: ModelRequest['thread']
  toolChoice: Json
  tools: string | null
}): string {
  const text = (hash: string | null): string => (hash === null ? 'null' : `"${hash}"`)
  const choice = toolChoice === null ? 'null' : canonical(toolChoice)
  const said = `{"at":${thread.at},"chain":"${thread.chain}"}`
  return `{"kind":"model","output":${text(output)},"thread":${said},"toolChoice":${choice},"tools":${text(tools)}}`
}

/** By chain and instructions, for the calls that say nothing else: all those of an agent. */
const tunables = new WeakMap<Chain, Map<string, string>>()

function tunableOf(chain: Chain, settings: ModelRequest['settings'], system: string): string {
  const said = (): string => hash128(canonical({ model: chain.described, settings: withoutUndefined(settings ?? {}), system }))
  if (settings) return said()
  const known = tunables.get(chain) ?? new Map<string, string>()
  tunables.set(chain, known)
  let tunable = known.get(system)
  if (tunable === undefined) {
    if (known.size === MOST_SYSTEMS) known.clear()
    tunable = said()
    known.set(system, tunable)
  }
  return tunable
}

/** Instructions of one chain that are remembered: an agent has one, an app a few. */
const MOST_SYSTEMS = 64

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
