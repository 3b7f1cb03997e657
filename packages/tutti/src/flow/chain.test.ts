import { expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { type Flow, flow, type Run } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { testEngine } from '../testing/test-engine.ts'
import { chain } from './index.ts'

test('[C1] a chain gives each step what the one before it made, and types from end to end', async () => {
  const measured: Flow<string, { long: boolean }> = chain(
    'measured',
    (name: string) => `hello ${name}`,
    (text) => text.length,
    (length) => ({ long: length > 8 }),
  )
  const handle = await testEngine().start(measured, 'Ada')
  expect((await handle.result()).output).toEqual({ long: true })
})

test('[C1] a function that takes only its input is one recorded step, named after itself or its place', async () => {
  const greet = (name: string): string => `hello ${name}`
  const { start, lines } = testEngine()
  const handle = await start(
    chain('shout', greet, (text) => text.toUpperCase()),
    'Ada',
  )
  expect((await handle.result()).output).toBe('HELLO ADA')
  expect(await lines(handle.id)).toEqual(['step.completed shout/greet', 'step.completed shout/step:2'])
})

test('[C1] a function that takes the run is flow code: what it does through the run is recorded, not itself', async () => {
  const { start, lines } = testEngine()
  const twice = async (n: number, run: Run) => (await run.step('double', n, (x) => x * 2)) + 1
  const handle = await start(
    chain('sum', (n: number) => n, twice),
    3,
  )
  expect((await handle.result()).output).toBe(7)
  expect(await lines(handle.id)).toEqual(['step.completed sum/step:1', 'step.completed sum/double'])
})

test('[C3] a flow in a chain has a scope of its own, and stands there twice under two keys', async () => {
  const inc = flow('inc', async (n: number, run) => run.step('add', n, (x) => x + 1))
  const { start, lines } = testEngine()
  const handle = await start(chain('twice', inc, inc), 1)
  expect((await handle.result()).output).toBe(3)
  expect(await lines(handle.id)).toEqual(['step.completed twice/inc/add', 'step.completed twice/inc#2/add'])
})

test('[C1] the input is checked against the schema of the first step before anything runs, and parsed once', async () => {
  const length = flow('length', { input: z.string().transform((text) => text.length) }, (n) => n * 10)
  const tens = chain('tens', length, (n) => n + 1)
  const { start } = testEngine()
  expect((await (await start(tens, 'four')).result()).output).toBe(41)
  const wrong = await start(tens, 4 as never)
  await expect(wrong.result()).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
})

test('[C1] a step that fails ends the chain, and the steps after it never run', async () => {
  const ran: string[] = []
  const broken = chain(
    'broken',
    (_: null) => {
      throw new Error('no')
    },
    () => ran.push('second'),
  )
  const handle = await testEngine().start(broken, null)
  await expect(handle.result()).rejects.toMatchObject({ code: 'RUN_STEP_FAILED', message: 'no' })
  expect(ran).toEqual([])
})

test('[R1] a chain gone on with from any prefix of its journal answers the same and repeats no recorded step', async () => {
  const ran: string[] = []
  const say =
    (word: string) =>
    (text: string): string => {
      ran.push(word)
      return `${text}${word}`
    }
  const inner = chain('inner', say('b'), say('c'))
  const outer = chain('outer', say('a'), inner, say('d'))
  const { journal, outcome } = await startRun(memoryStore(), outer, '')
  expect(outcome).toMatchObject({ status: 'completed', output: 'abcd' })
  let expected = ran.length
  for (const { left, outcome: resumed } of await fromEveryPrefix(journal, outer)) {
    expect(resumed).toMatchObject({ status: 'completed', output: 'abcd' })
    expected += 4 - doneIn(left).length
  }
  expect(ran).toHaveLength(expected)
})
