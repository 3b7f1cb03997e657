// Hooks look at an agent before and after each model and tool. Each verdict is recorded: a run that is gone on with asks no hook a second time.
import { agent, inMemory, tool, toolApproval, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const refund = tool({ name: 'refund', description: 'Refunds.', input: z.object({ usd: z.number() }), effect: 'once', execute: ({ usd }) => `refunded ${usd}` })
const refunds = (usd: number) => ({ call: 'refund', input: { usd } })

const desk = agent({
  name: 'desk',
  tools: [refund],
  model: scripted([refunds(5000), refunds(500), refunds(5), 'Done, have a nice day!']),
  hooks: {
    beforeTool: ({ value }) => {
      const { usd } = value as { usd: number }
      if (usd > 1000) return { deny: 'never more than 1000' }
      return usd > 100 ? { confirm: 'more than 100' } : undefined
    },
    afterTool: ({ value }) => console.log(' ', value),
    afterAgent: ({ value }) => ({ replace: String(value).replace('!', '.') }),
  },
})

await using app = tutti({ flows: [desk], store: inMemory() })
const handle = await app.start(desk, 'Refund me.')
const rest = await handle.outcome()
if (rest.status === 'waiting') console.log('a person is asked:', JSON.stringify(rest.for[0]?.data))
await handle.send(toolApproval, { ok: true, input: { usd: 200 } })
console.log((await handle.result()).output)
