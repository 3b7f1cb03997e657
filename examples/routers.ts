// Three ready-made routers: by rule (asks nobody), by meaning (an embedding on this machine), by model. Each may choose nothing, so `otherwise` is required.
import { byMeaning, byModel, byRule, flow, inMemory, type Prompt, route, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const order = flow('order', (_: Prompt) => 'We look where it is.')
const refund = flow('refund', (_: Prompt) => 'We pay it back.')
const other = flow('other', (_: Prompt) => 'A person will read this.')
const branches = { to: { order, refund }, otherwise: other }

const rule = route('by-rule', { by: byRule({ order: /\border\b|parcel/i, refund: /refund|money back/i }), ...branches })
const meaning = route('by-meaning', {
  by: byMeaning({ order: ['where is my parcel', 'has my order left?'], refund: ['I want my money back', 'please refund this'] }),
  ...branches,
})
const model = route('by-model', {
  by: byModel({ model: scripted([{ json: { choice: 'refund' } }]), choices: { order: 'about a parcel', refund: 'wants money back' } }),
  ...branches,
})

await using app = tutti({ flows: [rule, meaning, model], store: inMemory() })
for (const message of ['Where is order 17?', 'Sing me a song.']) console.log('by rule:', (await app.run(rule, message)).output)
for (const message of ['When does my package arrive?', 'The moon is made of cheese.']) console.log('by meaning:', (await app.run(meaning, message)).output)
console.log('by model:', (await app.run(model, 'It is broken, and I am cross.')).output)
