// A tool that a person must approve, and an answer that also holds for later calls of the run: to the same account, not to another.
import { agent, inMemory, tool, toolApproval, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const pay = tool({
  name: 'pay',
  description: 'Pays somebody.',
  input: z.object({ to: z.string(), usd: z.number() }),
  effect: 'once',
  approve: true,
  execute: ({ to, usd }) => {
    console.log(`  paid ${usd} to ${to}`)
    return 'paid'
  },
})

const paying = (to: string, usd: number) => ({ call: 'pay', input: { to, usd } })
const model = scripted([paying('ops', 5), paying('ops', 7), paying('eve', 9), 'Two of three are paid.'])
const desk = agent({ name: 'desk', model, tools: [pay] })

await using app = tutti({ flows: [desk], store: inMemory() })
const handle = await app.start(desk, 'Pay what is open.')
const answers = [
  { ok: true, always: { to: 'ops' } },
  { ok: false, why: 'nobody knows eve' },
]
for (const answer of answers) {
  const at = await handle.outcome()
  if (at.status !== 'waiting') break
  const [asked] = at.for
  console.log('a person is asked:', JSON.stringify(asked?.data))
  await handle.send(toolApproval, answer)
}
console.log((await handle.result()).output)
