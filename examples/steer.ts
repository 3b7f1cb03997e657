// Steering: what a person says to a run reaches the agent at work at its next turn, recorded, in order, once.
import { agent, inMemory, steer, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const begun = Promise.withResolvers<void>()
const told = Promise.withResolvers<void>()
const search = tool({
  name: 'search',
  description: 'Searches.',
  input: z.object({ query: z.string() }),
  effect: 'read',
  execute: async ({ query }) => {
    begun.resolve()
    await told.promise
    return `found ${query}`
  },
})
const model = scripted([{ call: 'search', input: { query: 'tea' } }, 'Green tea, then.'])
const desk = agent({ name: 'desk', tools: [search], model })

await using app = tutti({ flows: [desk], store: inMemory() })
const handle = await app.start(desk, 'Find tea.')
await begun.promise
await handle.send(steer, 'Only green tea, please.')
told.resolve()
console.log((await handle.result()).output)
console.log(model.calls[1]?.prompt)
