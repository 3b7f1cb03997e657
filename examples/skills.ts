// Skills: instructions in files that a model reads when they fit. Only their names and descriptions stand in the prompt; what it reads is recorded.
import { join } from 'node:path'
import { agent, inMemory, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const model = scripted([
  { call: 'load_skill', input: { name: 'refunds' } },
  { call: 'load_skill', input: { name: 'refunds', file: 'limits.md' } },
  'A person decides within two days.',
])
const desk = agent({ name: 'desk', instructions: 'You serve a shop.', model, skills: join(import.meta.dirname, 'skills') })

await using app = tutti({ flows: [desk], store: inMemory() })
const { output, id } = await app.run(desk, 'I want my 80 EUR back.')
console.log(model.calls[0]?.prompt)
for (const { prompt } of model.calls.slice(1)) console.log(prompt.split('\ntool: ').at(-1))
console.log((await app.replay(id, desk)).output === output ? output : 'the replay said something else')
