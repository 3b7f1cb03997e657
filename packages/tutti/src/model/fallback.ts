/**
 * The walk along a chain of models. Pure: where a walk stands is read from the error of the last attempt, which the journal keeps, so a walk goes on after a
 * crash where it stood.
 *
 * Invariants: a retryable failure is tried again on the same link until its attempts are used; then, and after every other failure, the next link is
 * asked; an answer that a cascade did not accept goes on past its stage; BUDGET, RUN and JOURNAL errors, aborts, and failures whose text somebody has seen,
 * end the walk at once.
 */
import { type ErrorData, type ErrorRecord, TuttiError } from '../errors/index.ts'
import { durationMs, hashFraction } from '../primitives/index.ts'
import type { Retry } from '../run/definition.port.ts'
import type { Link } from './links.ts'
import type { AttemptRecord } from './model.port.ts'

/** Where a walk stands: the link, and which attempt on it this is (from 1). */
export interface Place {
  readonly link: number
  readonly attempt: number
}

/** Where an attempt failed, and what is known of what may come after it. */
export interface Failure {
  readonly place: Place
  readonly model: string
  readonly before: readonly AttemptRecord[]
  /** Text of it was shown to somebody. */
  readonly shown?: boolean | undefined
  /** Of an answer that was not accepted: how many links further the next model is. */
  readonly skip?: number | undefined
  /** The same model may not be asked again: the wait before it would outlast the run. */
  readonly tooLate?: boolean | undefined
}

/** What the error of an attempt carries beside its own data. */
type WalkData = {
  readonly walk?:
    | { readonly link?: unknown; readonly attempt?: unknown; readonly shown?: unknown; readonly skip?: unknown; readonly tooLate?: unknown }
    | undefined
  readonly attempts?: unknown
  readonly retryAfterMs?: unknown
}

const defaultBackoffMs = 500
const defaultMaxMs = 30_000

export const start: Place = { link: 0, attempt: 1 }

/** Where to go after `error`; `undefined`: the walk is over. An attempt that was lost left no place: the walk begins again at `from`. */
export function placeAfter(error: ErrorRecord | TuttiError, links: readonly Link[], from: Place = start): Place | undefined {
  if (error.code === 'ATTEMPT_LOST') return from
  if (!error.code.startsWith('MODEL_')) return undefined
  const here = placeOf(error)
  const { shown, skip, tooLate } = walkOf(error)
  const link = links[here.link]
  if (shown === true && link?.retry.afterText !== true) return undefined
  if (typeof skip === 'number') return linkAt(here.link + skip, links)
  if (link && tooLate !== true && mayRetry(error, link.retry) && here.attempt < link.retry.attempts && !tooLong(error, here, links))
    return { link: here.link, attempt: here.attempt + 1 }
  return linkAt(here.link + 1, links)
}

const linkAt = (link: number, links: readonly Link[]): Place | undefined => (link < links.length ? { link, attempt: 1 } : undefined)

/**
 * How long to wait before `next`: nothing before another model; as long as the provider asked for, and up to a quarter more, so that not everybody comes
 * back at once; else full jitter over a doubling backoff. The same for the same `seed`.
 */
export function waitBefore(next: Place, error: ErrorRecord | TuttiError, links: readonly Link[], seed: string): number {
  if (next.attempt === 1) return 0
  const asked = retryAfterOf(error)
  if (asked !== undefined) return Math.round(asked * (1 + hashFraction(seed) / 4))
  const { backoff = defaultBackoffMs, max = defaultMaxMs } = links[next.link]?.retry ?? {}
  return Math.round(hashFraction(seed) * Math.min(durationMs(max), durationMs(backoff) * 2 ** (next.attempt - 2)))
}

/** `error` with where it happened, and with every attempt up to it. */
export function markFailure(error: TuttiError, { place, model, before, shown, skip, tooLate }: Failure): TuttiError {
  const own = typeof error.data === 'object' && error.data !== null && !Array.isArray(error.data) ? (error.data as Record<string, ErrorData>) : {}
  const { maxInputTokens: most } = own
  const attempt = { model, code: error.code, message: error.message, ...(typeof most === 'number' ? { maxInputTokens: most } : {}) }
  const attempts = [...before, attempt]
  const walk = { ...place, ...(shown ? { shown } : {}), ...(skip === undefined ? {} : { skip }), ...(tooLate ? { tooLate } : {}) }
  const data = { ...own, walk, attempts: attempts.map((each) => ({ ...each })) }
  return new TuttiError(error.code, error.message, { data, hint: error.hint, disposition: error.disposition, cause: error.cause ?? error })
}

/** The attempts that the error of the last one lists. */
export function attemptsOf(error: ErrorRecord | TuttiError | undefined): readonly AttemptRecord[] {
  const { attempts } = (error?.data ?? {}) as WalkData
  return Array.isArray(attempts) ? (attempts as AttemptRecord[]) : []
}

/**
 * Where the request was too long for a model before, one that reads no more need not be asked.
 * @throws MODEL_CONTEXT_OVERFLOW when `maxInputTokens` of the model `id` is known to be no larger than that of one it did not fit
 */
export function refuseNoLarger(id: string, maxInputTokens: number | undefined, before: readonly AttemptRecord[]): void {
  if (maxInputTokens === undefined) return
  const tooSmall = before.find((each) => each.code === 'MODEL_CONTEXT_OVERFLOW' && (each.maxInputTokens ?? 0) >= maxInputTokens)
  if (!tooSmall) return
  const message = `${id} was not asked: it reads at most ${maxInputTokens} tokens, no more than ${tooSmall.model} (${tooSmall.maxInputTokens}), for which the request was too long`
  throw new TuttiError('MODEL_CONTEXT_OVERFLOW', message, { data: { model: id, maxInputTokens } })
}

/** What `error` says of the models whose size was not enough; an error of another kind says nothing of it. */
export function tellSizes(error: ErrorRecord | TuttiError, attempts: readonly AttemptRecord[]): string {
  if (error.code !== 'MODEL_CONTEXT_OVERFLOW') return error.message
  const sizes = new Map(attempts.flatMap(({ model, maxInputTokens: most }) => (most === undefined ? [] : [[model, most] as const])))
  if (sizes.size < 2) return error.message
  return `${error.message}; no model of the chain reads enough: ${[...sizes].map(([model, most]) => `${model} at most ${most} tokens`).join(', ')}`
}

const walkOf = (error: ErrorRecord | TuttiError): NonNullable<WalkData['walk']> => ((error.data ?? {}) as WalkData).walk ?? {}

function placeOf(error: ErrorRecord | TuttiError): Place {
  const { link, attempt } = walkOf(error)
  return typeof link === 'number' && typeof attempt === 'number' ? { link, attempt } : start
}

/** Whether a failure of this kind is one that may pass. */
export const mayRetry = (error: ErrorRecord | TuttiError, { on }: Retry): boolean => (on ? on.includes(error.code) : error.disposition === 'retryable')

/** A provider that asks for a longer wait than our own longest is left for the next model, if there is one. */
function tooLong(error: ErrorRecord | TuttiError, here: Place, links: readonly Link[]): boolean {
  const max = links[here.link]?.retry.max ?? defaultMaxMs
  return here.link + 1 < links.length && (retryAfterOf(error) ?? 0) > durationMs(max)
}

function retryAfterOf(error: ErrorRecord | TuttiError): number | undefined {
  const { retryAfterMs } = (error.data ?? {}) as WalkData
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
}
