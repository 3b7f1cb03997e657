// The operations of an OpenAPI document as tools. The API is a server in this process; who calls it is said by the scope of the run, and stands in no journal.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { agent, inMemory, openapi, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const orders = createServer(({ method, url, headers }, response) => {
  console.log(`${method} ${url} for ${headers.authorization}`)
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: '17', arrives: 'Monday' }))
}).listen(0, '127.0.0.1')
await once(orders, 'listening')

const document = {
  openapi: '3.1.0',
  info: { title: 'Orders', version: '1' },
  paths: {
    '/orders/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: { operationId: 'getOrder', summary: 'One order.', responses: { 200: { description: 'The order.' } } },
      delete: { operationId: 'cancelOrder', summary: 'Cancels it.', responses: { 204: { description: 'Cancelled.' } } },
    },
  },
}
const shop = openapi('shop', {
  document,
  only: ['getOrder'], // nothing else of it can be called
  baseUrl: `http://127.0.0.1:${(orders.address() as AddressInfo).port}`,
  auth: ({ tenant }) => ({ authorization: `Bearer key-of-${tenant}` }),
})
const model = scripted([{ call: 'shop_getOrder', input: { id: '17' } }, 'It comes on Monday.'])
const desk = agent({ name: 'desk', model, tools: [shop] })

{
  await using app = tutti({ flows: [desk], store: inMemory() })
  const { output, id } = await app.run(desk, 'Where is order 17?', { scope: { tenant: 'acme' } })
  console.log('the model was shown', model.calls[0]?.options.tools?.map(({ name }) => name).join(', '))
  console.log((await app.replay(id, desk)).output === output ? output : 'the replay said something else')
}
orders.close()
