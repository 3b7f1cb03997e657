// A supervisor is an agent with agents as tools; with a team among them it is a hierarchy. Each works in a context of its own.
import { agent, inMemory, team, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const research = agent({ name: 'research', description: 'finds facts', model: scripted(['Tea was first grown in China.']) })
const writer = agent({ name: 'writer', model: scripted(['Tea, from China.']) })
const critic = agent({ name: 'critic', model: scripted(['Good.']) })
const desk = team('desk', { style: 'chat', rounds: 1, members: [writer, critic], description: 'writes and mends' })

const lead = agent({
  name: 'lead',
  plan: true, // it keeps a list of what is to be done
  tools: [research.asTool(), desk.asTool()],
  model: scripted([
    {
      call: 'todo',
      input: {
        items: [
          { task: 'facts', state: 'doing' },
          { task: 'text', state: 'open' },
        ],
      },
    },
    { call: 'research', input: { prompt: 'Where was tea first grown?' } },
    { call: 'desk', input: { prompt: 'One line: tea was first grown in China.' } },
    'Tea, from China.',
  ]),
})

await using app = tutti({ flows: [lead], store: inMemory() })
const handle = await app.start(lead, 'A line on tea.')
for await (const event of handle.events()) if (event.type === 'step.completed') console.log(event.key)
console.log((await handle.result()).output)
