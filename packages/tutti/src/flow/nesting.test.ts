import { expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { replayRun } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { seedJournal } from '../testing/failpoint-store.ts'
import { chain, graph, loop, map, parallel, route } from './index.ts'

let ran = 0
/** A step that counts how often it ran. */
const step =
  (change: (n: number) => number) =>
  (n: number): number => {
    ran++
    return change(n)
  }

const sides = parallel('sides', {
  plus: chain(
    'plus',
    step((n) => n + 1),
  ),
  times: chain(
    'times',
    step((n) => n * 10),
  ),
})
const sum = chain('sum', sides, ({ plus, times }) => {
  ran++
  return plus + times
})
const grow = loop('grow', { body: step((n) => n * 2), until: (n) => n > 50, max: 9 })
const which = route('which', { by: (n: number) => (n > 20 ? 'sum' : 'grow'), to: { sum, grow } })
const all = map('all', which)
const whole = graph('whole', { input: z.array(z.number()) }, (numbers, g) => {
  const answers = g.node('answers', numbers, all)
  const count = g.node('count', numbers, (list) => list.length)
  return g.node('join', { answers, count }, (got) => got)
})

test('[C3] every kind of flow stands wherever another can: nested in one another they answer, replay, and go on from any prefix repeating nothing', async () => {
  const { journal, outcome } = await startRun(memoryStore(), whole, [3, 30])
  const output = { answers: [96, 331], count: 2 }
  expect(outcome).toMatchObject({ status: 'completed', output })
  expect(await replayRun(await seedJournal(journal), journal.run, whole)).toMatchObject({ output })

  const counted = (keys: readonly string[]): number => keys.filter((key) => !/\/(by|count\/do|join\/do)$/.test(key)).length
  const steps = counted(doneIn(journal.entries))
  expect(ran).toBe(steps)
  let expected = ran
  for (const { left, outcome: resumed } of await fromEveryPrefix(journal, whole)) {
    expect(resumed).toMatchObject({ status: 'completed', output })
    expected += steps - counted(doneIn(left))
  }
  expect(ran).toBe(expected)
})
