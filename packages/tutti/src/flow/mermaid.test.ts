import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { type AnyFlow, flow } from '../run/index.ts'
import { team } from '../team/index.ts'
import { chain, graph, loop, map, mermaid, parallel, route } from './index.ts'

const [a, b] = [agent({ name: 'a' }), agent({ name: 'b' })]
const body = (drawing: string): string[] =>
  drawing
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
const edgesOf = (drawn: AnyFlow): string[] => {
  const lines = body(mermaid(drawn))
  const names = new Map(
    lines.flatMap((line) => (/^(n\d+)[[({"]+(.*?)"/.exec(line)?.slice(1, 3) ? [[/^n\d+/.exec(line)?.[0] ?? '', /"(.*?)"/.exec(line)?.[1] ?? '']] : [])) as [
      string,
      string,
    ][],
  )
  return lines.filter((line) => /^n\d+ -/.test(line)).map((line) => line.replaceAll(/n\d+/g, (id) => names.get(id) ?? id))
}

test('[C4] a graph is drawn by its edges, a node that may be skipped with a dotted one', () => {
  const drawn = graph('brief', { input: z.object({ deep: z.boolean() }) }, (input, g) => {
    const prices = g.node('prices', input, () => [1])
    const trend = g.node('trend', prices, (p) => p.length)
    const filings = g.nodeIf(
      'filings',
      { input, prices },
      ({ input: { deep } }) => deep,
      () => 'f',
    )
    return g.node('join', { trend, filings }, (got) => got)
  })
  expect(mermaid(drawn)).toBe(`flowchart LR
  subgraph g1["brief (graph)"]
  n2["prices"]
  n3["trend"]
  n4["filings"]
  n5["join"]
  n2 --> n3
  n2 -.->|"if"| n4
  n3 --> n5
  n4 --> n5
  end`)
})

test('[C4] any flow is drawn, whatever it is made of: what stands in another is drawn inside it, and its edges lead in and out', () => {
  const say = flow('say', (text: string) => text)
  expect(mermaid(say)).toBe('flowchart LR\n  n1["say"]')
  expect(mermaid(a)).toBe('flowchart LR\n  n1(["a"])')
  const desk = chain(
    'desk',
    say,
    route('by-topic', { by: (): 'x' | 'y' => 'x', to: { x: a, y: say }, otherwise: b }),
    parallel('both', { left: say, right: say } as never),
  )
  expect(edgesOf(desk)).toEqual([
    'by -->|"x"| x',
    'by -->|"y"| y',
    'by -->|"otherwise"| otherwise',
    'say --> by',
    ...['x', 'y', 'otherwise'].flatMap((from) => [`${from} --> left`, `${from} --> right`]),
  ])
  expect(edgesOf(loop('again', { body: say, until: () => true, max: 2 }))).toEqual(['turn -->|"again"| turn'])
  expect(body(mermaid(map('all', say)))).toContain('n2["each item"]')
  expect(edgesOf(chain('twice', say, say))).toEqual(['say --> say#2'])
  expect(edgesOf(agent({ name: 'lead', tools: [a.asTool(), b.asTool({ name: 'second' })] }))).toEqual(['lead -.->|"calls"| a', 'lead -.->|"calls"| second'])
})

test('[C4] a team is drawn by who may speak after whom', () => {
  const judge = agent({ name: 'judge' })
  expect(edgesOf(team('t', { style: 'handoff', members: [a, b], handoffs: { a: ['b'], b: [] } }))).toEqual(['a -.-> b'])
  expect(edgesOf(team('t', { style: 'chat', members: [a, b], rounds: 1 }))).toEqual(['next --> a', 'a --> next', 'next --> b', 'b --> next'])
  expect(edgesOf(team('t', { style: 'magentic', members: [a, b], manager: 'tutti/extractive' }))).toEqual([
    'manager --> a',
    'a --> manager',
    'manager --> b',
    'b --> manager',
  ])
  expect(edgesOf(team('t', { style: 'debate', members: [a, b], judge, rounds: 1 }))).toEqual(['a --> judge', 'b --> judge'])
  expect(edgesOf(team('t', { style: 'vote', members: [a, b] }))).toEqual(['a --> votes', 'b --> votes'])
})

test('[C4] a name with a quotation mark cannot break a drawing', () => {
  const odd = route('g', { by: () => 'say "hi"' as const, to: { 'say "hi"': a } })
  expect(mermaid(odd)).toContain('(["say #quot;hi#quot;"])')
})
