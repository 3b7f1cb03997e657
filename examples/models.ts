// A chain of models: what fails is tried again, what never fits goes on to the next model, and the journal says why each was asked.
import { agent } from 'tutti'
import { retry } from 'tutti/model'
import { faulty, scripted, testing } from 'tutti/testing'
import { z } from 'zod'

const Triage = z.object({ topic: z.enum(['order', 'other']) })

// Scripts stand for 'openai/gpt-5-mini' and 'openai/gpt-5': the first is busy once, and then answers what does not fit.
const mini = faulty(scripted(['an order, I think', { json: { topic: 'parcel' } }, 'order']), { serverError: [1] })
const large = scripted([{ json: { topic: 'order' } }], { id: 'large' })

const triage = agent({ name: 'triage', output: Triage, model: [retry(mini, { attempts: 2, backoff: '1ms' }), large] })

await using app = testing({ flows: [triage] })
const handle = await app.start(triage, 'Where is my parcel?')
await app.clock.advance('1m')
const { output, usage } = await handle.result()
console.log(output.topic)
console.log(`${usage.modelCalls} calls`)
for (const fault of mini.faults) console.log(`mini: ${fault}`)
console.log(large.calls[0]?.prompt.split('\n').at(-2))
