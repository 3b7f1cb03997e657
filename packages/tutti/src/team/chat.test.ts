import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { linesOf } from '../testing/heard.ts'
import { type Scripted, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { type Member, team } from './index.ts'

const script = (name: string, ...turns: Scripted[]): { model: ScriptedModel; member: Member } => {
  const model = scripted(turns, { id: name })
  return { model, member: agent({ name, model, instructions: `You are ${name}.`, description: `does ${name}` }) }
}
const promptsOf = ({ calls }: ScriptedModel): readonly string[] => calls.map(({ prompt }) => prompt)

describe('a chat', () => {
  test('[C7] in turn, each hears once what the others said since it spoke last, with who said it, and keeps what it said itself', async () => {
    const [writer, critic] = [script('writer', 'Draft one.', 'Draft two.'), script('critic', 'Too long.', 'Good.')]
    const flow = team('room', { style: 'chat', rounds: 2, members: [writer.member, critic.member] })
    await using app = testing({ flows: [flow] })
    expect((await app.run(flow, 'Write a line.')).output).toBe('Good.')
    expect(promptsOf(writer.model)).toEqual([
      'system: You are writer.\nuser: Write a line.',
      'system: You are writer.\nuser: Write a line.\nassistant: Draft one.\nuser: critic: Too long.',
    ])
    expect(promptsOf(critic.model)).toEqual([
      'system: You are critic.\nuser: Write a line.\nuser: writer: Draft one.',
      'system: You are critic.\nuser: Write a line.\nuser: writer: Draft one.\nassistant: Too long.\nuser: writer: Draft two.',
    ])
    for (const { calls } of [writer.model, critic.model]) {
      const [first, second] = calls.map(({ options }) => linesOf(options.prompt))
      expect(second?.slice(0, first?.length)).toEqual(first)
    }
  })

  test('[C7] a function says who is next, from what was said, and ends it; its choices are recorded', async () => {
    const [a, b] = [script('a', 'one', 'two'), script('b', 'three')]
    const next = (turns: readonly { agent: string }[]): string | undefined => ['a', 'a', 'b'][turns.length]
    const flow = team('room', { style: 'chat', rounds: 9, next, members: [a.member, b.member] })
    await using app = testing({ flows: [flow] })
    const handle = await app.start(flow, 'go')
    expect((await handle.result()).output).toBe('three')
    const keys = []
    for await (const event of handle.events()) if (event.type === 'step.completed') keys.push(event.key)
    expect(keys).toEqual(['room/next', 'room/a/turn:1', 'room/next#2', 'room/a#2/turn:1', 'room/next#3', 'room/b/turn:1', 'room/next#4'])
    const stray = team('room', { style: 'chat', rounds: 9, next: () => 'nobody', members: [a.member] })
    await expect(app.run(stray, 'go')).rejects.toMatchObject({ code: 'TEAM_NO_MEMBER', data: { team: 'room', chosen: 'nobody' } })
  })

  test('[C7] a model says who is next and why, hears what was said once, and ends it; its answer for the team fits the schema', async () => {
    const [a, b] = [script('a', 'The sum is 4.'), script('b', 'Agreed.')]
    const say = (next: string | null, why: string): Scripted => ({ json: { next, why } })
    const lead = scripted([say('a', 'a counts'), say('b', 'b checks'), say(null, 'both agree'), { json: { sum: 4 } }])
    const flow = team('room', { style: 'chat', rounds: 9, next: lead, members: [a.member, b.member], output: z.object({ sum: z.number() }) })
    await using app = testing({ flows: [flow] })
    const handle = await app.start(flow, '2 + 2?')
    expect((await handle.result()).output).toEqual({ sum: 4 })
    const chosen = []
    for await (const event of handle.events()) if (event.type === 'custom') chosen.push(event.data)
    expect(chosen).toEqual([
      { next: 'a', why: 'a counts' },
      { next: 'b', why: 'b checks' },
      { next: null, why: 'both agree' },
    ])
    const last = promptsOf(lead).at(-1) ?? ''
    for (const said of ['a: The sum is 4.', 'b: Agreed.']) expect(last.split(said)).toHaveLength(2)
  })

  test('[C6] a chat in which nobody says anything they had not said before ends with TEAM_STUCK', async () => {
    const [a, b] = [script('a', ...Array(9).fill('No.')), script('b', ...Array(9).fill('Yes.'))]
    const flow = team('room', { style: 'chat', rounds: 9, members: [a.member, b.member] })
    await using app = testing({ flows: [flow] })
    await expect(app.run(flow, 'go')).rejects.toMatchObject({ code: 'TEAM_STUCK', data: { seen: 'nothing new', turns: 5 } })
  })
})

describe('a debate and a vote', () => {
  test('[C7] all answer beside one another, hear the others and answer again; the judge hears every round and decides', async () => {
    const [yes, no] = [script('yes', 'Yes: it is cheap.', 'Yes, still.'), script('no', 'No: it is slow.', 'No, still.')]
    const judge = script('judge', { json: { verdict: 'yes' } })
    const output = z.object({ verdict: z.enum(['yes', 'no']) })
    const flow = team('court', { style: 'debate', rounds: 2, members: [yes.member, no.member], judge: judge.member, output })
    await using app = testing({ flows: [flow] })
    const handle = await app.start(flow, 'Shall we?')
    expect((await handle.result()).output).toEqual({ verdict: 'yes' })
    expect(promptsOf(yes.model)[1]).toMatch(/assistant: Yes: it is cheap\.\nuser: The others answered:\n\nno: No: it is slow\./)
    const heard = promptsOf(judge.model)[0] ?? ''
    for (const said of ['yes: Yes: it is cheap.', 'no: No: it is slow.', 'yes: Yes, still.', 'no: No, still.']) expect(heard.split(said)).toHaveLength(2)
    const keys = []
    for await (const event of handle.events()) if (event.type === 'step.completed') keys.push(event.key)
    expect([...keys].sort()).toEqual([
      'court/judge/turn:1',
      ...['no', 'yes'].flatMap((name) => [`court/round:1/${name}/turn:1`]),
      ...['no', 'yes'].flatMap((name) => [`court/round:2/${name}/turn:1`]),
    ])
  })

  test('[C7] who agree have nothing more to debate', async () => {
    const [a, b, judge] = [script('a', 'Four.'), script('b', 'four'), script('judge', 'Four it is.')]
    const flow = team('court', { style: 'debate', rounds: 3, members: [a.member, b.member], judge: judge.member })
    await using app = testing({ flows: [flow] })
    expect((await app.run(flow, '2 + 2?')).output).toBe('Four it is.')
  })

  test('[D7] a vote of one member is self-consistency: the answer given most often wins, and the counts are told', async () => {
    const solver = script('solver', '42', '41', '42.', '40', ' 42 ')
    const flow = team('poll', { style: 'vote', ballots: 5, members: [solver.member] })
    await using app = testing({ flows: [flow] })
    const handle = await app.start(flow, 'What is it?')
    expect((await handle.result()).output).toBe('42')
    const votes = []
    for await (const event of handle.events()) if (event.type === 'custom') votes.push(event.data)
    expect(votes).toEqual([
      [
        { answer: '42', count: 3 },
        { answer: '41', count: 1 },
        { answer: '40', count: 1 },
      ],
    ])
  })

  test('[C7] several members vote on a schema; what counts as the same can be said, and of equals the first wins', async () => {
    const ballot = (n: number): Scripted => ({ json: { n } })
    const members = [script('a', ballot(1)).member, script('b', ballot(2)).member, script('c', ballot(12)).member] as const
    const output = z.object({ n: z.number() })
    await using app = testing({ flows: [] })
    const by = ({ n }: { n: number }) => String(n % 10)
    expect((await app.run(team('poll', { style: 'vote', members, output, by }), 'n?')).output).toEqual({ n: 2 })
    const [a, b] = [script('a', 'x').member, script('b', 'y').member]
    expect((await app.run(team('poll', { style: 'vote', members: [a, b] }), 'n?')).output).toBe('x')
  })
})
