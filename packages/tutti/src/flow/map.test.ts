import { expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { type Flow, flow, type Run, type Settled } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { testEngine } from '../testing/test-engine.ts'
import { map } from './index.ts'

const square = flow('square', async (n: number, run) =>
  run.step('multiply', n, (x) => {
    if (x < 0) throw new Error('negative')
    return x * x
  }),
)

test('[C3] a map answers in the order of its items, whichever is done first', async () => {
  const late = flow('late', async (n: number, run) => {
    await run.sleep('wait', (4 - n) * 2)
    return n * 10
  })
  const handle = await testEngine().start(map('tens', late), [1, 2, 3])
  expect((await handle.result()).output).toEqual([10, 20, 30])
})

test("[C3] with onError 'collect' a failed item stands in the output with its input and its error; without, it ends the map", async () => {
  const { start } = testEngine()
  const collected: Flow<Iterable<number>, Settled<number, number>[]> = map('squares', square, { onError: 'collect' })
  expect((await (await start(collected, [2, -1])).result()).output).toEqual([
    { ok: true, index: 0, output: 4 },
    { ok: false, index: 1, input: -1, error: expect.objectContaining({ code: 'RUN_STEP_FAILED', message: 'negative' }) },
  ])
  const strict = await start(map('squares', square), [2, -1])
  await expect(strict.result()).rejects.toMatchObject({ message: 'negative' })
})

test('[C3] an item that is a function with a run records its own steps, under the key of its item', async () => {
  const { start, lines } = testEngine()
  const each = async (n: number, run: Run) => run.step('add', n, (x) => x + 1)
  const handle = await start(map('more', each), [1, 2])
  expect((await handle.result()).output).toEqual([2, 3])
  expect(await lines(handle.id)).toEqual(['step.completed more/item:0/add', 'step.completed more/item:1/add'])
})

test('[R1] a map gone on with from any prefix does only the items that are not recorded', async () => {
  const ran: number[] = []
  const each = map('each', (n: number) => {
    ran.push(n)
    return n + 1
  })
  const { journal } = await startRun(memoryStore(), each, [0, 1, 2])
  let before = ran.length
  for (const { left, outcome } of await fromEveryPrefix(journal, each)) {
    expect(outcome).toMatchObject({ status: 'completed', output: [1, 2, 3] })
    before += 3 - doneIn(left).length
  }
  expect(ran).toHaveLength(before)
})

test("[C3] [R1] with onError 'collect' a failed item is recorded too: gone on with from any prefix, neither it nor another is done again", async () => {
  const ran: number[] = []
  const each = map(
    'each',
    (n: number) => {
      ran.push(n)
      if (n === 1) throw new Error('odd')
      return n * 10
    },
    { onError: 'collect', concurrency: 1 },
  )
  const output = [
    { ok: true, index: 0, output: 0 },
    { ok: false, index: 1, input: 1, error: expect.objectContaining({ code: 'RUN_STEP_FAILED', message: 'odd' }) },
    { ok: true, index: 2, output: 20 },
  ]
  const { journal, outcome } = await startRun(memoryStore(), each, [0, 1, 2])
  expect(outcome).toMatchObject({ status: 'completed', output })
  let before = ran.length
  for (const { left, outcome: resumed } of await fromEveryPrefix(journal, each)) {
    expect(resumed).toMatchObject({ status: 'completed', output })
    before += 3 - left.filter((entry) => entry.type === 'step.completed' || entry.type === 'step.failed').length
  }
  expect(ran).toHaveLength(before)
})

test("[C3] with onError 'fail' the first failure ends the map: no item after it begins, and what was done stays recorded", async () => {
  const ran: number[] = []
  const each = map(
    'each',
    (n: number) => {
      ran.push(n)
      if (n === 1) throw new Error('odd')
      return n
    },
    { onError: 'fail', concurrency: 1 },
  )
  const { start, lines } = testEngine()
  const handle = await start(each, [0, 1, 2])
  await expect(handle.result()).rejects.toMatchObject({ message: 'odd' })
  expect(ran).toEqual([0, 1])
  expect(await lines(handle.id)).toContain('step.completed each/item:0/do')
})
