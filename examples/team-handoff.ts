// A swarm: whoever has the conversation answers, or hands it to another, who sees all of it. The models answer from scripts, so it runs without an account.
import { agent, inMemory, mermaid, team, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const findOrder = tool({
  name: 'find_order',
  description: 'Finds an order.',
  input: z.object({ id: z.string() }),
  effect: 'read',
  execute: ({ id }) => ({ id, eta: 'Monday' }),
})

const triage = agent({
  name: 'triage',
  description: 'finds out what it is about',
  model: scripted([{ call: 'transfer_to_orders', input: { reason: 'they ask for a parcel' } }]),
})
const orders = agent({
  name: 'orders',
  description: 'knows where parcels are',
  tools: [findOrder],
  model: scripted([{ call: 'find_order', input: { id: '17' } }, 'Order 17 comes on Monday.']),
})

const desk = team('desk', { style: 'handoff', members: [triage, orders] })

await using app = tutti({ flows: [desk], store: inMemory() })
const handle = await app.start(desk, 'Where is order 17?')
for await (const event of handle.events()) if (event.type === 'custom') console.log(event.name, JSON.stringify(event.data))
console.log((await handle.result()).output)
console.log(mermaid(desk).split('\n').length, 'lines of Mermaid')
