import { agent, byMeaning, chain, route, tutti } from 'tutti'
import { z } from 'zod'

const Triage = z.object({ topic: z.enum(['order', 'billing', 'other']), text: z.string() })
const triage = agent({ name: 'triage', output: Triage })
const on = <N extends string>(name: N) => agent({ name, input: Triage, prompt: (t) => t.text })
const billing = agent({ name: 'billing', input: Triage, prompt: (t) => t.text, output: z.object({ credit: z.number() }) })
const desk = chain('desk', triage, route('by-topic', { by: (t) => t.topic, to: { order: on('order'), billing, other: on('general') } }))
await using app = tutti({ flows: [desk] })
const { output } = await app.run(desk, 'Where is order 17?')
const shown: string = typeof output === 'string' ? output : `credited ${output.credit}`
console.log(shown)
const half = chain('half', triage, route('by-topic', { by: (t) => t.topic, to: { order: on('order') }, otherwise: (t) => `no one for ${t.topic}` }))
const meaning = route('by-meaning', {
  by: byMeaning({ refund: ['I want my money back'], order: ['where is my parcel'] }),
  to: { refund: agent({ name: 'r' }), order: agent({ name: 'o' }) },
  otherwise: agent({ name: 'g' }),
})
void half
void meaning
// @ts-expect-error 'other' and 'billing' have no branch, and there is no otherwise
chain('gap', triage, route('by-topic', { by: (t) => t.topic, to: { order: on('order') } }))
// @ts-expect-error 'ordr' is not a topic
chain('typo', triage, route('by-topic', { by: (t) => t.topic, to: { ordr: on('order'), order: on('order'), billing, other: on('g') } }))
// @ts-expect-error a router by meaning may find nothing: otherwise is required
route('by-meaning', { by: byMeaning({ refund: ['x'] }), to: { refund: agent({ name: 'r' }) } })
