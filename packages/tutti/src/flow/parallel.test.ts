import { expect, test } from 'vitest'
import { agent } from '../agent/index.ts'
import type { Prompt } from '../message/index.ts'
import { type Flow, flow } from '../run/index.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { parallel } from './index.ts'

test('[C3] branches begin together on the same input, and the output has one field for each', async () => {
  const begun: string[] = []
  const both = gate()
  const branch = (name: string): Flow<number, string> =>
    flow(name, async (n: number, run) =>
      run.step('work', n, async (x) => {
        begun.push(name)
        if (begun.length === 2) both.open()
        await both.promise
        return `${name} ${x}`
      }),
    )
  const { start, lines } = testEngine()
  const handle = await start(parallel('pair', { left: branch('a'), right: branch('b') }), 7)
  expect((await handle.result()).output).toEqual({ left: 'a 7', right: 'b 7' })
  expect(begun).toEqual(['a', 'b'])
  expect(await lines(handle.id)).toEqual(['step.completed pair/left/work', 'step.completed pair/right/work'])
})

/** One branch fails at once; the other says how it ends. */
function failing(onError: 'fail' | 'cancel' | undefined) {
  const ended: string[] = []
  const held = gate()
  const bad = flow('bad', async (_: null, run) =>
    run.step('break', () => {
      throw new Error('broken')
    }),
  )
  const good = flow('good', async (_: null, run) =>
    run.step('work', async ({ signal }) => {
      signal.addEventListener('abort', () => {
        ended.push('aborted')
        held.open()
      })
      await held.promise
      ended.push('finished')
      return 'done'
    }),
  )
  return { flow: parallel('pair', { bad, good }, onError ? { onError } : {}), ended, held }
}

test('[C3] the first failure ends a parallel, and the other branches are told to stop', async () => {
  const { flow: pair, ended } = failing(undefined)
  const handle = await testEngine().start(pair, null)
  await expect(handle.result()).rejects.toMatchObject({ code: 'RUN_STEP_FAILED', message: 'broken' })
  expect(ended).toContain('aborted')
})

test("[C3] with onError 'fail' the others come to their end, and are recorded, before the parallel fails", async () => {
  const { flow: pair, ended, held } = failing('fail')
  const { start, lines } = testEngine()
  const handle = await start(pair, null)
  setImmediate(() => held.open())
  await expect(handle.result()).rejects.toMatchObject({ code: 'RUN_STEP_FAILED', message: 'broken' })
  expect(ended).toEqual(['finished'])
  expect(await lines(handle.id)).toContain('step.completed pair/good/work')
})

test('[C3] agents beside one another take a prompt, and branches with different inputs take what all of them need', () => {
  const agents: Flow<Prompt, { a: string; b: string }> = parallel('agents', { a: agent({ name: 'a' }), b: agent({ name: 'b' }) })
  const x: Flow<{ x: number }, number> = flow('x', (i: { x: number }) => i.x)
  const y: Flow<{ y: string }, string> = flow('y', (i: { y: string }) => i.y)
  const both: Flow<{ x: number; y: string }, { x: number; y: string }> = parallel('both', { x, y })
  // @ts-expect-error y is missing
  const half: Flow<{ x: number }, { x: number; y: string }> = parallel('both', { x, y })
  expect([agents.name, both.name, half.name]).toEqual(['agents', 'both', 'both'])
})
