import { afterAll, expect, test } from 'vitest'
import { flow } from '../../run/index.ts'
import { testing } from '../../testing/testing.ts'
import { sandbox } from '../index.ts'
import { sandboxThreads } from '../sandbox-threads.ts'

afterAll(() => sandboxThreads.close())

test('[T7] a sandbox runs code over an input, as a step that a replay does not run again', async () => {
  const box = sandbox()
  const price = flow('price', (order: { items: number[] }, run) =>
    run.step('price', order, async (input, { signal }) => (await box.run('return input.items.reduce((a, b) => a + b)', { input, signal })).value),
  )
  await using app = testing({ flows: [price] })
  const { output, id } = await app.run(price, { items: [1, 2, 3] })
  expect(output).toBe(6)
  await sandboxThreads.close()
  expect(await app.replay(id, price)).toMatchObject({ output: 6 })
})

test('[T7] the same code over the same input draws the same chance; errors, limits and cancellation are thrown', async () => {
  const box = sandbox({ cpu: '200ms' })
  const drawn = await box.run('console.log("drawn"); return [Math.random(), Date.now()]', { input: 1 })
  expect(await box.run('console.log("drawn"); return [Math.random(), Date.now()]', { input: 1 })).toEqual(drawn)
  expect(drawn.logs).toEqual(['drawn'])
  await expect(box.run('throw new Error("no")')).rejects.toMatchObject({ code: 'TOOL_CODE_FAILED', message: 'Error: no (line 1)' })
  await expect(box.run('for (;;);')).rejects.toMatchObject({ code: 'TOOL_CODE_LIMIT' })
  await expect(box.run('return 1', { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow('late')
})
