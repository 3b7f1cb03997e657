// A route: an agent says what a message is about, and the branch for it answers. Leaving a topic without a branch does not compile.
import { agent, chain, flow, inMemory, route, tutti } from 'tutti'
import { z } from 'zod'

const Triage = z.object({
  topic: z.enum(['order', 'refund', 'other']).describe('order: where a parcel is. refund: money back for something. other: anything else.'),
  question: z.string(),
})
const triage = agent({ name: 'triage', instructions: 'Say what the message is about, and repeat it.', output: Triage })

const order = flow('order', { input: Triage }, ({ question }) => `We look where it is: ${question}`)
const refund = flow('refund', { input: Triage }, ({ question }) => `We pay it back: ${question}`)
const other = flow('other', { input: Triage }, ({ question }) => `A person will read this: ${question}`)

const desk = chain('desk', triage, route('by-topic', { by: ({ topic }) => topic, to: { order, refund, other } }))

// Without a model the one of your environment answers; this one is built in, needs no account, and picks choices by similarity.
await using app = tutti({ flows: [desk], store: inMemory(), model: 'tutti/extractive' })
for (const message of ['Where is my parcel?', 'I want my money back for this broken lamp.']) {
  console.log((await app.run(desk, message)).output)
}
