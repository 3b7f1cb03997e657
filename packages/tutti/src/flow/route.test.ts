import { expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { type Flow, flow } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { fromEveryPrefix } from '../testing/every-prefix.ts'
import { testEngine } from '../testing/test-engine.ts'
import { chain, route } from './index.ts'

interface Ticket {
  topic: 'order' | 'other'
  text: string
}
const order: Flow<Ticket, string> = flow('order', async ({ text }: Ticket, run) => run.step('answer', text, (t) => `order: ${t}`))
const other: Flow<Ticket, string> = flow('other', ({ text }: Ticket) => `other: ${text}`)
const ticket: Ticket = { topic: 'order', text: 'where?' }

test('[C2] a route calls the branch that was chosen, with the input itself, and records the choice', async () => {
  const { start, lines } = testEngine()
  const handle = await start(route('desk', { by: (t) => t.topic, to: { order, other } }), ticket)
  expect((await handle.result()).output).toBe('order: where?')
  expect(await lines(handle.id)).toEqual(['step.completed desk/by', 'step.completed desk/order/answer'])
})

test('[C2] a choice that is recorded is not made again: another answer after a restart changes nothing', async () => {
  let topic: Ticket['topic'] = 'order'
  const desk = route('desk', { by: (_: Ticket): Ticket['topic'] => topic, to: { order, other } })
  const { journal } = await startRun(memoryStore(), desk, ticket)
  topic = 'other'
  for (const { left, outcome } of await fromEveryPrefix(journal, desk)) {
    const chosen = left.some((entry) => entry.type === 'step.completed' && entry.key === 'desk/by')
    expect(outcome).toMatchObject({ status: 'completed', output: chosen ? 'order: where?' : 'other: where?' })
  }
})

test('[C2] a flow may choose, in a scope of its own', async () => {
  const pick = flow('pick', async (t: Ticket, run) => run.step('look', t, (given) => given.topic))
  const { start, lines } = testEngine()
  const desk = route('desk', { by: pick, to: { order, other } })
  const handle = await start(desk, { ...ticket, topic: 'other' })
  expect((await handle.result()).output).toBe('other: where?')
  expect(await lines(handle.id)).toEqual(['step.completed desk/pick/look'])
  expect(desk['~flow'].parts.map(({ name }) => name)).toEqual(['pick', 'order', 'other'])
})

test('[C2] otherwise takes what no branch covers, and what was not chosen at all', async () => {
  const { start } = testEngine()
  const desk = route('desk', {
    by: (t: Ticket): 'order' | 'else' | undefined => (t.text === '' ? undefined : t.topic === 'order' ? 'order' : 'else'),
    to: { order },
    otherwise: (t) => `nobody for '${t.text}'`,
  })
  expect((await (await start(desk, { topic: 'other', text: 'hm' })).result()).output).toBe("nobody for 'hm'")
  expect((await (await start(desk, { topic: 'order', text: '' })).result()).output).toBe("nobody for ''")
})

test('[C2] a choice without a branch at run time is FLOW_NO_BRANCH, with the branches there are, also when it is the name of a built-in', async () => {
  const { start } = testEngine()
  const desk = route('desk', { by: (t: Ticket) => t.topic, to: { order, other } })
  const handle = await start(desk, { topic: 'toString' as 'order', text: '' })
  await expect(handle.result()).rejects.toMatchObject({ code: 'FLOW_NO_BRANCH', message: expect.stringMatching(/'toString'.*order, other/) })
})

test('[C2] a route types by its branches wherever it stands, and names what is missing', async () => {
  const count: Flow<Ticket, number> = flow('count', (t: Ticket) => t.text.length)
  const desk: Flow<string, string | number> = chain(
    'desk',
    (text: string): Ticket => ({ topic: 'other', text }),
    route('by', { by: (t) => t.topic, to: { order, other: count } }),
  )
  // @ts-expect-error 'other' has no branch, and there is no otherwise
  route('gap', { by: (t: Ticket) => t.topic, to: { order } })
  // @ts-expect-error 'ordr' is not a topic
  route('typo', { by: (t: Ticket) => t.topic, to: { order, other, ordr: order } })
  expect((await (await testEngine().start(desk, 'four')).result()).output).toBe(4)
})
