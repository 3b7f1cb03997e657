// A group chat: each hears what the others said since it spoke last. A function says who is next, and ends it; a model could.
import { agent, inMemory, team, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const writer = agent({
  name: 'writer',
  instructions: 'Write one line.',
  model: scripted(['Tea is hot, drunk slowly, in the morning.', 'Tea: hot, slow, early.']),
})
const critic = agent({ name: 'critic', instructions: 'Say what to mend, or: GOOD.', model: scripted(['Too long.', 'GOOD.']) })

const room = team('room', {
  style: 'chat',
  rounds: 5,
  members: [writer, critic],
  next: (turns) => (turns.at(-1)?.text === 'GOOD.' ? undefined : turns.length % 2 === 0 ? 'writer' : 'critic'),
})

await using app = tutti({ flows: [room], store: inMemory() })
const { output, usage } = await app.run(room, 'A line on tea.')
console.log(output, `(${usage.modelCalls} model calls)`)
