/** For tests: the batch APIs of OpenAI and Anthropic as they are documented, on the loopback. What a batch answers is said by the test. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The answer to one request: a text, an HTTP status that it fails with, or nothing (it expires). */
export type BatchReply = string | number | 'expired'

interface Held {
  readonly items: readonly { readonly id: string; readonly body: unknown }[]
  polls: number
  cancelled: boolean
}

export class BatchServer {
  readonly batches: Held[] = []
  readonly seen: string[] = []
  /** Polls before a batch ends. */
  endsAfter = 1
  /** Fails the next creation of a batch with this status. */
  refuse: number | undefined
  readonly #reply: (prompt: string, batch: number) => BatchReply
  readonly #files = new Map<string, string>()
  readonly #server: Server
  url = ''

  private constructor(reply: (prompt: string, batch: number) => BatchReply) {
    this.#reply = reply
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body),
        (error) => response.writeHead(500).end(String(error)),
      )
    })
  }

  static async open(reply: (prompt: string, batch: number) => BatchReply): Promise<BatchServer> {
    const made = new BatchServer(reply)
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve))
    made.url = `http://127.0.0.1:${(made.#server.address() as AddressInfo).port}/v1`
    return made
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const path = (request.url ?? '').replace(/^\/v1/, '')
    this.seen.push(`${request.method} ${path}`)
    const key = request.headers['x-api-key'] ?? request.headers.authorization
    if (key !== 'k' && key !== 'Bearer k') return { status: 401, body: JSON.stringify({ error: { message: 'no such key' } }) }
    const found = path.startsWith('/messages/batches') ? this.#anthropic(path, text) : this.#openai(path, text)
    return typeof found === 'number' ? { status: found, body: JSON.stringify({ error: { message: `refused with ${found}` } }) } : { status: 200, body: found }
  }

  #openai(path: string, text: string): string | number {
    if (path === '/files') {
      const id = `file-${this.#files.size}`
      this.#files.set(id, text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))
      return JSON.stringify({ id, object: 'file', purpose: 'batch' })
    }
    const content = /^\/files\/(.*)\/content$/.exec(path)
    if (content) return this.#files.get(content[1] as string) ?? 404
    if (path === '/batches') {
      if (this.refuse) return this.#refused()
      const { input_file_id } = JSON.parse(text) as { input_file_id: string }
      const lines = (this.#files.get(input_file_id) ?? '').split('\n').map((line) => JSON.parse(line) as { custom_id: string; body: unknown })
      return JSON.stringify(this.#openaiBatch(this.#hold(lines.map(({ custom_id, body }) => ({ id: custom_id, body })))))
    }
    const [, number = '', cancel] = /^\/batches\/batch_(\d+)(\/cancel)?$/.exec(path) ?? []
    const held = this.batches[Number(number)]
    if (!held) return 404
    if (cancel) held.cancelled = true
    else held.polls++
    return JSON.stringify(this.#openaiBatch(Number(number)))
  }

  #openaiBatch(number: number): object {
    const held = this.batches[number] as Held
    const status = held.cancelled ? 'cancelled' : held.polls >= this.endsAfter ? 'completed' : 'in_progress'
    const [output, errors]: [string[], string[]] = [[], []]
    for (const { id, body } of held.items) {
      const reply = this.#reply(JSON.stringify(body), number)
      if (reply === 'expired') errors.push(JSON.stringify({ custom_id: id, response: null, error: { code: 'batch_expired', message: 'expired' } }))
      else if (typeof reply === 'number')
        errors.push(JSON.stringify({ custom_id: id, response: { status_code: reply, body: { error: { message: 'refused' } } }, error: null }))
      else output.push(JSON.stringify({ custom_id: id, response: { status_code: 200, body: responseOf(reply) }, error: null }))
    }
    this.#files.set(`out-${number}`, output.reverse().join('\n')).set(`err-${number}`, errors.join('\n'))
    const files = status === 'completed' ? { output_file_id: `out-${number}`, error_file_id: errors.length > 0 ? `err-${number}` : null } : {}
    return { id: `batch_${number}`, object: 'batch', endpoint: '/v1/responses', completion_window: '24h', status, ...files }
  }

  #anthropic(path: string, text: string): string | number {
    if (path === '/messages/batches') {
      if (this.refuse) return this.#refused()
      const { requests } = JSON.parse(text) as { requests: { custom_id: string; params: unknown }[] }
      return JSON.stringify(this.#anthropicBatch(this.#hold(requests.map(({ custom_id, params }) => ({ id: custom_id, body: params })))))
    }
    const [, number = '', verb] = /^\/messages\/batches\/msgbatch_(\d+)(\/\w+)?$/.exec(path) ?? []
    const held = this.batches[Number(number)]
    if (!held) return 404
    if (verb === '/results')
      return held.items
        .map(({ id, body }) => JSON.stringify({ custom_id: id, result: resultOf(this.#reply(JSON.stringify(body), Number(number))) }))
        .reverse()
        .join('\n')
    if (verb === '/cancel') held.cancelled = true
    else held.polls++
    return JSON.stringify(this.#anthropicBatch(Number(number)))
  }

  #anthropicBatch(number: number): object {
    const { polls, cancelled } = this.batches[number] as Held
    return { id: `msgbatch_${number}`, type: 'message_batch', processing_status: cancelled ? 'canceling' : polls >= this.endsAfter ? 'ended' : 'in_progress' }
  }

  #hold(items: Held['items']): number {
    return this.batches.push({ items, polls: 0, cancelled: false }) - 1
  }

  #refused(): number {
    const status = this.refuse as number
    this.refuse = undefined
    return status
  }
}

const responseOf = (text: string): object => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-5-mini',
  output: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] }],
  usage: { input_tokens: 1_000, output_tokens: 100, total_tokens: 1_100 },
})

function resultOf(reply: BatchReply): object {
  if (reply === 'expired') return { type: 'expired' }
  if (typeof reply === 'number') return { type: 'errored', error: { type: 'error', error: { type: 'invalid_request_error', message: 'refused' } } }
  const usage = { input_tokens: 1_000, output_tokens: 100 }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-haiku-4-5',
    content: [{ type: 'text', text: reply }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage,
  }
  return { type: 'succeeded', message }
}
