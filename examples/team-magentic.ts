// A manager with two ledgers: what is known and planned, and after each turn whether it goes on. Turns that bring nothing make it plan anew.
import { agent, inMemory, team, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const search = agent({ name: 'search', description: 'finds files', model: scripted(['Nothing under that name.', 'It is in ledger.csv.']) })
const count = agent({ name: 'count', description: 'adds numbers up', model: scripted(['ledger.csv adds up to 42.']) })

const ledger = (...plan: string[]) => ({ json: { facts: [], toFind: ['the sum'], guesses: [], plan } })
const step = (next: string | null, instruction: string, o = {}) => ({
  json: { done: false, progress: true, looping: false, next, instruction, why: 'the plan says so', ...o },
})

const manager = scripted([
  ledger('search: find sums.csv'),
  step('search', 'Find sums.csv.'),
  step(null, '', { progress: false }),
  ledger('search: find any table', 'count: add it up'),
  step('search', 'Find any table.'),
  step('count', 'Add up ledger.csv.'),
  step(null, '', { done: true }),
  { json: { sum: 42 } },
])

const crew = team('crew', { style: 'magentic', manager, maxStalls: 0, members: [search, count], output: z.object({ sum: z.number() }) })

await using app = tutti({ flows: [crew], store: inMemory() })
const handle = await app.start(crew, 'What is the sum?')
for await (const event of handle.events())
  if (event.type === 'custom' && event.name === 'ledger') console.log('plan:', JSON.stringify((event.data as { plan: string[] }).plan))
console.log((await handle.result()).output)
