// A debate with a judge, and a vote: with one member and several ballots a vote is self-consistency.
import { agent, inMemory, team, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const yes = agent({ name: 'yes', instructions: 'Argue for it.', model: scripted(['It is cheap.', 'Cheap, and they said nothing of price.']) })
const no = agent({ name: 'no', instructions: 'Argue against it.', model: scripted(['It is slow.', 'Slow still.']) })
const judge = agent({ name: 'judge', model: scripted([{ json: { verdict: 'yes' } }]) })
const court = team('court', { style: 'debate', rounds: 2, members: [yes, no], judge, output: z.object({ verdict: z.enum(['yes', 'no']) }) })

const solver = agent({ name: 'solver', model: scripted(['42', '41', '42']) })
const poll = team('poll', { style: 'vote', ballots: 3, members: [solver] })

await using app = tutti({ flows: [court, poll], store: inMemory() })
console.log((await app.run(court, 'Shall we take the train?')).output.verdict)
console.log((await app.run(poll, 'What is 6 times 7?')).output)
