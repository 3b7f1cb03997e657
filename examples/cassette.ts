// Recorded once, replayed ever after: the second app asks neither the model nor the tool.
import { agent, tool } from 'tutti'
import { cassette, scripted, testing } from 'tutti/testing'
import { z } from 'zod'

let asked = 0
const find = tool({
  name: 'find',
  description: 'Finds an order.',
  input: z.object({ id: z.string() }),
  effect: 'read',
  execute: ({ id }) => {
    asked++
    return { id, due: 'Monday' }
  },
})
const support = agent({ name: 'support', tools: [find] })

// In your tests `live` is 'openai/gpt-5-mini', say; a script stands for it here.
const live = scripted([{ call: 'find', input: { id: '17' } }, 'It comes on Monday.'])

for (const options of [{ live }, {}]) {
  await using app = testing({ flows: [support], model: cassette('support.tape', options) })
  const { output } = await app.run(support, 'Where is order 17?')
  console.log(`${output} (the tool was called ${asked} times so far)`)
}

await using app = testing({ flows: [support], model: cassette('support.tape') })
await app.run(support, 'And order 18?').catch(({ message }: Error) => console.log(message))
