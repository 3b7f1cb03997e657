/**
 * A model with faults: the one it is given, failing as providers fail. What fails when is drawn from the seed and the number of the call, so a run that failed in a test
 * fails again.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { TuttiError } from '../errors/index.ts'
import type { LanguageModel, Model } from '../model/model.port.ts'
import { checkOptions, type Declared, type Duration, durationMs, hashFraction, sayGiven } from '../primitives/index.ts'
import { brokenOff, httpError, notJson } from './provider-error.ts'
import { partsOf, readAll, resultOfParts } from './streamed.ts'
import { isTimed, Pace, type Timed } from './timed.ts'

/** Which calls: a share of them (0 to 1), drawn by the seed, or their numbers, from 1. */
export type Calls = number | readonly number[]

export interface Faults {
  /** Draws what fails. Default 1. */
  readonly seed?: number | undefined
  /** Silence before the first part; two durations: drawn between them. */
  readonly latency?: Duration | readonly [Duration, Duration] | undefined
  /** Silence before each part of a stream. */
  readonly drip?: Duration | undefined
  /** HTTP 429; `retryAfter` is what it asks for (default 1 s). */
  readonly rateLimit?: { readonly calls: Calls; readonly retryAfter?: Duration | undefined } | undefined
  /** HTTP 503, or `status`. */
  readonly serverError?: Calls | { readonly calls: Calls; readonly status: number } | undefined
  /** The stream breaks off after some of its parts, drawn by the seed; an answer that is not streamed does not arrive. */
  readonly cut?: Calls | undefined
  /** The first half of the answer, as if it were the whole: JSON and arguments of tools do not parse. An empty answer is no JSON of the protocol. */
  readonly malformed?: Calls | undefined
}

export interface FaultyModel extends Model, LanguageModelV4, Timed {
  /** What each call so far came to. */
  readonly faults: readonly ('none' | 'rateLimit' | 'serverError' | 'cut' | 'malformed')[]
}

/**
 * @param model a `scripted` model, a cassette, or a model object of a provider's package (version 4). A call that fails before it is made takes no turn of a script.
 * @throws CONFIG_INVALID
 * @example faulty(scripted(['It comes on Monday.']), { rateLimit: { calls: [1], retryAfter: '2s' }, cut: 0.1, seed: 7 })
 */
export function faulty(model: Model | LanguageModel, o: Faults): FaultyModel {
  const inner = model as LanguageModelV4 & Partial<Timed>
  if (typeof inner?.doStream !== 'function' || inner.specificationVersion !== 'v4')
    throw new TuttiError('CONFIG_INVALID', 'faulty() was given something that is no model object of version 4', {
      hint: 'Give it scripted([...]), a cassette, or a model of a provider package; put policies around faulty(...).',
    })
  checkFaults(o)
  const seed = String(o.seed ?? 1)
  const pace = new Pace()
  const faults: FaultyModel['faults'][number][] = []
  const begin = async ({ abortSignal }: LanguageModelV4CallOptions): Promise<{ fault: FaultyModel['faults'][number]; call: number }> => {
    const fault = faultOf(o, seed, faults.length + 1)
    const call = faults.push(fault)
    await pace.wait(latencyOf(o.latency, seed, call), abortSignal)
    if (fault === 'rateLimit') throw httpError(429, { headers: { 'retry-after-ms': String(durationMs(o.rateLimit?.retryAfter ?? '1s')) } })
    if (fault === 'serverError') throw httpError(typeof o.serverError === 'object' && 'status' in o.serverError ? o.serverError.status : 503)
    return { fault, call }
  }
  return {
    '~model': 'faulty',
    specificationVersion: 'v4',
    provider: inner.provider,
    modelId: inner.modelId,
    supportedUrls: inner.supportedUrls,
    faults,
    '~on': (clock) => {
      pace['~on'](clock)
      if (isTimed(inner)) inner['~on'](clock)
    },
    async doGenerate(options) {
      const { fault } = await begin(options)
      const result = await inner.doGenerate(options)
      if (fault === 'cut') throw brokenOff()
      return fault === 'malformed' ? resultOfParts(halved(partsOf(result))) : result
    },
    async doStream(options) {
      const { fault, call } = await begin(options)
      const { stream, ...rest } = await inner.doStream(options)
      const whole = await readAll(stream)
      const parts = fault === 'malformed' ? halved(whole) : whole
      const cutAt = fault === 'cut' ? Math.floor(hashFraction(`${seed}/where/${call}`) * parts.length) : undefined
      return { ...rest, stream: told(parts, cutAt, () => pace.wait(o.drip ?? 0, options.abortSignal)) }
    },
  }
}

