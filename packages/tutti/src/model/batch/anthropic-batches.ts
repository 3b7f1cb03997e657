/** The Message Batches API of Anthropic (https://platform.claude.com/docs/en/api/creating-message-batches). */
import type { BatchPort, BatchResult } from './batch.port.ts'
import { call, json, linesOf } from './http.ts'

interface Line {
  readonly custom_id: string
  readonly result:
    | { readonly type: 'succeeded'; readonly message: unknown }
    | { readonly type: 'errored'; readonly error: { readonly error?: { readonly type?: string; readonly message?: string } } }
    | { readonly type: 'canceled' | 'expired' }
}

export function anthropicBatches({ baseUrl = 'https://api.anthropic.com/v1', apiKey }: { baseUrl?: string | undefined; apiKey: string }): BatchPort {
  const headers = { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' }
  const get = (path: string): Promise<Response> => call(`${baseUrl}/messages/batches${path}`, { headers })
  const post = (path: string, value: unknown): Promise<Response> => call(`${baseUrl}/messages/batches${path}`, { ...json(value), headers })
  return {
    max: 100_000,
    async submit(requests) {
      const made = await post('', { requests: requests.map(({ id, body }) => ({ custom_id: id, params: JSON.parse(body) as unknown })) })
      return ((await made.json()) as { id: string }).id
    },
    async poll(id) {
      const { processing_status: status } = (await (await get(`/${id}`)).json()) as { processing_status: string }
      return { ended: status === 'ended', status }
    },
    async fetch(id) {
      const lines = linesOf(await (await get(`/${id}/results`)).text()) as Line[]
      return new Map(lines.map(({ custom_id, result }) => [custom_id, resultOf(result)]))
    },
    async cancel(id) {
      await post(`/${id}/cancel`, {})
    },
  }
}

/** The statuses that its errors have where they are answered at once. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  overloaded_error: 529,
}

function resultOf(result: Line['result']): BatchResult {
  if (result.type === 'succeeded') return { status: 200, body: JSON.stringify(result.message) }
  if (result.type === 'errored') return { status: statuses[result.error.error?.type ?? ''] ?? 500, body: JSON.stringify(result.error) }
  return { missing: result.type === 'expired' ? 'expired' : 'cancelled' }
}
