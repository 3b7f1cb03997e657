import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { flow } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { testEngine } from '../testing/test-engine.ts'
import { loop } from './index.ts'

test('[C3] a loop gives each turn what the last one made, until its condition holds', async () => {
  const until = vi.fn((n: number) => n >= 8)
  const { start, lines } = testEngine()
  const handle = await start(loop('double', { body: (n: number) => n * 2, until, max: 5 }), 1)
  expect((await handle.result()).output).toBe(8)
  expect(until.mock.calls).toEqual([
    [2, 1],
    [4, 2],
    [8, 3],
  ])
  expect(await lines(handle.id)).toEqual([1, 2, 3].map((turn) => `step.completed double/turn:${turn}/do`))
})

test('[C3] a loop whose condition never holds ends with FLOW_LOOP_LIMIT after its last turn', async () => {
  const body = vi.fn((n: number) => n + 1)
  const handle = await testEngine().start(loop('forever', { body: (n: number) => body(n), until: () => false, max: 3 }), 0)
  await expect(handle.result()).rejects.toMatchObject({ code: 'FLOW_LOOP_LIMIT', data: { loop: 'forever', max: 3 } })
  expect(body).toHaveBeenCalledTimes(3)
})

test('[C3] a body with a schema of its own checks the input of the loop', async () => {
  const body = flow('body', { input: z.object({ n: z.number() }) }, ({ n }) => ({ n: n + 1 }))
  const counted = loop('count', { body, until: ({ n }) => n === 2, max: 5 })
  const { start } = testEngine()
  expect((await (await start(counted, { n: 0 })).result()).output).toEqual({ n: 2 })
  await expect((await start(counted, {} as never)).result()).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
})

test('[R1] a loop gone on with from any prefix repeats no recorded turn', async () => {
  let turns = 0
  const count = loop('count', {
    body: (n: number) => {
      turns++
      return n + 1
    },
    until: (n) => n === 3,
    max: 9,
  })
  const { journal } = await startRun(memoryStore(), count, 0)
  let expected = turns
  for (const { left, outcome } of await fromEveryPrefix(journal, count)) {
    expect(outcome).toMatchObject({ output: 3 })
    expected += 3 - doneIn(left).length
  }
  expect(turns).toBe(expected)
})
