import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { linesOf } from '../testing/heard.ts'
import { type Scripted, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { type Member, team } from './index.ts'

const ledger = (...plan: string[]): Scripted => ({ json: { facts: ['f'], toFind: [], guesses: [], plan } })
interface Progress {
  done?: boolean
  progress?: boolean
  looping?: boolean
  next?: string | null
  instruction?: string
}
const at = (o: Progress): Scripted => ({ json: { done: false, progress: true, looping: false, next: null, instruction: '', why: 'because', ...o } })
const member = (name: string, ...turns: Scripted[]): { model: ScriptedModel; member: Member } => {
  const model = scripted(turns, { id: name })
  return { model, member: agent({ name, model, instructions: `You are ${name}.`, description: `does ${name}` }) }
}

async function run(
  manager: ScriptedModel,
  members: readonly { member: Member }[],
  o: object = {},
): Promise<{ output: unknown; keys: string[]; events: string[] }> {
  const flow = team('crew', { style: 'magentic', manager, members: members.map((each) => each.member) as unknown as [Member], ...o })
  await using app = testing({ flows: [flow] })
  const handle = await app.start(flow, 'Find the answer.')
  const { output } = await handle.result()
  const [keys, events]: [string[], string[]] = [[], []]
  for await (const event of handle.events()) {
    if (event.type === 'step.completed') keys.push(event.key)
    if (event.type === 'custom') events.push(event.name)
  }
  return { output, keys, events }
}

test('[C7] the manager writes its ledger, tells one member after another what to do, and answers when it is done; each decision has its key', async () => {
  const search = member('search', 'It is in file 7.')
  const read = member('read', 'File 7 says 42.')
  const manager = scripted([
    ledger('search', 'read'),
    at({ next: 'search', instruction: 'Find the file.' }),
    at({ next: 'read', instruction: 'Read file 7.' }),
    at({ done: true }),
    { json: { n: 42 } },
  ])
  const { output, keys, events } = await run(manager, [search, read], { output: z.object({ n: z.number() }) })
  expect(output).toEqual({ n: 42 })
  expect(keys.map((key) => key.replace(/\/turn:1$/, ''))).toEqual([
    'crew/ledger',
    'crew/progress',
    'crew/search',
    'crew/progress#2',
    'crew/read',
    'crew/progress#3',
    'crew/answer',
  ])
  expect(events).toEqual(['ledger', 'progress', 'progress', 'progress'])
  // A member hears what the others found, once, and then what it is to do.
  expect(read.model.calls[0]?.prompt).toMatch(/The plan:\n- search\n- read\n\nsearch: It is in file 7\.\n\nRead file 7\.$/)
  const lines = manager.calls.map(({ options }) => linesOf(options.prompt))
  for (let i = 1; i < lines.length; i++) expect(lines[i]?.slice(0, lines[i - 1]?.length)).toEqual(lines[i - 1])
})

test('[C7] turns that bring nothing are counted; then it is planned anew, and the members begin with a clear context', async () => {
  const search = member('search', 'Nothing.', 'Nothing at all.', 'Here: 42.')
  const manager = scripted([
    ledger('search'),
    at({ next: 'search', instruction: 'Look.' }),
    at({ next: 'search', instruction: 'Look again.', progress: false }),
    at({ next: 'search', instruction: 'Look harder.', progress: false }),
    ledger('search elsewhere'),
    at({ next: 'search', instruction: 'Look elsewhere.' }),
    at({ done: true }),
    'It is 42.',
  ])
  const { output, keys } = await run(manager, [search], { maxStalls: 1 })
  expect(output).toBe('It is 42.')
  expect(keys).toContain('crew/ledger#2/turn:1')
  const last = search.model.calls.at(-1)?.prompt ?? ''
  expect(last).toMatch(/The plan:\n- search elsewhere\n\nLook elsewhere\.$/)
  expect(last).not.toMatch(/Nothing/)
})

test('[C6] a manager that never gives anybody anything to do is made to plan anew, and then the team ends with its reason and its ledger', async () => {
  const idle = member('search')
  const manager = scripted([ledger('a'), at({}), at({}), ledger('b'), at({}), at({}), at({}), at({})])
  await expect(run(manager, [idle], { maxStalls: 1, maxReplans: 1 })).rejects.toMatchObject({
    code: 'TEAM_STUCK',
    message: expect.stringContaining('nobody was given anything to do, also after 1 new plan'),
    data: { seen: 'stalled', replans: 1, ledger: { plan: ['b'] } },
  })
  expect(idle.model.calls).toEqual([])
})

test('[C6] a manager that says there is progress is not believed when the same is asked and answered again', async () => {
  const search = member('search', ...Array(9).fill('Nothing.'))
  const again = at({ next: 'search', instruction: 'Look.' })
  const manager = scripted([ledger('a'), ...Array(9).fill(again)])
  await expect(run(manager, [search], { maxStalls: 1, maxReplans: 0 })).rejects.toMatchObject({
    code: 'TEAM_STUCK',
    message: expect.stringContaining('was asked the same again, and answered the same'),
  })
  expect(search.model.calls).toHaveLength(3)
})

test('[M6] a decision that does not fit goes back to the manager with what is wrong', async () => {
  const search = member('search', 'Found.')
  const manager = scripted([ledger('a'), at({ next: 'nobody' }), at({ next: 'search', instruction: 'Go.' }), at({ done: true }), 'Done.'])
  expect((await run(manager, [search])).output).toBe('Done.')
  expect(manager.calls[2]?.prompt).toMatch(/not accepted: next: expected one of search, or null/)
})
