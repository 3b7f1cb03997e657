/**
 * Every topology on a task whose outcome is known, for runs that are killed: whoever is shown the same history answers the same, so that a run that was gone on with
 * comes to the same outcome, or it was shown another history.
 */
import { agent } from '../agent/index.ts'
import { chain, graph, parallel, route } from '../flow/index.ts'
import type { Prompt } from '../message/index.ts'
import type { Model } from '../model/model.port.ts'
import type { Flow } from '../run/index.ts'
import { type Member, team } from '../team/index.ts'
import { tool } from '../tool/index.ts'
import { flatSchema, textSchema } from './flat-schema.ts'
import { LongTalk, type Talk } from './long-talk.ts'
import { answering, type Scripted, type ScriptedModel } from './scripted.ts'

const look = tool({
  name: 'look',
  description: 'Looks.',
  input: flatSchema<{ at: string }>({ at: 'string' }),
  effect: 'read',
  execute: ({ at }) => `seen: ${at}`,
})
const looks = (at: string) => ({ call: 'look', input: { at } })
const to = (name: string) => ({ call: `transfer_to_${name}`, input: { reason: `for ${name}` } })

/** A member of a topology: it answers by how many messages it was shown, so that the same history has the same answer. */
type Reply = (said: number, prompt: string) => Scripted
export interface Topology {
  readonly flow: Flow<Prompt, unknown>
  readonly models: readonly ScriptedModel[]
  readonly output: unknown
}

/** What a model becomes before agents are given it: one that takes its time, one that is listened to. */
export type Asked = (model: ScriptedModel) => Model
const asIs: Asked = (model) => model

/** Agents, each with a model of its own; `replies` counts the assistant's messages before. */
function crew(asked: Asked, replies: Readonly<Record<string, Reply>>): { readonly of: (name: string) => Member; readonly models: ScriptedModel[] } {
  const models: ScriptedModel[] = []
  const members = new Map(
    Object.entries(replies).map(([name, reply]) => {
      const model = answering(({ options, prompt }) => reply(options.prompt.filter(({ role }) => role === 'assistant').length, prompt), { id: name })
      models.push(model)
      return [name, agent({ name, model: asked(model), instructions: `You are ${name}.`, description: name, tools: [look] })]
    }),
  )
  return { of: (name) => members.get(name) as Member, models }
}
const turns =
  (...all: Scripted[]): Reply =>
  (said) =>
    all[said] ?? 'too much was said'

/** Something leaves each of them, before and after it was handed to. */
const longTalk: Talk = {
  script: [
    ['find', 'break'],
    ['find', 'helper'],
    ['transfer_to_b'],
    ['find', 'find'],
    ['find'],
    ['find', 'transfer_to_c'],
    ['find', 'find'],
    ['find'],
    ['transfer_to_a'],
    ['find', 'misfit'],
    ['find'],
  ],
  memories: [
    { window: 1_500, summarize: true },
    { window: 1_500, summarize: false },
    { window: 1_500, summarize: 'hierarchical' },
  ],
  before: 1,
  length: 1_200,
  bytesPerToken: 4,
  mumbles: false,
}

