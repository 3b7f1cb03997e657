import { Client } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { inOrder } from './in-order.ts'

/** A server that answers a call with its progress and its result in one go. */
function hasty() {
  type Message = { id?: number; method?: string; params?: { _meta?: { progressToken?: number } } }
  const transport = {
    onmessage: undefined as ((message: never) => void) | undefined,
    start: async () => {},
    close: async () => {},
    send: async ({ id, method, params }: Message) => {
      if (id === undefined) return
      const say = (message: object): void => transport.onmessage?.({ jsonrpc: '2.0', ...message } as never)
      const serverInfo = { name: 'hasty', version: '1' }
      if (method === 'initialize') return say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo } })
      say({ method: 'notifications/progress', params: { progressToken: params?._meta?.progressToken, progress: 1, total: 1 } })
      say({ id, result: { content: [{ type: 'text', text: 'there' }] } })
    },
  }
  return transport
}

test('[T2] progress that comes in one go with the answer is told before it', async () => {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(inOrder(hasty() as never))
  const told: unknown[] = []
  const result = await client.callTool({ name: 'walk', arguments: {} }, { onprogress: ({ progress }) => told.push(progress) })
  expect([told, result.content]).toEqual([[1], [{ type: 'text', text: 'there' }]])
  await client.close()
})
