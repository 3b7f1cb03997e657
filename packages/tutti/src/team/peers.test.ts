/** What docs/teams.md says of other frameworks' topologies: each line is a flow, and its members are those it names. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { chain, graph, parallel } from '../flow/index.ts'
import type { AnyFlow } from '../run/index.ts'
import { team } from './index.ts'

const [a, b, c] = ['a', 'b', 'c'].map((name) => agent({ name, description: name })) as [
  ReturnType<typeof agent>,
  ReturnType<typeof agent>,
  ReturnType<typeof agent>,
]
const manager = 'openai/gpt-5-mini'
const partsOf = (flow: AnyFlow): readonly string[] => flow['~flow'].parts.map(({ name }) => name)

test('[C7] the topologies of other frameworks are each one declaration here', () => {
  const pair = team('pair', { style: 'handoff', members: [a, b] })
  const flows: readonly (readonly [AnyFlow, readonly string[]])[] = [
    [agent({ name: 'lead', tools: [a.asTool(), b.asTool()] }), ['a', 'b']],
    [pair, ['a', 'b']],
    [agent({ name: 'lead', tools: [pair.asTool(), c.asTool()] }), ['pair', 'c']],
    [chain('crew', a, b, c), ['a', 'b', 'c']],
    [team('crew', { style: 'magentic', manager, members: [a, b] }), ['a', 'b']],
    [team('room', { style: 'chat', rounds: 3, members: [a, b] }), ['a', 'b']],
    [team('room', { style: 'chat', next: manager, rounds: 10, members: [a, b] }), ['a', 'b']],
    [team('desk', { style: 'handoff', members: [a, b], handoffs: { a: ['b'], b: ['a'] } }), ['a', 'b']],
    [parallel('both', { a, b }), ['a', 'b']],
    [graph('g', { input: z.string() }, (input, g) => g.node('b', g.node('a', input, a), b)), ['a', 'b']],
    [team('flow', { style: 'handoff', start: 'b', members: [a, b] }), ['a', 'b']],
    [team('net', { style: 'magentic', manager, members: [a, pair] }), ['a', 'pair']],
    [team('court', { style: 'debate', rounds: 2, members: [a, b], judge: c }), ['a', 'b', 'c']],
    [team('poll', { style: 'vote', ballots: 5, members: [a] }), ['a']],
  ]
  for (const [flow, members] of flows) expect(partsOf(flow)).toEqual(members)
})

test('[C7] a team with an output answers that, and one without answers text; members take a prompt', () => {
  const output = z.object({ n: z.number() })
  const typed: AnyFlow & { readonly '~flow': { readonly out: () => { n: number } } } = team('t', { style: 'vote', members: [a], output })
  const text: AnyFlow & { readonly '~flow': { readonly out: () => string } } = team('t', { style: 'vote', members: [a] })
  // @ts-expect-error its answer is no text
  const wrong: AnyFlow & { readonly '~flow': { readonly out: () => string } } = team('t', { style: 'vote', members: [a], output })
  const takesNumbers = agent({ name: 'n', input: z.number(), prompt: (n) => String(n) })
  // @ts-expect-error it takes a number, not a prompt
  team('t', { style: 'vote', members: [takesNumbers] })
  expect([typed, text, wrong].map(({ name }) => name)).toEqual(['t', 't', 't'])
})
