import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agent } from '../../agent/index.ts'
import { type Scripted, scripted } from '../../testing/scripted.ts'
import { testing } from '../../testing/testing.ts'
import { type OpenapiOptions, openapi } from '../index.ts'
import { plainSchema } from './operation.ts'

const json = (schema: object) => ({ content: { 'application/json': { schema } } })
const document = {
  openapi: '3.0.3',
  info: { title: 'Shop', version: '1' },
  servers: [{ url: 'https://{region}.shop.test/v1', variables: { region: { default: 'eu' } } }],
  paths: {
    '/orders/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: {
        operationId: 'getOrder',
        summary: 'One order.',
        parameters: [
          { name: 'expand', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
          { name: 'filter', in: 'query', style: 'deepObject', schema: { type: 'object', properties: { city: { type: 'string' } } } },
          { name: 'x-trace', in: 'header', schema: { type: 'string' } },
          { name: 'session', in: 'cookie', schema: { type: 'string' } },
        ],
        responses: { 200: { description: 'ok' } },
      },
      delete: { responses: { 204: { description: 'gone' } } },
    },
    '/refunds': {
      post: {
        operationId: 'refund',
        requestBody: { required: true, ...json({ $ref: '#/components/schemas/Refund' }) },
        responses: { 201: { description: 'made' } },
      },
    },
    '/forms': {
      post: {
        operationId: 'form',
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: { type: 'object', properties: { a: { type: 'string' }, list: { type: 'array', items: { type: 'number' } } } },
            },
          },
        },
        responses: { 200: { description: 'ok' } },
      },
    },
    '/upload': {
      post: {
        operationId: 'upload',
        requestBody: { content: { 'multipart/form-data': { schema: { type: 'object' } } } },
        responses: { 200: { description: 'ok' } },
      },
    },
  },
  components: {
    schemas: {
      Refund: {
        type: 'object',
        required: ['usd'],
        properties: { usd: { type: 'number', minimum: 0, exclusiveMinimum: true }, note: { type: 'string', nullable: true } },
      },
    },
  },
}

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server of this machine that answers so, and what it was sent. */
async function serving(answer: (response: ServerResponse, seen: Seen, nth: number) => void): Promise<{ baseUrl: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
    seen.push(one)
    answer(response, one, seen.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen }
}
const answerJson = (response: ServerResponse, status: number, value: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

const deskOf = (o: Partial<OpenapiOptions>) =>
  agent({ name: 'desk', tools: [openapi('shop', { document, only: ['getOrder', 'DELETE /orders/{id}', 'refund', 'form'], ...o })] })

/** What the model is told of each call in turn. */
async function told(o: Partial<OpenapiOptions>, ...calls: { call: string; input: unknown }[]): Promise<string[]> {
  const desk = deskOf(o)
  await using app = testing({ flows: [desk], model: scripted([...(calls as Scripted[]), 'done']) })
  const { id } = await app.run(desk, 'go', { scope: { tenant: 'acme' } })
  expect((await app.replay(id, desk)).output).toBe('done')
  return app.calls.slice(1).map(({ prompt }) => prompt.split('\ntool: ').at(-1) ?? '')
}

test('[T5] path, query, header and cookie parameters go where the document says; who calls is said by the scope, and is in no journal', async () => {
  const { baseUrl, seen } = await serving((response) => answerJson(response, 200, { id: '17' }))
  const auth = ({ tenant }: { tenant: string }) => ({ authorization: `Bearer ${tenant}` })
  const input = { id: 'a/b c', expand: ['items', 'buyer'], filter: { city: 'Turin' }, 'x-trace': 't1', session: 's 1' }
  expect(await told({ baseUrl, auth }, { call: 'shop_getOrder', input })).toEqual(['{"id":"17"}'])
  expect(seen[0]?.url).toBe('/v1/orders/a%2Fb%20c?expand=items&expand=buyer&filter%5Bcity%5D=Turin')
  expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer acme', 'x-trace': 't1', cookie: 'session=s%201' })
  expect(seen[0]?.headers).not.toHaveProperty('idempotency-key')
})

test('[T5] bodies are checked, then sent as JSON or as a form, with an idempotency key; an answer without a body is said by its status', async () => {
  const { baseUrl, seen } = await serving((response, { method }) =>
    method === 'DELETE' ? response.writeHead(204).end() : answerJson(response, 201, { made: true }),
  )
  const all = await told(
    { baseUrl },
    { call: 'shop_refund', input: { body: { usd: 0 } } },
    { call: 'shop_refund', input: { body: { usd: 5, note: null } } },
    { call: 'shop_form', input: { body: { a: 'x y', list: [1, 2] } } },
    { call: 'shop_DELETE__orders__id_', input: { id: '17' } },
  )
  expect(all[0]).toContain('TOOL_INPUT_INVALID: the arguments do not fit: body.usd: must be > 0')
  expect(all.slice(1)).toEqual(['{"made":true}', '{"made":true}', 'HTTP 204'])
  expect(seen.map(({ method, body }) => [method, body])).toEqual([
    ['POST', '{"usd":5,"note":null}'],
    ['POST', 'a=x+y&list=1&list=2'],
    ['DELETE', ''],
  ])
  for (const { headers } of seen) expect(headers['idempotency-key']).toMatch(/.{20}/)
})

test('[T5] a value that would lead to another operation is not sent', async () => {
  const { baseUrl, seen } = await serving((response) => answerJson(response, 200, {}))
  for (const id of ['..', '.', '']) expect((await told({ baseUrl }, { call: 'shop_getOrder', input: { id } }))[0]).toContain('cannot stand for {id}')
  expect(seen).toEqual([])
})

describe('what goes wrong', () => {
  test('[T5] a refusal is told to the model with what the server said, and is not tried again', async () => {
    const { baseUrl, seen } = await serving((response) => answerJson(response, 422, { error: 'too much' }))
    expect(await told({ baseUrl }, { call: 'shop_refund', input: { body: { usd: 5 } } })).toEqual(['HTTP 422: {"error":"too much"}'])
    expect(seen).toHaveLength(1)
  })

  test('[T5] a read is tried again after a failure of the server; a POST that failed there is in doubt, and not repeated', async () => {
    const { baseUrl, seen } = await serving((response, _, nth) => (nth === 1 ? answerJson(response, 500, 'down') : answerJson(response, 200, { id: 1 })))
    const desk = deskOf({ baseUrl })
    await using app = testing({ flows: [desk], model: scripted([{ call: 'shop_getOrder', input: { id: '1' } }, 'done']) })
    const run = await app.start(desk, 'go')
    const result = run.result()
    while (seen.length < 2) await Promise.race([app.clock.advance('1s'), new Promise((resolve) => setTimeout(resolve, 20))])
    await result
    expect(seen).toHaveLength(2)

    const cut = await serving((response) => response.destroy())
    const pays = deskOf({ baseUrl: cut.baseUrl })
    await using other = testing({ flows: [pays], model: scripted([{ call: 'shop_refund', input: { body: { usd: 5 } } }]) })
    const outcome = await (await other.start(pays, 'go')).outcome()
    expect(outcome.status).toBe('waiting')
    expect(cut.seen).toHaveLength(1)
  })

  test('[T5] where no connection was made, nothing was done, and a POST is not in doubt', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    await once(gone, 'close')
    const [says] = await told({ baseUrl: `http://127.0.0.1:${port}` }, { call: 'shop_refund', input: { body: { usd: 5 } } })
    expect(says).toMatch(/^TOOL_NOT_DONE: POST http:.*refunds was cut off/)
  })

  test('[T5] a redirect is not followed: the headers of the scope go to the API only', async () => {
    const { baseUrl, seen } = await serving((response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
    expect(await told({ baseUrl }, { call: 'shop_getOrder', input: { id: '1' } })).toEqual(['HTTP 302: '])
    expect(seen).toHaveLength(1)
  })
})

describe('what is refused', () => {
  const failure = async (o: Partial<OpenapiOptions>): Promise<unknown> => {
    const desk = deskOf(o)
    await using app = testing({ flows: [desk], model: scripted(['done']) })
    return await app.run(desk, 'go').catch((error: unknown) => error)
  }
  test('[T5] an operation that is not there, one whose body cannot be sent, a document elsewhere, another version, an API without a place', async () => {
    const refused = (says: string) => ({ code: 'CONFIG_INVALID', message: expect.stringContaining(says) })
    expect(await failure({ only: ['pay'] })).toMatchObject({
      ...refused("no operation 'pay'"),
      hint: expect.stringContaining('getOrder, DELETE /orders/{id}, refund'),
    })
    expect(await failure({ only: ['upload'] })).toMatchObject(refused('multipart/form-data'))
    expect(await failure({ document: 'https://shop.test/openapi.json' })).toMatchObject(refused('nothing is fetched'))
    expect(await failure({ document: { ...document, openapi: undefined, swagger: '2.0' } })).toMatchObject(refused('no OpenAPI 3'))
    expect(await failure({ document: { ...document, servers: [{ url: '/v1' }] } })).toMatchObject(refused("'/v1' is no whole URL"))
    expect(() => openapi('shop', { document, only: [] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('[T5] what the document refers to elsewhere is not fetched', async () => {
    const { baseUrl, seen } = await serving((response) => answerJson(response, 200, { type: 'object' }))
    const far = { ...document, components: { schemas: { Refund: { $ref: `${baseUrl}/schema.json` } } } }
    expect(await failure({ document: far })).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(seen).toEqual([])
  })
})

test('[T5] what OpenAPI 3.0 says otherwise than JSON Schema is said as JSON Schema does', () => {
  expect(plainSchema({ type: 'integer', minimum: 1, exclusiveMinimum: true, nullable: true, example: 3 })).toEqual({
    type: ['integer', 'null'],
    minimum: 1,
    exclusiveMinimum: 1,
  })
  expect(plainSchema({ type: 'object', properties: { nullable: { type: 'string', enum: ['a'], nullable: true } } })).toEqual({
    type: 'object',
    properties: { nullable: { type: ['string', 'null'], enum: ['a', null] } },
  })
})
