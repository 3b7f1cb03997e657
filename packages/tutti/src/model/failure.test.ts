import { APICallError, LoadAPIKeyError, UnsupportedFunctionalityError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { failureOf, retryAfter, wasRefused } from './failure.ts'

const api = (o: { statusCode?: number; message?: string; responseBody?: string; responseHeaders?: Record<string, string>; cause?: unknown }): Error =>
  new APICallError({ message: 'no', url: 'https://a.test/?key=secret', requestBodyValues: { key: 'secret' }, ...o })
const failure = (error: unknown, phase: 'call' | 'stream' = 'call'): TuttiError => failureOf(error, { model: 'a/b', phase }) as TuttiError
const code = (error: unknown, phase: 'call' | 'stream' = 'call'): string => failure(error, phase).code

describe('failures of a model', () => {
  test.each([
    [401, '', 'MODEL_KEY_REFUSED'],
    [403, '', 'MODEL_KEY_REFUSED'],
    [402, '', 'MODEL_KEY_REFUSED'],
    [429, '', 'MODEL_RATE_LIMITED'],
    [429, 'insufficient_quota', 'MODEL_KEY_REFUSED'],
    [400, 'credit balance is too low', 'MODEL_KEY_REFUSED'],
    [400, 'tools.0 is wrong', 'MODEL_REQUEST_REFUSED'],
    [404, 'no such model', 'MODEL_REQUEST_REFUSED'],
    [422, '', 'MODEL_REQUEST_REFUSED'],
    [400, "This model's maximum context length is 8192 tokens", 'MODEL_CONTEXT_OVERFLOW'],
    [400, 'prompt is too long: 210000 tokens > 200000 maximum', 'MODEL_CONTEXT_OVERFLOW'],
    [400, 'The input token count (1200000) exceeds the maximum number of tokens allowed', 'MODEL_CONTEXT_OVERFLOW'],
    [413, '', 'MODEL_CONTEXT_OVERFLOW'],
    [408, '', 'MODEL_TIMEOUT'],
    [504, '', 'MODEL_TIMEOUT'],
    [409, '', 'MODEL_OVERLOADED'],
    [500, '', 'MODEL_OVERLOADED'],
    [529, '', 'MODEL_OVERLOADED'],
    [200, 'invalid JSON', 'MODEL_MALFORMED'],
  ])('[M2] HTTP %i %s is %s', (statusCode, responseBody, expected) => {
    expect(code(api({ statusCode, responseBody }))).toBe(expected)
  })

  test('[M2] an error of another copy of the AI SDK is known by its brand alone', () => {
    const foreign = Object.assign(new Error('slow down'), { [Symbol.for('vercel.ai.error.AI_APICallError')]: true, statusCode: 429, responseHeaders: {} })
    expect(code(foreign)).toBe('MODEL_RATE_LIMITED')
  })

  test('[M2] what never went out is unreachable; what broke while it was read is a cut stream', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(code(api({ message: 'Cannot connect to API', cause: new TypeError('fetch failed', { cause: refused }) }))).toBe('MODEL_UNREACHABLE')
    expect(code(new TypeError('fetch failed'))).toBe('MODEL_UNREACHABLE')
    expect(code(new TypeError('terminated', { cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }) }), 'stream')).toBe(
      'MODEL_STREAM_CUT',
    )
    const closed = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })
    expect(code(api({ message: 'Cannot connect to API', cause: closed }), 'stream')).toBe('MODEL_STREAM_CUT')
    expect(code(api({ statusCode: 200, message: 'Failed to process successful response', cause: new TypeError('terminated', { cause: closed }) }))).toBe(
      'MODEL_STREAM_CUT',
    )
    expect(code(new TypeError('undefined is not iterable'), 'stream')).toBe('MODEL_STREAM_CUT')
    expect(code(Object.assign(new Error('x'), { code: 'UND_ERR_HEADERS_TIMEOUT' }))).toBe('MODEL_TIMEOUT')
  })

  test('[M2] errors inside a stream are read by the words of the provider', () => {
    expect(code({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'stream')).toBe('MODEL_OVERLOADED')
    expect(code({ error: { code: 'rate_limit_exceeded', message: 'slow' } }, 'stream')).toBe('MODEL_RATE_LIMITED')
    expect(code({ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }, 'stream')).toBe('MODEL_RATE_LIMITED')
    expect(code('something else', 'stream')).toBe('MODEL_FAILED')
    expect(code(undefined, 'stream')).toBe('MODEL_FAILED')
  })

  test('[M1] errors of a provider package say what is missing', () => {
    expect(code(new LoadAPIKeyError({ message: 'no key' }))).toBe('MODEL_KEY_MISSING')
    expect(code(new UnsupportedFunctionalityError({ functionality: 'images' }))).toBe('MODEL_UNSUPPORTED')
  })

  test('[B6] an abort is not a failure of the model: it comes back as its reason', () => {
    const abort = new AbortController()
    const reason = new TuttiError('RUN_DEADLINE_EXCEEDED', 'late')
    abort.abort(reason)
    expect(failureOf(new DOMException('aborted', 'AbortError'), { model: 'a/b', phase: 'call', signal: abort.signal })).toBe(reason)
  })

  test('[M4] the wait that a provider asks for is read from each of its headers', () => {
    expect(failure(api({ statusCode: 429, responseHeaders: { 'Retry-After': '2' } })).data).toMatchObject({ retryAfterMs: 2_000, status: 429 })
    expect(retryAfter({ 'retry-after-ms': '150', 'retry-after': '9' })).toBe(150)
    expect(retryAfter({ 'retry-after': 'Wed, 21 Oct 2026 07:28:05 GMT' }, Date.parse('Wed, 21 Oct 2026 07:28:00 GMT'))).toBe(5_000)
    expect(retryAfter({ 'retry-after': 'soon' })).toBeUndefined()
    expect(retryAfter(undefined)).toBeUndefined()
  })

  test('[O6] neither the request nor the address gets into an error', () => {
    expect(JSON.stringify(failure(api({ statusCode: 400 })))).not.toContain('secret')
  })

  test('[B1] only a refusal is known to cost nothing; a proxy that gave up, or a broken connection, is not', () => {
    for (const statusCode of [400, 401, 429, 500, 503, 529]) expect(wasRefused(failure(api({ statusCode })))).toBe(true)
    for (const statusCode of [408, 502, 504, 200]) expect(wasRefused(failure(api({ statusCode })))).toBe(false)
    const under = (name: string): Error =>
      api({ message: 'Cannot connect', cause: new TypeError('fetch failed', { cause: Object.assign(new Error(name), { code: name }) }) })
    expect(wasRefused(failure(under('ECONNREFUSED')))).toBe(true)
    expect(wasRefused(failure(under('ECONNRESET')))).toBe(false)
  })
})
