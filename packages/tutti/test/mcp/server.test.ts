import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { agent, flow, inMemory, tool, tutti } from 'tutti'
import { mcpServer } from 'tutti/server'
import { scripted } from 'tutti/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'

const once = vi.fn(({ n }: { n: number }) => ({ total: n * 2 }))
const pay = tool({
  name: 'pay',
  description: 'Pays.',
  input: z.object({ n: z.number() }),
  output: z.object({ total: z.number() }),
  effect: 'once',
  execute: once,
})
const steps = flow('steps', { input: z.object({ n: z.number() }) }, async ({ n }, run) => {
  for (let i = 1; i <= n; i++) await run.step('walk', i, (k) => k)
  return n > 2 ? run.fail('too far') : n
})
const greeter = agent({ name: 'greeter', description: 'Greets.' })
const app = tutti({ flows: [steps, greeter], store: inMemory(), model: scripted(['Hello Ada.', 'Hello Ada.']) })
const served = mcpServer(app, { expose: [steps, greeter, pay] })
let url = ''
beforeAll(async () => {
  ;({ url } = await served.listen(0))
})
afterAll(async () => {
  await served.close()
  await app.close()
})

describe.each(['legacy', 'auto'] as const)('what is exposed, to a client of the %s protocol', (mode) => {
  const connected = async (): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    return client
  }

  test('[T3] a flow, an agent and a tool are called as durable runs, with their progress', async () => {
    const client = await connected()
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name).sort()).toEqual(['greeter', 'pay', 'steps'])
    expect((await client.callTool({ name: 'greeter', arguments: { prompt: 'Greet Ada.' } })).content).toEqual([{ type: 'text', text: 'Hello Ada.' }])
    expect((await client.callTool({ name: 'pay', arguments: { n: 2 } })).structuredContent).toEqual({ total: 4 })
    const seen: (string | undefined)[] = []
    const walked = await client.callTool({ name: 'steps', arguments: { n: 2 } }, { onprogress: ({ message }) => seen.push(message) })
    expect(walked.content).toEqual([{ type: 'text', text: '2' }])
    const run = await app.get(String(walked._meta?.['tutti/run']))
    expect((await run?.result())?.output).toBe(2)
    if (mode === 'auto') expect(seen).toContain('steps/walk')
    await client.close()
  })

  test('[T3] a run that fails is an error result with its code; arguments that do not fit start none', async () => {
    const client = await connected()
    const failed = await client.callTool({ name: 'steps', arguments: { n: 3 } })
    expect(failed).toMatchObject({ isError: true, _meta: { 'tutti/code': 'RUN_FAILED' } })
    const before = once.mock.calls.length
    const refused = await client.callTool({ name: 'pay', arguments: { n: 'two' } }).catch((error: unknown) => error)
    expect(JSON.stringify(refused)).toMatch(/isError|code/)
    expect(once.mock.calls.length).toBe(before)
    await client.close()
  })

  test('[T3] calls with one idempotency key are one run', async () => {
    const client = await connected()
    const before = once.mock.calls.length
    const call = () => client.callTool({ name: 'pay', arguments: { n: 5 }, _meta: { 'tutti/idempotency-key': `key-${mode}` } })
    const [first, second] = [await call(), await call()]
    expect(second).toEqual(first)
    expect(once.mock.calls.length - before).toBe(1)
    await client.close()
  })
})

test('[T3] a request under a foreign host, and one that nobody vouches for, are refused', async () => {
  const guarded = mcpServer(app, {
    expose: [pay],
    authorize: (request) => (request.headers.get('authorization') === 'Bearer ada' ? { user: 'ada' } : undefined),
  })
  const ask = (headers: Record<string, string>) =>
    guarded.fetch(new Request('http://localhost/mcp', { method: 'POST', headers: { host: 'localhost', ...headers }, body: '{}' }))
  expect((await ask({ host: 'evil.example' })).status).toBe(403)
  expect((await ask({})).status).toBe(401)
  expect((await ask({ authorization: 'Bearer ada' })).status).not.toBe(401)
  await guarded.close()
})
