// Code mode: the model writes code that calls tools, instead of calling them one after another. The code runs in a sandbox; each call it makes is a recorded step.
import { agent, codeTool, inMemory, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const orders: Record<string, number[]> = { '2026-01': [120, 80], '2026-02': [400], '2026-03': [25, 350, 250] }

const ordersOf = tool({
  name: 'orders_of',
  description: 'The orders of a month, in USD.',
  input: z.object({ month: z.string() }),
  output: z.array(z.number()),
  effect: 'read',
  execute: ({ month }) => orders[month] ?? [],
})

const desk = agent({ name: 'desk', tools: [codeTool({ tools: [ordersOf], limits: { cpu: '500ms', calls: 20 } })] })

// What a model would write. Here it is a script, so that this runs without an account.
const code = `
  const months: string[] = ['2026-01', '2026-02', '2026-03']
  const each = await Promise.all(months.map((month) => tools.orders_of({ month })))
  return each.flat().reduce((sum, usd) => sum + usd, 0)`
const model = scripted([{ call: 'run_code', input: { code } }, 'turned over 1225 USD in 3 months'])

await using app = tutti({ flows: [desk], store: inMemory(), model })
const { output, id } = await app.run(desk, 'What did we turn over in the first quarter?')
console.log((await app.replay(id, desk)).output === output ? output : 'the replay said something else')
for (const { key } of (await app.diff(id, id)).steps) if (key.includes('orders_of')) console.log(`  step ${key}`)
