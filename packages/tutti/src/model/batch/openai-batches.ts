/** The Batch API of OpenAI (https://platform.openai.com/docs/api-reference/batch): a file of requests, a batch of it, and files of what came of them. */
import type { BatchPort, BatchResult, BatchState } from './batch.port.ts'
import { call, json, linesOf } from './http.ts'

interface Batch {
  readonly id: string
  readonly status: string
  readonly output_file_id?: string | null
  readonly error_file_id?: string | null
  readonly errors?: { readonly data?: readonly { readonly message?: string; readonly line?: number | null }[] } | null
}
interface Line {
  readonly custom_id: string
  readonly response?: { readonly status_code: number; readonly body: unknown } | null
  readonly error?: { readonly code?: string; readonly message?: string } | null
}

const ended: ReadonlySet<string> = new Set(['completed', 'failed', 'expired', 'cancelled'])

export function openaiBatches({ baseUrl = 'https://api.openai.com/v1', apiKey }: { baseUrl?: string | undefined; apiKey: string }): BatchPort {
  const headers = { authorization: `Bearer ${apiKey}` }
  const get = async (path: string): Promise<Response> => call(`${baseUrl}${path}`, { headers })
  const post = (path: string, value: unknown): Promise<Response> =>
    call(`${baseUrl}${path}`, { ...json(value), headers: { ...headers, 'content-type': 'application/json' } })
  const batchOf = async (id: string): Promise<Batch> => (await (await get(`/batches/${id}`)).json()) as Batch
  return {
    max: 50_000,
    async submit(requests) {
      // One endpoint a batch; all requests of one model have the same.
      const endpoint = new URL(requests[0]?.url ?? baseUrl).pathname
      const lines = requests.map(({ id, body }) => JSON.stringify({ custom_id: id, method: 'POST', url: endpoint, body: JSON.parse(body) as unknown }))
      const form = new FormData()
      form.set('purpose', 'batch')
      form.set('file', new Blob([`${lines.join('\n')}\n`], { type: 'application/jsonl' }), 'batch.jsonl')
      const file = (await (await call(`${baseUrl}/files`, { method: 'POST', headers, body: form })).json()) as { id: string }
      const batch = await post('/batches', { input_file_id: file.id, endpoint, completion_window: '24h' })
      return ((await batch.json()) as Batch).id
    },
    async poll(id): Promise<BatchState> {
      const { status, errors } = await batchOf(id)
      const failure = status === 'failed' ? (errors?.data ?? []).map(({ message }) => message).join('; ') || 'no reason given' : undefined
      return { ended: ended.has(status), status, ...(failure === undefined ? {} : { failure }) }
    },
    async fetch(id) {
      const { output_file_id, error_file_id } = await batchOf(id)
      const results = new Map<string, BatchResult>()
      for (const file of [output_file_id, error_file_id]) {
        if (!file) continue
        for (const line of linesOf(await (await get(`/files/${file}/content`)).text()) as Line[]) results.set(line.custom_id, resultOf(line))
      }
      return results
    },
    async cancel(id) {
      await post(`/batches/${id}/cancel`, {})
    },
  }
}

function resultOf({ response, error }: Line): BatchResult {
  if (response) return { status: response.status_code, body: JSON.stringify(response.body) }
  if (error?.code === 'batch_expired') return { missing: 'expired' }
  return error?.code === 'batch_cancelled' ? { missing: 'cancelled' } : { status: 500, body: JSON.stringify({ error: error ?? {} }) }
}
