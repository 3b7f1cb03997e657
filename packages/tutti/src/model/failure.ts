/**
 * What providers throw, made one: every failure of a model is a TuttiError of the MODEL family, so that retry, fallback and the journal can read it.
 * Errors of the AI SDK are known by their `Symbol.for` brands, across its versions. The request is never copied into an error: it may hold secrets.
 */
import { type ErrorCode, type ErrorData, TuttiError } from '../errors/index.ts'

/** Where it happened: before anything came back, or while an answer was being read. */
type Phase = 'call' | 'stream'

interface ApiFailure {
  readonly statusCode?: number | undefined
  readonly message: string
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined
  readonly responseBody?: string | undefined
  readonly cause?: unknown
}

/**
 * The TuttiError that `error` of `model` amounts to. An abort is not a failure of the model: it comes back as the reason of `signal`.
 * @example failureOf(caught, { model: 'openai/gpt-5', phase: 'call', signal }) // MODEL_RATE_LIMITED, data.retryAfterMs 2000
 */
export function failureOf(error: unknown, o: { model: string; phase: Phase; signal?: AbortSignal | undefined }): unknown {
  if (o.signal?.aborted) return o.signal.reason
  if (TuttiError.is(error)) return error
  if (branded(error, 'AI_APICallError')) return fromApi(error as unknown as ApiFailure, o.model, o.phase)
  const [code, why] = classify(error, o.phase)
  return new TuttiError(code, `${o.model}: ${why}`, { cause: error, data: { model: o.model, ...neverSent(error) } })
}

function fromApi(error: ApiFailure, model: string, phase: Phase): TuttiError {
  const said = `${error.message} ${error.responseBody ?? ''}`
  const network = networkCode(error.cause)
  const code = error.statusCode === undefined ? byNetwork(network ?? 'MODEL_UNREACHABLE', phase) : byStatus(error.statusCode, said, network !== undefined)
  const retryAfterMs = retryAfter(error.responseHeaders)
  const data: ErrorData = {
    model,
    ...neverSent(error),
    ...(error.statusCode === undefined ? {} : { status: error.statusCode }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
  const status = error.statusCode === undefined ? '' : ` (HTTP ${error.statusCode})`
  return new TuttiError(code, `${model}: ${error.message || 'the provider gave no reason'}${status}`, { cause: error, data })
}

const overflow =
  /context.{0,20}(length|window)|maximum.{0,20}(context|tokens)|prompt is too long|too many (input )?tokens|input token count.{0,40}exceeds|exceeds.{0,30}(context|token limit)|request too large/i
/** A quota that waiting does not refill: the provider answers 429 but means the account. */
const outOfCredit = /insufficient_quota|exceeded your current quota|credit balance is too low|billing/i

/** `broken`: a network error lies under it. */
function byStatus(status: number, said: string, broken: boolean): ErrorCode {
  if (status === 401 || status === 403 || status === 402) return 'MODEL_KEY_REFUSED'
  if (status === 429) return outOfCredit.test(said) ? 'MODEL_KEY_REFUSED' : 'MODEL_RATE_LIMITED'
  if (status === 413 || (status >= 400 && status < 500 && overflow.test(said))) return 'MODEL_CONTEXT_OVERFLOW'
  if (status === 400 && outOfCredit.test(said)) return 'MODEL_KEY_REFUSED'
  if (status === 408 || status === 504) return 'MODEL_TIMEOUT'
  if (status === 409 || status >= 500) return 'MODEL_OVERLOADED'
  // A 2xx that is an error all the same: the body broke off, or was not what the protocol says.
  if (status < 400) return broken ? 'MODEL_STREAM_CUT' : 'MODEL_MALFORMED'
  return 'MODEL_REQUEST_REFUSED'
}

const byBrand: readonly (readonly [brand: string, code: ErrorCode])[] = [
  ['AI_LoadAPIKeyError', 'MODEL_KEY_MISSING'],
  ['AI_NoSuchModelError', 'MODEL_UNKNOWN'],
  ['AI_UnsupportedFunctionalityError', 'MODEL_UNSUPPORTED'],
  ['AI_InvalidPromptError', 'MODEL_REQUEST_REFUSED'],
  ['AI_InvalidArgumentError', 'MODEL_REQUEST_REFUSED'],
  ['AI_JSONParseError', 'MODEL_MALFORMED'],
  ['AI_TypeValidationError', 'MODEL_MALFORMED'],
  ['AI_InvalidResponseDataError', 'MODEL_MALFORMED'],
  ['AI_EmptyResponseBodyError', 'MODEL_STREAM_CUT'],
  ['AI_NoContentGeneratedError', 'MODEL_MALFORMED'],
]

function classify(error: unknown, phase: Phase): readonly [code: ErrorCode, why: string] {
  const why = reasonOf(error)
  for (const [brand, code] of byBrand) if (branded(error, brand)) return [code, why]
  const network = networkCode(error)
  if (network) return [byNetwork(network, phase), why]
  // What Anthropic's package throws for a first event that it cannot read.
  if (error instanceof SyntaxError || /expected a normalized .{0,20}stream error/i.test(why)) return ['MODEL_MALFORMED', why]
  // What the frames of Bedrock's streams fail with: broken off, or not what they say of themselves.
  if (phase === 'stream' && /incomplete .{0,40}frame/i.test(why)) return ['MODEL_STREAM_CUT', why]
  if (/event.stream|message length|checksum|header type tag/i.test(why)) return ['MODEL_MALFORMED', why]
  // What undici, and some providers with it, throw when a connection ends while its body is read.
  if (phase === 'stream' && (error instanceof TypeError || /terminated|premature|aborted/i.test(why))) return ['MODEL_STREAM_CUT', why]
  return [byWord(error) ?? 'MODEL_FAILED', why]
}

/** Errors inside a stream are plain objects or text, in the words of the provider. */
function byWord(error: unknown): ErrorCode | undefined {
  const words = typeof error === 'string' ? error : `${reasonOf(error)} ${inner(error, 'type')} ${inner(error, 'code')} ${inner(error, 'status')}`
  if (/rate.?limit|too_many_requests|RESOURCE_EXHAUSTED|\b429\b/i.test(words)) return 'MODEL_RATE_LIMITED'
  if (/overloaded|server_error|api_error|internal|UNAVAILABLE|\b5\d\d\b/i.test(words)) return 'MODEL_OVERLOADED'
  if (overflow.test(words)) return 'MODEL_CONTEXT_OVERFLOW'
  if (/authentication|permission/i.test(words)) return 'MODEL_KEY_REFUSED'
  if (/invalid_request/i.test(words)) return 'MODEL_REQUEST_REFUSED'
  return undefined
}

/** A connection that carried a part of the answer was there. */
const byNetwork = (code: ErrorCode, phase: Phase): ErrorCode => (phase === 'stream' && code === 'MODEL_UNREACHABLE' ? 'MODEL_STREAM_CUT' : code)

const timeouts = /^(UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT|ETIMEDOUT|TimeoutError|ERR_SOCKET_CONNECTION_TIMEOUT)$/
const unreachable = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE|UND_ERR_SOCKET|ConnectionRefused|FailedToOpenSocket)$/

/** Reads the chain of causes: `fetch failed` says nothing, the error under it does. */
function networkCode(error: unknown, depth = 0): 'MODEL_TIMEOUT' | 'MODEL_UNREACHABLE' | undefined {
  if (typeof error !== 'object' || error === null || depth > 4) return undefined
  const { code, name, message, cause, errors } = error as { code?: unknown; name?: unknown; message?: unknown; cause?: unknown; errors?: unknown }
  for (const word of [code, name]) {
    if (typeof word !== 'string') continue
    if (timeouts.test(word)) return 'MODEL_TIMEOUT'
    if (unreachable.test(word)) return 'MODEL_UNREACHABLE'
  }
  const under = networkCode(cause, depth + 1) ?? (Array.isArray(errors) ? networkCode(errors[0], depth + 1) : undefined)
  return under ?? (message === 'fetch failed' || message === 'terminated' ? 'MODEL_UNREACHABLE' : undefined)
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date, in ms. */
export function retryAfter(headers: Readonly<Record<string, string>> | undefined, nowMs: number = Date.now()): number | undefined {
  const find = (name: string): string | undefined => Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]
  const ms = Number.parseFloat(find('retry-after-ms') ?? '')
  if (ms >= 0) return Math.ceil(ms)
  const text = find('retry-after')
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 0) return Math.ceil(seconds * 1_000)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

/** No connection was made, so nothing was sent. */
function neverSent(error: unknown): { sent?: false } {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown }
  if (typeof code === 'string' && /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused)$/.test(code))
    return { sent: false }
  if (cause !== undefined && cause !== error) return neverSent(cause)
  return Array.isArray(errors) && errors.length > 0 ? neverSent(errors[0]) : {}
}

