// A budget is held before each call goes out, so it is never passed: not by branches beside one another, not by retries, not after a crash.
import { agent, flow, inMemory, TuttiError, tutti } from 'tutti'
import { z } from 'zod'

const label = agent({ name: 'label', output: z.object({ mood: z.enum(['good', 'bad']).describe('good: thanks, praise. bad: complaints, anger.') }) })

const moods = flow('moods', async (messages: string[], run) => {
  const labelled = await run.map('label', messages, label, { onError: 'collect' })
  return labelled.map((item) => (item.ok ? item.output.mood : item.error.code))
})

const messages = ['Thank you, this is lovely praise.', 'I am angry, this is a complaint.', 'Many thanks for the help.']
await using app = tutti({ flows: [moods], store: inMemory(), model: 'tutti/extractive' })

const whole = await app.run(moods, messages, { budget: { modelCalls: 3, usd: 0.01 } })
console.log(whole.output.join(', '), `(${whole.usage.modelCalls} model calls, ${whole.usage.usd} USD)`)

const tight = await app.run(moods, messages, { budget: { modelCalls: 2 } })
console.log(tight.output.join(', '), `(${tight.usage.modelCalls} model calls)`)

try {
  await app.run(label, 'Thanks!', { budget: { inputTokens: 3 } })
} catch (error) {
  if (!TuttiError.is(error, 'BUDGET_EXCEEDED')) throw error
  console.log(error.message)
}
