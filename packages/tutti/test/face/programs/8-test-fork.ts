import assert from 'node:assert/strict'
import { agent, evaluate, scorer, tool, tutti } from 'tutti'
import { cassette, scripted, testing } from 'tutti/testing'
import { z } from 'zod'

const find = tool({ name: 'find', description: 'd', input: z.object({ id: z.string() }), effect: 'read', execute: ({ id }) => ({ id, eta: 'Monday' }) })
const support = agent({ name: 'support', model: 'openai/gpt-5-mini', tools: [find] })
{
  await using app = testing({ flows: [support], model: scripted([{ call: 'find', input: { id: '17' } }, 'It comes on Monday.']) })
  const { output } = await app.run(support, 'Where is order 17?')
  assert.equal(output, 'It comes on Monday.')
  assert.match(app.calls[1]?.prompt ?? '', /Monday/)
}
{
  await using app = testing({ flows: [support], model: cassette('support.tape', { live: 'openai/gpt-5-mini' }) })
  await app.run(support, 'hello')
}
const app = tutti({ flows: [support] })
const first = await app.run(support, 'Where is order 17?')
const second = await app.fork(first.id, support, { at: 'support/turn:2', instructions: 'Answer in one word.' })
await second.result()
const d = await app.diff(first.id, second.id)
console.log(d.firstDivergence, d.usd, String(d))
const exact = scorer('exact', (c: { output: string; expected: string }) => Number(c.output.includes(c.expected)))
const e = await evaluate(app, support, { data: [{ input: 'Where is order 17?', expected: 'Monday' }], scorers: [exact], repeat: 5, budget: { usd: 1 } })
process.exit(e.passed({ exact: 0.9 }) ? 0 : 1)