/** Part by part; then it ends, or breaks off. */
function told(parts: readonly LanguageModelV4StreamPart[], cutAt: number | undefined, wait: () => Promise<void>): ReadableStream<LanguageModelV4StreamPart> {
  let at = 0
  return new ReadableStream({
    async pull(controller) {
      await wait()
      if (at === cutAt) return controller.error(brokenOff())
      const part = parts[at++]
      if (part === undefined) return controller.close()
      controller.enqueue(part)
    },
  })
}

/** What was written, to its middle. @throws as a body that is not JSON, when nothing was */
function halved(parts: readonly LanguageModelV4StreamPart[]): LanguageModelV4StreamPart[] {
  const { content, ...rest } = resultOfParts(parts)
  if (content.length === 0) throw notJson()
  const half = (text: string): string => text.slice(0, Math.ceil(text.length / 2))
  const broken = content.map((part) => {
    if (part.type === 'text') return { ...part, text: half(part.text) }
    return part.type === 'tool-call' ? { ...part, input: half(part.input) } : part
  })
  return partsOf({ ...rest, content: broken })
}

const kinds = ['rateLimit', 'serverError', 'cut', 'malformed'] as const

function faultOf(o: Faults, seed: string, call: number): FaultyModel['faults'][number] {
  return kinds.find((kind) => strikes(callsOf(o[kind]), `${seed}/${kind}/${call}`, call)) ?? 'none'
}

const callsOf = (said: Faults[(typeof kinds)[number]]): Calls | undefined => (typeof said === 'object' && said !== null && 'calls' in said ? said.calls : said)

const strikes = (calls: Calls | undefined, seed: string, call: number): boolean =>
  calls !== undefined && (typeof calls === 'number' ? hashFraction(seed) < calls : calls.includes(call))

function latencyOf(latency: Faults['latency'], seed: string, call: number): number {
  if (latency === undefined) return 0
  if (typeof latency !== 'object') return durationMs(latency)
  const [least, most] = latency.map((each) => durationMs(each)) as [number, number]
  return Math.round(least + (most - least) * hashFraction(`${seed}/latency/${call}`))
}

const FAULTS: Declared<Faults> = { seed: true, latency: true, drip: true, rateLimit: true, serverError: true, cut: true, malformed: true }
const RATE_LIMIT: Declared<NonNullable<Faults['rateLimit']>> = { calls: true, retryAfter: true }
const SERVER_ERROR: Declared<{ calls: Calls; status: number }> = { calls: true, status: true }

/** A fault that is misspelled would never strike, and the test would pass for that. @throws CONFIG_INVALID */
function checkFaults(o: Faults): void {
  checkOptions('faulty()', o, FAULTS)
  if (o.rateLimit !== undefined) checkOptions('the rateLimit of faulty()', o.rateLimit, RATE_LIMIT)
  if (typeof o.serverError === 'object' && !Array.isArray(o.serverError))
    checkOptions<{ calls: Calls; status: number }>('the serverError of faulty()', o.serverError as { calls: Calls; status: number }, SERVER_ERROR)
  for (const kind of kinds) {
    const calls = callsOf(o[kind])
    if (calls === undefined || isShare(calls) || (Array.isArray(calls) && calls.every((each) => Number.isInteger(each) && each >= 1))) continue
    throw new TuttiError('CONFIG_INVALID', `faulty: ${kind} is ${Array.isArray(calls) ? `for the calls ${calls.join(', ')}` : sayGiven(calls)}`, {
      hint: `A share of calls is 0 to 1, as in ${kind}: 0.1; single ones are a list of their numbers from 1: ${kind}: [1, 3].`,
    })
  }
}

const isShare = (calls: unknown): boolean => typeof calls === 'number' && calls >= 0 && calls <= 1
