/** Failures as the packages of providers throw them (`@ai-sdk/provider-utils`). */

export function httpError(status: number, o: { message?: string; headers?: Readonly<Record<string, string>> } = {}): Error {
  const { message = status === 429 ? 'Rate limit reached' : 'The server had an error', headers = {} } = o
  const isRetryable = status === 429 || status >= 500
  return branded(
    'AI_APICallError',
    { url: 'test:', requestBodyValues: {}, statusCode: status, responseHeaders: headers, responseBody: message, isRetryable },
    message,
  )
}

/** The body of an answer that is not what the protocol says. */
export const notJson = (): Error => branded('AI_JSONParseError', { text: 'not what the protocol says' }, 'the body of the answer is not JSON')

/** A connection that broke while the answer was read. */
export const brokenOff = (): Error =>
  Object.assign(new TypeError('terminated'), { cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }) })

const branded = (name: string, fields: object, message: string): Error =>
  Object.assign(new Error(message), { name, [Symbol.for('vercel.ai.error')]: true, [Symbol.for(`vercel.ai.error.${name}`)]: true }, fields)