export const topologies: Readonly<Record<string, (asked?: Asked) => Topology>> = {
  'a hand-over with calls beside it': (asked = asIs) => {
    const { of, models } = crew(asked, {
      triage: turns([looks('the shelf'), to('orders'), looks('the floor')]),
      orders: (said) => (said === 1 ? [looks('order 17')] : said === 2 ? [to('refunds'), to('triage')] : 'lost'),
      refunds: (said, prompt) => (said === 3 ? [looks('the till')] : `paid, ${prompt.match(/seen: [a-z0-9 ]+/g)?.join(', ')}`),
    })
    const flow = team('desk', { style: 'handoff', members: [of('triage'), of('orders'), of('refunds')] })
    return { flow, models, output: 'paid, seen: the shelf, seen: the floor, seen: order 17, seen: the till' }
  },
  'hand-overs between agents of which each remembers otherwise': (asked = asIs) => {
    const talk = new LongTalk(longTalk, async () => undefined, asked)
    return { flow: talk.flow, models: [talk.model, talk.helper], output: 'the answer' }
  },
  'a chat with a selector': (asked = asIs) => {
    const { of, models } = crew(asked, { a: (said) => (said === 0 ? [looks('a')] : `a says ${said}`), b: turns('b says 1', 'b says 2') })
    const order = ['a', 'b', 'b', 'a']
    const lead = answering(
      ({ options }) => {
        const said = options.prompt.filter(({ role }) => role === 'assistant').length
        return { json: { next: order[said] ?? null, why: `turn ${said}` } }
      },
      { id: 'selector' },
    )
    return { flow: team('room', { style: 'chat', next: asked(lead), rounds: 9, members: [of('a'), of('b')] }), models: [...models, lead], output: 'a says 2' }
  },
  'a magentic team that plans anew': (asked = asIs) => {
    const { of, models } = crew(asked, { search: (said, prompt) => (/plan B/.test(prompt) ? 'it is 42' : `nothing ${said}`), read: turns('read') })
    const idle = { done: false, progress: false, looping: false, next: 'search', instruction: 'Look.', why: 'w' }
    const say: Scripted[] = [
      { json: { facts: [], toFind: [], guesses: [], plan: ['plan A'] } },
      { json: { ...idle, progress: true } },
      { json: { ...idle, instruction: 'Look again.' } },
      { json: idle },
      { json: { facts: [], toFind: [], guesses: [], plan: ['plan B'] } },
      { json: { ...idle, progress: true, instruction: 'By plan B.' } },
      { json: { ...idle, done: true } },
      'The answer is 42.',
    ]
    const manager = answering(({ options }) => say[options.prompt.filter(({ role }) => role === 'assistant').length] ?? 'too much', { id: 'manager' })
    const flow = team('crew', { style: 'magentic', manager: asked(manager), maxStalls: 1, members: [of('search'), of('read')] })
    return { flow, models: [...models, manager], output: 'The answer is 42.' }
  },
  'a debate': (asked = asIs) => {
    const { of, models } = crew(asked, {
      yes: turns([looks('pro')], 'yes, for a', 'yes, for b'),
      no: turns('no, for c', 'no, for d'),
      judge: turns('yes it is'),
    })
    return { flow: team('court', { style: 'debate', rounds: 2, members: [of('yes'), of('no')], judge: of('judge') }), models, output: 'yes it is' }
  },
  'a vote': (asked = asIs) => {
    const { of, models } = crew(asked, { a: turns('one'), b: turns([looks('b')], 'two'), c: turns('Two.') })
    return { flow: team('poll', { style: 'vote', members: [of('a'), of('b'), of('c')] }), models, output: 'two' }
  },
  'a supervisor with two agents as tools, one of them a team': (asked = asIs) => {
    const { of, models } = crew(asked, { one: turns([looks('one')], 'one is done'), a: turns([to('b')]), b: turns('x', 'b is done') })
    const pair = team('pair', { style: 'handoff', members: [of('a'), of('b')] })
    const lead = answering(
      ({ options }) => {
        const calls = [
          { call: 'one', input: { prompt: 'do one' } },
          { call: 'pair', input: { prompt: 'do two' } },
        ]
        return options.prompt.some(({ role }) => role === 'tool') ? 'all done' : calls
      },
      { id: 'lead' },
    )
    const flow = agent({ name: 'lead', model: asked(lead), tools: [of('one').asTool(), pair.asTool({ description: 'A pair' })] })
    return { flow, models: [...models, lead], output: 'all done' }
  },
  'one after another, and beside one another': (asked = asIs) => {
    const { of, models } = crew(asked, { a: turns([looks('a')], 'a'), b: turns('b'), c: turns([looks('c'), looks('d')], 'c') })
    const flow = chain('line', of('a'), parallel('both', { b: of('b'), c: of('c') }), ({ b, c }: { b: string; c: string }) => `${b}${c}`)
    return { flow: flow as Flow<Prompt, unknown>, models, output: 'bc' }
  },
  'a route': (asked = asIs) => {
    const { of, models } = crew(asked, {
      clerk: turns([looks('the letter')], 'refund'),
      order: turns('on its way'),
      refund: turns([looks('the till')], 'paid'),
    })
    const branches = route('by-word', { by: (word: Prompt) => String(word), to: { order: of('order'), refund: of('refund') }, otherwise: of('order') })
    return { flow: chain('office', of('clerk'), branches) as Flow<Prompt, unknown>, models, output: 'paid' }
  },
  'a graph': (asked = asIs) => {
    const { of, models } = crew(asked, { a: turns([looks('a')], 'a'), b: turns('b'), c: turns([looks('c'), looks('d')], 'c'), d: turns([looks('e')], 'd') })
    const flow = graph('map', { input: textSchema }, (task, g) => {
      const [a, b] = [g.node('a', task, of('a')), g.node('b', task, of('b'))]
      const c = g.node('c', a, of('c'))
      const told = g.node('told', { b, c }, (got) => `${got.b} and ${got.c}`)
      return g.node('d', told, of('d'))
    })
    return { flow: flow as Flow<Prompt, unknown>, models, output: 'd' }
  },
}
