// A budget that is used up need not end a run: with 'ask' it waits until somebody grants more, also across restarts.
import { agent, flow, inMemory, tutti } from 'tutti'
import { z } from 'zod'

const label = agent({ name: 'label', output: z.object({ mood: z.enum(['good', 'bad']).describe('good: thanks, praise. bad: complaints, anger.') }) })
const moods = flow('moods', async (messages: string[], run) => run.map('label', messages, label, { concurrency: 1 }))

const messages = ['Thank you, this is lovely praise.', 'I am angry, this is a complaint.', 'Many thanks for the help.']
await using app = tutti({ flows: [moods], store: inMemory(), model: 'tutti/extractive' })

const handle = await app.start(moods, messages, { budget: { modelCalls: 2, onExhausted: 'ask' } })
const rest = await handle.outcome()
if (rest.status === 'waiting') console.log(`waits at ${rest.for[0]?.key} for ${rest.for[0]?.signal}`)

await handle.grant({ modelCalls: 1 })
const { output, usage } = await handle.result()
console.log(output.map(({ mood }) => mood).join(', '))
for (const { key, policy, did } of usage.exhausted ?? []) console.log(`${key}: ${policy}: ${did}`)

const { runs, usd } = await app.forecast(moods, messages)
console.log(`the next one: ${usd.p50} USD, from ${runs} run`)
