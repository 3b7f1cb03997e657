/** The same steps without tutti: a plain service of Restate's SDK that takes each in a `ctx.run`. */
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Context, createEndpointHandler, service } from '@restatedev/restate-sdk'
import type { Gate } from './gate.ts'
import { answer, type Setup } from './setup.ts'

export async function bareService({ ingress, admin }: Extract<Setup, { kind: 'bare' }>, gate: Gate) {
  const bare = service({
    name: 'bare',
    handlers: {
      loop: async (ctx: Context, { customer, steps }: { customer: number; steps: number }): Promise<void> => {
        await ctx.run('begin', () => gate.arrive())
        for (let question = 0; question < steps; question++) await ctx.run('answer', () => answer({ customer, question }))
        await ctx.run('end', () => gate.arrive())
      },
    },
  })
  const server = createServer(createEndpointHandler({ services: [bare], logger: () => {} }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await post(`${admin}/deployments`, { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, force: true })
  return (customer: number, steps: number): Promise<void> => post(`${ingress}/bare/loop`, { customer, steps })
}

async function post(url: string, body: unknown): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} says ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}
