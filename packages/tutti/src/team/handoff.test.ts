import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { Flow } from '../run/index.ts'
import { faultsIn, linesOf } from '../testing/heard.ts'
import { answering, type Scripted, type ScriptedAsk, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { team } from './index.ts'

const find = tool({
  name: 'find',
  description: 'Finds.',
  input: z.object({ id: z.string() }),
  effect: 'read',
  execute: ({ id }) => `order ${id} is on its way`,
})
const to = (name: string, reason = 'it is theirs') => ({ call: `transfer_to_${name}`, input: { reason } })
const member = (name: string, tools = [find]) => agent({ name, instructions: `You are ${name}.`, description: `does ${name}`, tools })

/** Each member answers from a script of its own. */
function desk(
  scripts: Record<string, readonly Scripted[]>,
  o: object = {},
): { readonly flow: Flow<string, unknown>; readonly models: Record<string, ScriptedModel> } {
  const models = Object.fromEntries(Object.entries(scripts).map(([name, turns]) => [name, scripted(turns, { id: name })]))
  const members = Object.entries(models).map(([name, model]) =>
    agent({ name, model, instructions: `You are ${name}.`, description: `does ${name}`, tools: [find] }),
  )
  return { flow: team('desk', { style: 'handoff', members: members as never, ...o }) as never, models }
}

async function answer(flow: Flow<string, unknown>): Promise<unknown> {
  await using app = testing({ flows: [flow] })
  return (await app.run(flow, 'Where is order 17?')).output
}

const heard = (model: ScriptedModel | undefined): readonly ScriptedAsk[] => model?.calls ?? []

describe('a conversation that is handed over', () => {
  test('[C7] whoever it is handed to sees all of it, has tools and instructions of their own, and answers for the team', async () => {
    const { flow, models } = desk({ triage: [[{ call: 'find', input: { id: '17' } }], to('orders', 'an order')], orders: ['It is on its way.'] })
    expect(await answer(flow)).toBe('It is on its way.')
    const [{ prompt, options } = { prompt: '', options: undefined }] = heard(models.orders)
    expect(prompt).toMatch(/^system: You are orders\.\nuser: Where is order 17\?\n.*order 17 is on its way.*\ntool: .*Handed over to orders\./s)
    expect(options?.tools?.map(({ name }) => name)).toEqual(['find', 'transfer_to_triage'])
  })

  test('[C8] calls beside a hand-over are made and told; of two hand-overs in one turn the first counts, and the second is told that it does not', async () => {
    const { flow, models } = desk({ triage: [[{ call: 'find', input: { id: '17' } }, to('b'), to('c')]], b: ['b answers'], c: ['c answers'] })
    expect(await answer(flow)).toBe('b answers')
    const [{ prompt, options } = { prompt: '', options: undefined }] = heard(models.b)
    expect(faultsIn(options?.prompt ?? [])).toEqual([])
    expect(prompt).toMatch(/order 17 is on its way.*Handed over to b\..*Not handed over: one hands over once in a turn/s)
    expect(heard(models.c)).toEqual([])
  })

  test('[C7] every hand-over is in the journal with its reason, and is an event for whoever watches', async () => {
    const { flow } = desk({ triage: [to('orders', 'an order')], orders: ['done'] })
    await using app = testing({ flows: [flow] })
    const handle = await app.start(flow, 'Where is order 17?')
    const events = []
    for await (const event of handle.events()) events.push(event)
    expect(events).toContainEqual(expect.objectContaining({ type: 'custom', name: 'handoff', data: { from: 'triage', to: 'orders', reason: 'an order' } }))
    const keys = events.flatMap((event) => (event.type === 'step.completed' ? [event.key] : []))
    expect(keys).toEqual(['desk/triage/turn:1', 'desk/triage/turn:1/transfer_to_orders', 'desk/orders/turn:1'])
  })

  test('[C7] who may hand to whom can be said; a member that is no agent answers when it is handed to', async () => {
    const model = scripted([to('b'), to('c'), to('b')])
    const c = team('c', { style: 'vote', members: [agent({ name: 'one', model: scripted(['the answer']) })] })
    const [a, b] = ['a', 'b'].map((name) => agent({ name, model })) as [Flow<string, string>, Flow<string, string>]
    const flow = team('desk', { style: 'handoff', members: [a as never, b as never, c], handoffs: { a: ['b'], b: ['c'] } })
    expect(await answer(flow as never)).toBe('the answer')
    expect(heard(model).map(({ options }) => options.tools?.map(({ name }) => name))).toEqual([['transfer_to_b'], ['transfer_to_c']])
  })

  test('[C7] with an output, whoever answers answers that', async () => {
    const output = z.object({ order: z.string() })
    const { flow } = desk({ triage: [to('orders')], orders: ['number 17', { json: { order: '17' } }] }, { output })
    expect(await answer(flow)).toEqual({ order: '17' })
  })
})

describe('no progress', () => {
  test('[C6] two agents that hand to each other are told so once, and then the team ends with TEAM_STUCK and its trail', async () => {
    const { flow, models } = desk({ a: Array(9).fill(to('b')), b: Array(9).fill(to('a')) })
    await expect(answer(flow)).rejects.toMatchObject({
      code: 'TEAM_STUCK',
      message: expect.stringContaining('a has handed over to b 2 times already'),
      data: { seen: 'ping-pong', trail: ['a → b', 'b → a', 'a → b', 'b → a'] },
    })
    expect(heard(models.a)).toHaveLength(4)
    expect(heard(models.a).at(-1)?.prompt).toMatch(/Not handed over: a has handed over to b 2 times already/)
  })

  test('[C6] one that is told so may still answer; and handing back and forth with something learned in between is progress', async () => {
    const mended = desk({ a: [to('b'), to('b'), to('b'), 'then I answer'], b: Array(9).fill(to('a')) })
    expect(await answer(mended.flow)).toBe('then I answer')
    const finds = (n: number): Scripted => [{ call: 'find', input: { id: String(n) } }, to('b')]
    const busy = desk({ a: [finds(1), finds(2), finds(3), finds(4), 'done'], b: Array(9).fill(to('a')) })
    expect(await answer(busy.flow)).toBe('done')
  })

  test('[C5] a team that uses its turns ends with TEAM_TURN_LIMIT', async () => {
    const { flow } = desk({ a: [to('b')], b: [to('c')], c: ['late'] }, { limits: { turns: 2 } })
    await expect(answer(flow)).rejects.toMatchObject({ code: 'TEAM_TURN_LIMIT', data: { team: 'desk', turns: 2 } })
  })
})

test('[M10] within a stint, what the model is shown begins with what it was shown before', async () => {
  const model = answering(({ options }) => (options.prompt.length < 6 ? { call: 'find', input: { id: String(options.prompt.length) } } : 'done'))
  const flow = team('desk', { style: 'handoff', members: [agent({ name: 'a', model, tools: [find] }), member('b') as never] })
  await answer(flow as never)
  const lines = model.calls.map(({ options }) => linesOf(options.prompt))
  for (let i = 1; i < lines.length; i++) expect(lines[i]?.slice(0, lines[i - 1]?.length)).toEqual(lines[i - 1])
  expect(lines.length).toBeGreaterThan(2)
})

test('[C7] what a team cannot be is refused when it is declared', () => {
  const [a, b] = [agent({ name: 'a' }), agent({ name: 'b' })]
  const refused = (message: RegExp) => expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })
  expect(() => team('t', { style: 'handoff', members: [a, a] })).toThrow(refused(/two members called 'a'/))
  expect(() => team('t', { style: 'handoff', members: [a, b], start: 'c' })).toThrow(refused(/'c' in 'start'/))
  expect(() => team('t', { style: 'handoff', members: [a, b], handoffs: { a: ['x'] } })).toThrow(refused(/'x' in 'handoffs'/))
  // @ts-expect-error a team has members
  expect(() => team('t', { style: 'handoff', members: [] })).toThrow(refused(/no members/))
  expect(() => team('t', { style: 'chat', members: [a], rounds: 0 })).toThrow(refused(/0 rounds/))
  // @ts-expect-error there is no such style
  expect(() => team('t', { style: 'swarm', members: [a] })).toThrow(refused(/the style 'swarm'/))
  // @ts-expect-error a debate has a judge
  expect(() => team('t', { style: 'debate', members: [a], rounds: 1 })).toThrow(refused(/no judge/))
  expect(() => team('t', { style: 'vote', members: [a], ballots: 0 })).toThrow(refused(/0 ballots/))
})