const unasked: ReadonlySet<string> = new Set(['MODEL_UNSUPPORTED', 'MODEL_KEY_MISSING', 'MODEL_PACKAGE_MISSING', 'MODEL_UNKNOWN', 'MODEL_NO_ANSWER'])

/**
 * The provider did no work, so nothing is paid for: it was never asked, could not be reached, or answered with a refusal. A proxy's 502 or 504 says nothing
 * about the work behind it, and neither does a connection that broke.
 */
export function wasRefused(error: TuttiError): boolean {
  if (unasked.has(error.code) || (error.data as { readonly sent?: unknown } | null)?.sent === false) return true
  const status = statusOf(error)
  return status !== undefined && status >= 400 && status !== 408 && status !== 502 && status !== 504
}

function statusOf(error: TuttiError): number | undefined {
  const status = (error.data as { readonly status?: unknown } | null)?.status
  return typeof status === 'number' ? status : undefined
}

const branded = (error: unknown, name: string): boolean => typeof error === 'object' && error !== null && Symbol.for(`vercel.ai.error.${name}`) in error

function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error
  const message = (error as { message?: unknown } | null | undefined)?.message
  if (typeof message === 'string' && message !== '') return message
  return inner(error, 'message') || `an error that says nothing (${error === null ? 'null' : typeof error})`
}

/** `error.name`, or `error.error.name` as providers wrap it in a stream. */
function inner(error: unknown, name: string): string {
  const outer = error as { readonly [key: string]: unknown } | null | undefined
  const value = outer?.[name] ?? (outer?.error as { readonly [key: string]: unknown } | undefined)?.[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
