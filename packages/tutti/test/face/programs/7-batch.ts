import { agent, cache, flow, limit, TuttiError, tutti } from 'tutti'
import { z } from 'zod'

const Ticket = z.object({ id: z.string(), text: z.string() })
const Label = z.object({ label: z.enum(['bug', 'ask', 'spam']), why: z.string() })
const label = agent({
  name: 'label',
  model: limit(cache('openai/gpt-5-mini', { ttl: '7d' }), { tokensPerMinute: 200_000 }),
  input: Ticket,
  prompt: (t) => t.text,
  output: Label,
})
const batch = flow('batch', { input: z.array(Ticket) }, async (tickets, run) => {
  const done = await run.map('label', tickets, label, { concurrency: 32, onError: 'collect' })
  const bugs = done.filter((d) => d.ok && d.output.label === 'bug').length
  const failed = done.flatMap((d) => (d.ok ? [] : [{ id: d.input.id, code: d.error.code }]))
  const lengths = await run.map('lengths', tickets, (t) => t.text.length)
  const { a, b } = await run.all({ a: run.call(label, { id: '1', text: 'x' }), b: run.step('count', lengths, (l) => l.length) })
  return { bugs, failed, a: a.label, b }
})
await using app = tutti({ flows: [batch] })
declare const tickets: z.infer<typeof Ticket>[]
const f = await app.forecast(batch, tickets)
console.log(`p95 ${f.usd.p95} USD from ${f.runs} runs`)
try {
  console.log((await app.run(batch, tickets, { budget: { usd: 1.5 } })).output.failed)
} catch (e) {
  if (TuttiError.is(e, 'BUDGET_EXCEEDED')) console.log(e.code, e.hint)
  else throw e
}
flow('bad', async (x: number[], run) => {
  // @ts-expect-error items are numbers, the agent takes tickets
  await run.map('label', x, label)
})
