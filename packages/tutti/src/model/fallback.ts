/**
 * A `ModelLike` as the chain of models it is, and the walk along it. Pure: where a walk stands is read from the error of the last attempt, which the journal
 * keeps, so a walk goes on after a crash where it stood.
 *
 * Invariants: a retryable failure is tried again on the same link until its attempts are used; then, and after every other failure, the next link is
 * asked; BUDGET, RUN and JOURNAL errors, and aborts, end the walk at once.
 */
import { type ErrorData, type ErrorRecord, TuttiError } from '../errors/index.ts'
import { durationMs, hashFraction, type Json } from '../primitives/index.ts'
import type { Retry } from '../run/definition.port.ts'
import { idOf, isLanguageModel } from './language-model.ts'
import type { AttemptRecord, LanguageModel, ModelLike, PolicyModel } from './model.port.ts'

/** One model of a chain, and how often it may be asked. */
export interface Link {
  /** `undefined`: the one chosen from the environment. */
  readonly model: string | LanguageModel | undefined
  readonly retry: Retry
}

/** Where a walk stands: the link, and which attempt on it this is (from 1). */
export interface Place {
  readonly link: number
  readonly attempt: number
}

/** What the error of an attempt carries beside its own data. */
type WalkData = {
  readonly walk?: { readonly link?: unknown; readonly attempt?: unknown } | undefined
  readonly attempts?: unknown
  readonly retryAfterMs?: unknown
}

const defaultRetry: Retry = { attempts: 3 }
const defaultBackoffMs = 500
const defaultMaxMs = 30_000

/** @throws FLOW_NOT_YET for a policy that is declared only, CONFIG_INVALID for what is no model. */
export function linksOf(model: ModelLike | undefined, retry: Retry = defaultRetry): Link[] {
  if (model === undefined || typeof model === 'string' || isLanguageModel(model)) return [{ model, retry }]
  if (Array.isArray(model)) return (model as readonly ModelLike[]).flatMap((each) => linksOf(each, retry))
  const policy = (model as Partial<PolicyModel> | null | undefined)?.['~policy']
  if (policy?.kind === 'retry') return linksOf(policy.of, policy.retry)
  if (policy)
    throw new TuttiError('FLOW_NOT_YET', `the policy '${policy.kind}' around ${JSON.stringify(describeModel(policy.of))} is declared but not built yet`)
  throw new TuttiError('CONFIG_INVALID', `${describeWrong(model)} is not a model`, {
    hint: "Give 'provider/model', a model of an AI SDK provider, a policy of tutti/model, or a list of them.",
  })
}

/** What a model is, for fingerprints and people: JSON that is the same for the same declaration. */
export function describeModel(model: ModelLike | undefined): Json {
  if (model === undefined) return null
  if (typeof model === 'string') return model
  if (isLanguageModel(model)) return idOf(model)
  if (Array.isArray(model)) return (model as readonly ModelLike[]).map(describeModel)
  const policy = (model as Partial<PolicyModel>)['~policy']
  if (!policy) return describeWrong(model)
  return { [policy.kind]: describeModel(policy.of), ...(policy.kind === 'retry' ? { attempts: policy.retry.attempts } : {}) }
}

export const describeLink = ({ model }: Link): string => (model === undefined ? 'the default model' : typeof model === 'string' ? model : idOf(model))

const describeWrong = (value: unknown): string =>
  typeof value === 'object' && value !== null ? `an object with ${Object.keys(value).join(', ') || 'no keys'}` : String(value)

export const start: Place = { link: 0, attempt: 1 }

/** Where to go after `error`; `undefined`: the walk is over. */
export function placeAfter(error: ErrorRecord | TuttiError, links: readonly Link[]): Place | undefined {
  if (error.code === 'ATTEMPT_LOST') return start
  if (!error.code.startsWith('MODEL_')) return undefined
  const here = placeOf(error)
  const link = links[here.link]
  if (link && mayRetry(error, link.retry) && here.attempt < link.retry.attempts && !tooLong(error, here, links))
    return { link: here.link, attempt: here.attempt + 1 }
  return here.link + 1 < links.length ? { link: here.link + 1, attempt: 1 } : undefined
}

/**
 * How long to wait before `next`: nothing before another model; as long as the provider asked for, and up to a quarter more, so that not everybody comes
 * back at once; else full jitter over a doubling backoff. The same for the same `seed`.
 */
export function waitBefore(next: Place, error: TuttiError, links: readonly Link[], seed: string): number {
  if (next.attempt === 1) return 0
  const asked = retryAfterOf(error)
  if (asked !== undefined) return Math.round(asked * (1 + hashFraction(seed) / 4))
  const { backoff = defaultBackoffMs, max = defaultMaxMs } = links[next.link]?.retry ?? defaultRetry
  return Math.round(hashFraction(seed) * Math.min(durationMs(max), durationMs(backoff) * 2 ** (next.attempt - 2)))
}

/** `error` with where it happened, and with every attempt up to it. */
export function markFailure(error: TuttiError, o: { place: Place; model: string; before: readonly AttemptRecord[] }): TuttiError {
  const own = typeof error.data === 'object' && error.data !== null && !Array.isArray(error.data) ? (error.data as Record<string, ErrorData>) : {}
  const attempts = [...o.before, { model: o.model, code: error.code, message: error.message }]
  const data = { ...own, walk: { link: o.place.link, attempt: o.place.attempt }, attempts: attempts.map((each) => ({ ...each })) }
  return new TuttiError(error.code, error.message, { data, hint: error.hint, disposition: error.disposition, cause: error.cause ?? error })
}

/** The attempts that the error of the last one lists. */
export function attemptsOf(error: ErrorRecord | TuttiError | undefined): readonly AttemptRecord[] {
  const { attempts } = (error?.data ?? {}) as WalkData
  return Array.isArray(attempts) ? (attempts as AttemptRecord[]) : []
}

function placeOf(error: ErrorRecord | TuttiError): Place {
  const { walk } = (error.data ?? {}) as WalkData
  return typeof walk?.link === 'number' && typeof walk.attempt === 'number' ? { link: walk.link, attempt: walk.attempt } : start
}

const mayRetry = (error: ErrorRecord | TuttiError, { on }: Retry): boolean => (on ? on.includes(error.code) : error.disposition === 'retryable')

/** A provider that asks for a longer wait than our own longest is left for the next model, if there is one. */
function tooLong(error: ErrorRecord | TuttiError, here: Place, links: readonly Link[]): boolean {
  const max = links[here.link]?.retry.max ?? defaultMaxMs
  return here.link + 1 < links.length && (retryAfterOf(error) ?? 0) > durationMs(max)
}

function retryAfterOf(error: ErrorRecord | TuttiError): number | undefined {
  const { retryAfterMs } = (error.data ?? {}) as WalkData
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
}
