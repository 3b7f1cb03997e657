import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { flow } from '../run/index.ts'
import { scripted, testing } from '../testing/index.ts'
import { inMemory, tutti } from '../tutti.ts'
import { tool } from './index.ts'

const calls: string[] = []
const charge = tool({
  name: 'charge',
  description: 'Charges a card.',
  input: z.object({ cents: z.number() }),
  effect: 'once',
  output: z.object({ receipt: z.string() }),
  execute: ({ cents }) => {
    calls.push(`real ${cents}`)
    return { receipt: 'real' }
  },
  undo: () => void calls.push('undone'),
})
const till = agent({ name: 'till', tools: [charge] })
const asks = (cents: unknown) => scripted([{ call: 'charge', input: { cents } }, 'done'])

describe('overrides.tools', () => {
  test('[D6] a function stands in for a tool by its name: its schemas still hold, and its own code is not called', async () => {
    const model = asks(500)
    await using app = tutti({
      flows: [till],
      store: inMemory(),
      model,
      overrides: { tools: { charge: ({ cents }: { cents: number }) => ({ receipt: `paper ${cents}` }) } },
    })
    expect((await app.run(till, 'charge it')).output).toBe('done')
    expect(model.calls[1]?.prompt).toContain('paper 500')
    expect(calls).toEqual([])
  })

  test('[D6] arguments that do not fit, and an output that does not, are said as of the tool itself', async () => {
    const wrong = testing({ flows: [till], model: asks('much'), overrides: { tools: { charge: () => ({ receipt: 'x' }) } } })
    await wrong.run(till, 'go')
    expect(wrong.calls[1]?.prompt).toContain('TOOL_INPUT_INVALID')
    await wrong.close()
    await using app = testing({ flows: [till], model: asks(1), overrides: { tools: { charge: () => ({ other: 1 }) } } })
    const handle = await app.start(till, 'go')
    expect((await handle.outcome()).status).toBe('waiting')
  })

  test('[D6] a run that fails afterwards takes back nothing of the world: the stand-in has no undo', async () => {
    const failing = flow('failing', async (_: null, run) => {
      await run.call(till, 'go')
      return run.fail('no')
    })
    await using app = testing({ flows: [failing], model: asks(1), overrides: { tools: { charge: () => ({ receipt: 'x' }) } } })
    await expect(app.run(failing, null)).rejects.toMatchObject({ code: 'RUN_FAILED' })
    expect(calls).toEqual([])
  })

  test('[D6] a flow that is a tool is stood in for as a whole', async () => {
    const Order = z.object({ id: z.string() })
    const look = flow('look', { input: Order, output: z.string() }, async ({ id }, run) => run.step('ask', id, () => `real ${id}`))
    const desk = agent({ name: 'desk', tools: [look.asTool()] })
    const model = scripted([{ call: 'look', input: { id: '1' } }, 'done'])
    await using app = testing({ flows: [desk], model, overrides: { tools: { look: ({ id }: { id: string }) => `played ${id}` } } })
    await app.run(desk, 'go')
    expect(app.calls[1]?.prompt).toContain('played 1')
  })

  test('[D6] what is no function is refused when the app is made', () => {
    expect(() => tutti({ flows: [], store: inMemory(), overrides: { tools: { charge: 'x' as never } } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining("'charge'") }),
    )
  })
})
