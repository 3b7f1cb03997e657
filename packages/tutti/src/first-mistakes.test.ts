/** The mistakes that a new user makes first: each is answered where it is made, with what to write instead. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from './agent/index.ts'
import { notDone } from './errors/index.ts'
import { flow } from './run/index.ts'
import { scripted } from './testing/scripted.ts'
import { testing } from './testing/testing.ts'
import { inMemory, tutti } from './tutti.ts'

test('[R5] a schema in the place of the options of a flow is refused, in its type and when it is declared', () => {
  // @ts-expect-error a schema belongs into `input`
  expect(() => flow('work', z.object({ n: z.number() }), async () => 1)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('input: schema') }),
  )
})

test('[R11] an app without a list of flows, or with a path for a store, is refused when it is made', () => {
  expect(() => tutti({} as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(() => tutti({ flows: [], store: 'x.db' as never })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining("sqlite('file.db')") }),
  )
  for (const make of [tutti, testing])
    expect(() => make({ flows: [], tokenizer: 'o200k' as never })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: "the tokenizer is 'o200k'" }),
    )
})

test('[C5] a prompt that is neither text nor messages, and an empty list of models, are named', async () => {
  const hello = agent({ name: 'hello' })
  await using app = testing({ flows: [hello], model: scripted(['hi']) })
  await expect(app.run(hello, 5 as never)).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID', message: expect.stringContaining('number') })
  expect(() => agent({ name: 'none', model: [] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('[R2] a once step that knows that its effect did not happen fails; one that only throws waits, and whoever waits for the run is told', async () => {
  const sure = flow('sure', async (_: null, run) => run.step('charge', () => Promise.reject(notDone('the card was declined')), { effect: 'once' }))
  const unsure = flow('unsure', async (_: null, run) => run.step('charge', () => Promise.reject(new Error('socket hang up')), { effect: 'once' }))
  const app = tutti({ flows: [sure, unsure], store: inMemory() })
  await expect(app.run(sure, null)).rejects.toMatchObject({ code: 'TOOL_NOT_DONE', message: 'the card was declined' })
  const warned = new Promise<Error & { code?: string }>((resolve) => process.once('warning', resolve))
  const handle = await app.start(unsure, null)
  handle.result().catch(() => {})
  expect(await warned).toMatchObject({ code: 'TOOL_IN_DOUBT', message: expect.stringContaining("'unsure/charge'") })
  expect(await handle.outcome()).toMatchObject({ status: 'waiting' })
  await app.close()
})
