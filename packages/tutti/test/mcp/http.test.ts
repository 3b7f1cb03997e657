import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agent, flow, type McpOptions, mcp } from 'tutti'
import { scripted } from 'tutti/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testing } from '../../src/testing/testing.ts'

const book = join(mkdtempSync(join(tmpdir(), 'tutti-mcp-')), 'book.txt')
const written = (): string[] => readFileSync(book, 'utf8').trim().split('\n').filter(Boolean)
let child: ChildProcess
let port = 0

/** A way to the server that can be cut after the request went through, and that counts what it lets through. */
let proxy: Server
let cut: 'never' | 'after the request' = 'never'
const seen: { method: string; headers: IncomingMessage['headers'] }[] = []

beforeAll(async () => {
  writeFileSync(book, '')
  child = fork(new URL('desk-child.ts', import.meta.url).pathname, ['0'], { env: { ...process.env, DESK_BOOK: book } })
  port = await new Promise<number>((resolve, reject) => {
    child.once('message', (said) => resolve(Number(said)))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  proxy = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    seen.push({ method: String((JSON.parse(body.toString() || '{}') as { method?: string }).method ?? request.method), headers: request.headers })
    if (cut !== 'never' && body.includes('tools/call')) {
      // The request arrives and is carried out; the answer never comes back.
      const through = connect(port, '127.0.0.1')
      const head = Object.entries({ ...request.headers, host: `127.0.0.1:${port}`, 'content-length': String(body.length) }).map(
        ([name, value]) => `${name}: ${String(value)}`,
      )
      through.write(`POST ${request.url} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`)
      through.write(body)
      through.once('data', () => {
        through.destroy()
        request.socket.destroy()
      })
      return
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name)),
    )
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length ? { body } : {}),
    })
    response.writeHead(
      answer.status,
      Object.fromEntries([...answer.headers].filter(([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name))),
    )
    try {
      if (answer.body) for await (const chunk of answer.body) response.write(chunk)
    } catch {
      // The server was ended, with a stream still open.
    }
    response.end()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  child.kill()
  proxy.closeAllConnections()
  await new Promise((resolve) => proxy.close(resolve))
})

const desk = (options: McpOptions = {}) =>
  mcp('desk', { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/mcp`, headers: { 'x-team': 'blue' } }, options)

describe.each(['2025-11-25', '2026-07-28'] as const)('over HTTP, revision %s', (protocol) => {
  test('[T2] an agent calls the tools of a server, with the headers it is to have', async () => {
    const helper = agent({ name: 'helper', tools: [desk({ protocol, only: ['add'] })] })
    const model = scripted([{ call: 'desk_add', input: { a: 2, b: 3 } }, 'done'])
    await using app = testing({ flows: [helper], model })
    seen.length = 0
    expect((await app.run(helper, 'go')).output).toBe('done')
    expect(model.calls[1]?.prompt).toContain('5')
    expect(seen.map(({ method }) => method)).toContain('tools/call')
    for (const { headers } of seen) expect(headers['x-team']).toBe('blue')
  })

  test('[T2] a call that is cut on its way back has an unknown outcome: in doubt, sent once, settled by a person', async () => {
    writeFileSync(book, '')
    const saving = flow('saving', async (_: null, run) => source.call(run, 'deposit', { amount: 5 }))
    const source = desk({ protocol, only: ['deposit'] })
    await using app = testing({ flows: [saving] })
    cut = 'after the request'
    seen.length = 0
    const run = await app.start(saving, null)
    const resting = await run.outcome()
    cut = 'never'
    expect(resting).toMatchObject({ status: 'waiting', for: [{ key: 'saving/desk_deposit' }] })
    expect(seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1)
    expect(written()).toHaveLength(1)
  })

  test('[T2] a server that nobody listens for was certainly not asked: nothing is in doubt', async () => {
    const saving = flow('saving', async (_: null, run) => source.call(run, 'deposit', { amount: 5 }))
    const source = mcp('desk', { url: 'http://127.0.0.1:9/mcp' }, { protocol })
    await using app = testing({ flows: [saving] })
    const run = await app.start(saving, null)
    const result = run.result().catch((error: unknown) => error)
    const over = result.then(() => true)
    for (let done = false; !done; ) {
      done = await Promise.race([over, new Promise<false>((resolve) => setTimeout(() => resolve(false), 50))])
      await app.clock.advance('5s')
    }
    expect(await result).toMatchObject({ code: 'TOOL_SOURCE_UNREACHABLE', disposition: 'retryable' })
  })
})

test('[T2] each user has a connection with headers of their own', async () => {
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/mcp`
  const source = mcp('desk', { url, headers: ({ user }) => ({ 'x-user': String(user) }) })
  const adding = flow('adding', async (a: number, run) => source.call(run, 'add', { a, b: 1 }))
  await using app = testing({ flows: [adding] })
  seen.length = 0
  await Promise.all(['ada', 'ben', 'ada'].map((user, a) => app.run(adding, a, { scope: { user } })))
  const users = seen.filter(({ method }) => method === 'tools/call').map(({ headers }) => headers['x-user'])
  expect(users.sort()).toEqual(['ada', 'ada', 'ben'])
})
