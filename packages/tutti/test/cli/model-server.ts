/** An OpenAI-compatible model server of this process, that answers when it is told to: the model of a machine of one's own, as the command finds it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What the model says to its nth question: a tool call, a JSON answer, or nothing until the connection is cut. */
export type Said = { readonly search: string } | { readonly answer: unknown } | 'nothing'

export interface ModelServer {
  /** For the command that is to find it. */
  readonly env: Readonly<Record<string, string>>
  /** Questions so far. */
  readonly asked: () => number
  /** Resolves when the nth question has come. */
  question(n: number): Promise<void>
}

/** `say(n)` is asked for each question, from 1. */
export async function modelServer(say: (question: number) => Said): Promise<ModelServer> {
  let count = 0
  const waiting = new Map<number, () => void>()
  const server = createServer((request, response) => {
    if (request.url?.endsWith('/models')) return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: [{ id: 'double' }] }))
    read(request).then(() => {
      count++
      waiting.get(count)?.()
      respond(response, say(count))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    env: { TUTTI_LOCAL_URL: `http://127.0.0.1:${port}/v1` },
    asked: () => count,
    question: (n) => (count >= n ? Promise.resolve() : new Promise((resolve) => waiting.set(n, resolve))),
  }
}

async function read(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}

function respond(response: ServerResponse, said: Said): void {
  if (said === 'nothing') return
  const delta =
    'search' in said
      ? { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'search_docs', arguments: JSON.stringify({ query: said.search }) } }] }
      : { content: JSON.stringify(said.answer) }
  const chunk = (part: object): string => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'double', ...part })}\n\n`
  response.setHeader('content-type', 'text/event-stream')
  response.write(chunk({ choices: [{ index: 0, delta: { role: 'assistant', ...delta } }] }))
  response.write(
    chunk({
      choices: [{ index: 0, delta: {}, finish_reason: 'search' in said ? 'tool_calls' : 'stop' }],
      usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
    }),
  )
  response.end('data: [DONE]\n\n')
}
