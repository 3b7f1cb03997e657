// An agent with a tool: it searches, reads, and answers with quotes that are checked against what it read.
import { agent, cited, inMemory, tool, tutti } from 'tutti'
import { z } from 'zod'

const orders = [
  { id: '17', text: 'Order 17 left the warehouse on Friday and arrives on Monday.' },
  { id: '18', text: 'Order 18 was cancelled by the customer and is paid back.' },
]

const findOrder = tool({
  name: 'find_order',
  description: 'Finds orders by words.',
  input: z.object({ query: z.string() }),
  effect: 'read', // it changes nothing, so it may run again after a crash
  execute: ({ query }) =>
    orders.filter(({ id }) => query.includes(id)).map(({ id, text }) => ({ text, source: `order ${id}`, start: 0, end: text.length, score: 1 })),
})

const support = agent({ name: 'support', instructions: 'Answer from the orders. Quote them.', tools: [findOrder], output: cited, limits: { turns: 4 } })

await using app = tutti({ flows: [support], store: inMemory(), model: 'tutti/extractive' })
const { output, usage } = await app.run(support, 'When does order 17 arrive?', { deadline: '30s' })
console.log(output.text)
for (const { quote, source } of output.citations) console.log(`  “${quote}” (${source})`)
console.log(`${usage.modelCalls} model calls, ${usage.toolCalls} tool call, ${usage.usd} USD`)
