/** One request to a batch API; a status that is no success is thrown as the packages of providers throw it, so that it is classified like theirs. */

export async function call(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  if (response.ok) return response
  const responseBody = await response.text()
  const message = messageOf(responseBody) ?? `HTTP ${response.status}`
  const brands = { [Symbol.for('vercel.ai.error')]: true, [Symbol.for('vercel.ai.error.AI_APICallError')]: true }
  const fields = { statusCode: response.status, responseBody, responseHeaders: Object.fromEntries(response.headers) }
  throw Object.assign(new Error(message), { name: 'AI_APICallError', ...brands, ...fields })
}

export const json = (value: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(value) })

/** JSON, one value a line. */
export const linesOf = (text: string): unknown[] => text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as unknown]))

function messageOf(body: string): string | undefined {
  try {
    const said = (JSON.parse(body) as { error?: { message?: unknown } } | null)?.error?.message
    return typeof said === 'string' ? said : undefined
  } catch {
    return undefined
  }
}
