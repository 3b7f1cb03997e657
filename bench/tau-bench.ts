/**
 * `npm run bench -- tau-bench --data FOLDER [--conversations N] [--json]`: the 200 recorded conversations of tau-bench's airline (gpt-4o), played again as runs: the loop and the tools are tutti's, what the model and the
 * person said is recorded. Compared are every answer of a tool, to the byte, and the database at the end with what the benchmark recorded of it. Then every run is replayed from its
 * journal, which must not touch a database.
 */
import { agent, flow, inMemory, type Prompt, type Run, tutti } from 'tutti'
import { dataFolder, option } from './arguments.ts'
import { reporter } from './figure.ts'
import { stopwatch } from './measure.ts'
import { type Airline, airlineAt, airlineTools } from './tau/airline.ts'
import { conversations, historyUntil, modelOf, type Recorded, turnsOf } from './tau/conversation.ts'
import { databaseHash } from './tau/python.ts'

const data = dataFolder()
const fresh = airlineAt(data)

interface Played {
  readonly airline: Airline
  readonly answers: readonly string[]
  readonly turns: number
  readonly replayed: boolean
  readonly ended: boolean
  readonly stuck: boolean
}

async function play(recorded: Recorded, repeats: number | false): Promise<Played> {
  const airline = fresh()
  const answers: string[] = []
  const tools = airlineTools(airline, (_, output) => answers.push(output))
  const { model, left } = modelOf(recorded)
  const desk = agent({ name: 'desk', model, tools, limits: { turns: 60, repeats } })
  const conversation = flow('conversation', async (turns: readonly number[], run: Run) => {
    let last = ''
    for (const turn of turns) last = await run.call(desk, historyUntil(recorded, turn) as Prompt, { name: `said:${turn}` })
    return last
  })
  await using app = tutti({ flows: [conversation], store: inMemory() })
  const handle = await app.start(conversation, turnsOf(recorded))
  const outcome = await handle.outcome()
  const stuck = outcome.status === 'failed' && outcome.error.code === 'AGENT_STUCK'
  if (outcome.status === 'failed' && !stuck) throw outcome.error
  const before = answers.length
  const again = stuck ? undefined : await app.replay(handle.id, conversation)
  const replayed = outcome.status === 'completed' && again?.output === outcome.output && answers.length === before
  return { airline, answers, turns: recorded.traj.filter(({ role }) => role === 'assistant').length, replayed, ended: left() <= 0, stuck }
}

/** The database as the benchmark says that it should be. */
async function goal(recorded: Recorded): Promise<string> {
  const airline = fresh()
  const tools = new Map(airlineTools(airline, () => {}).map((each) => [each.name, each]))
  for (const { name, kwargs } of recorded.info.task.actions) {
    if (name !== 'respond' && name !== 'transfer_to_human_agents') await tools.get(name)?.['~tool'].execute(kwargs, {} as never)
  }
  return databaseHash(airline)
}

const all = conversations(data).slice(0, Number(option('conversations') ?? 200))
const counts = { answers: 0, same: 0, hashes: 0, sameHash: 0, verdicts: 0, sameVerdict: 0, replayed: 0, ended: 0, turns: 0 }
/** What conversations were worth that an agent would have been ended in, for going in circles. */
const stuck: number[] = []
const watch = stopwatch()
for (const recorded of all) {
  const played = await play(recorded, false)
  if ((await play(recorded, 3)).stuck) stuck.push(recorded.reward)
  const said = recorded.traj.filter(({ role }) => role === 'tool').map(({ content }) => content ?? '')
  counts.answers += said.length
  counts.same += said.filter((content, i) => content === played.answers[i]).length
  counts.turns += played.turns
  counts.replayed += Number(played.replayed)
  counts.ended += Number(played.ended)
  const { info } = recorded.info.reward_info ?? {}
  const wanted = await goal(recorded)
  if (info?.gt_data_hash !== undefined) {
    counts.hashes++
    counts.sameHash += Number(info.gt_data_hash === wanted)
    counts.verdicts++
    counts.sameVerdict += Number((info.r_actions === 1) === (databaseHash(played.airline) === wanted))
  }
}
const { cpuMs } = watch()
const report = reporter()
report(
  { name: 'conversations played to their end', value: counts.ended, unit: '', limit: all.length, target: { atLeast: all.length } },
  { name: 'answers of tools, the same to the byte', value: counts.same, unit: '', limit: counts.answers, target: { atLeast: counts.answers } },
  {
    name: 'databases as they should be: the hash that was recorded',
    value: counts.sameHash,
    unit: '',
    limit: counts.hashes,
    target: { atLeast: counts.hashes },
  },
  {
    name: 'databases at the end: right or wrong, as recorded',
    value: counts.sameVerdict,
    unit: '',
    limit: counts.verdicts,
    target: { atLeast: counts.verdicts },
  },
  { name: 'runs replayed from their journals, nothing touched', value: counts.replayed, unit: '', limit: all.length, target: { atLeast: all.length } },
  { name: 'conversations that would have been ended as going in circles', value: stuck.length, unit: '' },
  { name: 'of these, in the end successful all the same', value: stuck.filter((reward) => reward === 1).length, unit: '' },
  { name: 'CPU a turn, with tools, replay and comparison', value: (cpuMs * 1_000) / (2 * counts.turns), unit: 'µs' },
)
