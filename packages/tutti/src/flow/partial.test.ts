/** What a run that fails had reached: on its outcome, on its error, and the next command. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyFlow, agent, type Budget, chain, flow, graph, map, parallel } from '../index.ts'
import { memoryStore } from '../journal/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { scripted, testing } from '../testing/index.ts'
import { withModel } from '../testing/with-model.ts'

const saying = (name: string) => agent({ name, model: scripted(() => `from ${name}`, { id: name }) })
const [a, b, c] = [saying('a'), saying('b'), saying('c')]

async function failed(made: AnyFlow, input: unknown, budget: Budget): Promise<{ readonly partial: unknown; readonly message: string }> {
  await using app = testing({ flows: [made] })
  const outcome = await (await app.start(made, input as never, { budget })).outcome()
  if (outcome.status !== 'failed') throw new Error(`it is ${outcome.status}`)
  return { partial: outcome.partial, message: outcome.error.message }
}

test('[B3][C1] a chain whose budget is used up had reached what its last part gave', async () => {
  expect(await failed(chain('line', a, b, c), 'go', { modelCalls: 2 })).toEqual({
    partial: 'from b',
    message: "'line/c/turn:1' could use 1 model call; of the 2 model calls allowed to the run, 2 are spent or held",
  })
})

test('[B3][C3] of branches beside one another those are told that are done, and what the one had gathered that failed', async () => {
  const quick = flow('quick', async () => 'quick')
  const each = map('each', a, { concurrency: 1 })
  expect((await failed(parallel('both', { quick, each }), ['1', '2', '3'], { modelCalls: 2 })).partial).toEqual({
    quick: 'quick',
    each: ['from a', 'from a', undefined],
  })
  expect((await failed(parallel('none', { b, c }), 'go', { modelCalls: 0 })).partial).toBeUndefined()
})

test('[B3][C4] of a graph the nodes are told that are done, by name, and the node that failed is named to its siblings', async () => {
  const net = graph('net', { input: z.string() }, (input, g) => {
    const x = g.node('x', input, a)
    const y = g.node('y', x, b)
    const w = g.node('w', x, c)
    return g.node('z', { y, w }, ({ y, w }) => `${y}+${w}`)
  })
  const limited = flow('limited', { budget: { modelCalls: 2 } }, async (_: null, run) => run.call(net, 'go'))
  const { outcome, journal } = await startRun(memoryStore(), limited, null, withModel(scripted([])))
  expect(outcome).toMatchObject({ status: 'failed', partial: { x: 'from a' } })
  const reasons = journal.entries.flatMap((entry) => (entry.type === 'step.failed' ? [entry.error.message] : []))
  expect(reasons).toContain("'w' failed, so its siblings are not needed")
})

test('[B3] what hooks, approvals and choices say is nothing that a run had reached', async () => {
  const model = scripted(() => 'from d', { id: 'd' })
  const d = agent({ name: 'd', model, hooks: { beforeModel: () => undefined } })
  expect((await failed(chain('line', a, d), 'go', { modelCalls: 1 })).partial).toBe('from a')
})
