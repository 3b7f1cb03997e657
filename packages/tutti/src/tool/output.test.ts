import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { Effect } from '../journal/index.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from './index.ts'

class Row {
  readonly id = 17
}

/** What became of an agent that calls the tool once, and what it was told of the call. */
async function called(execute: () => unknown, effect: Effect = 'read') {
  const find = tool({ name: 'find', description: '', input: z.object({}), effect, execute })
  const model = scripted([{ call: 'find', input: {} }, 'done'])
  const desk = agent({ name: 'desk', tools: [find], model })
  await using app = testing({ flows: [desk] })
  const outcome = await (await app.start(desk, 'go')).outcome()
  return { outcome, asked: model.calls.length, told: model.calls[1]?.options.prompt.at(-1)?.content }
}

describe('what a tool gives', () => {
  test('[T1] a value that lies in itself is shown to the model, and named by its place where it comes again', async () => {
    const order: Record<string, unknown> = { id: 17 }
    order.lines = [{ of: order }]
    const { outcome, told } = await called(() => order)
    expect(outcome.status).toBe('completed')
    expect(told).toMatchObject([{ output: { type: 'json', value: { id: 17, lines: [{ of: '[the same as the whole]' }] } } }])
  })

  test.each(['read', 'once'] as const)(
    '[T1] what no journal holds ends the run, and names the tool, its step and the place in the value: the model could only call it again (%s)',
    async (effect) => {
      const { outcome, asked } = await called(() => ({ rows: [{ row: new Row() }] }), effect)
      expect(outcome).toMatchObject({
        status: 'failed',
        error: { code: 'RUN_NOT_RECORDABLE', data: { tool: 'find', key: 'desk/turn:1/find', path: '.rows[0].row' } },
      })
      expect(outcome.status === 'failed' && outcome.error.message).toMatch(
        /^the tool 'find' \(step 'desk\/turn:1\/find'\) was done, and gave .* a value of type Row at \.rows\[0\]\.row/,
      )
      expect(asked).toBe(1)
    },
  )

  test('[T1] an object that is thrown is told with what it says', async () => {
    const thrown = (what: unknown) => () => {
      throw what
    }
    expect((await called(thrown({ code: 3 }))).told).toMatchObject([
      { output: { type: 'error-text', value: `TOOL_FAILED: the tool 'find' failed: {"code":3}` } },
    ])
    expect((await called(thrown({ message: 'no such order', code: 3 }))).told).toMatchObject([
      { output: { value: "TOOL_FAILED: the tool 'find' failed: no such order" } },
    ])
  })
})

test.each([[true], ['yes'], [{ done: 'yes' }], [{ done: true, value: 'paid' }], [undefined]])(
  '[R2] a reconcile that answers %j knows nothing: the call is not made again, and a person is asked, who is told what it answered',
  async (verdict) => {
    let calls = 0
    const execute = (): number => {
      calls++
      throw new Error('the line went dead')
    }
    const pay = tool({ name: 'pay', description: '', input: z.object({}), effect: 'once', execute, reconcile: () => verdict as never })
    const desk = agent({ name: 'desk', tools: [pay], model: scripted([{ call: 'pay', input: {} }, 'done']) })
    await using app = testing({ flows: [desk] })
    const said = `the reconcile of 'pay' answered ${JSON.stringify(verdict) ?? 'nothing'}, and not { done: true, output }, { done: false } or 'unknown'`
    expect(await (await app.start(desk, 'go')).outcome()).toMatchObject({
      status: 'waiting',
      for: [{ signal: 'tutti.resolve', data: { message: expect.stringContaining(said) } }],
    })
    expect(calls).toBe(1)
  },
)

test.each([[{ done: true, output: { id: 17 } }], [{ done: true }]])(
  '[R2][T1] a reconcile that says %j where the tool declares otherwise knows nothing',
  async (verdict) => {
    const execute = (): { id: string } => {
      throw new Error('the line went dead')
    }
    const output = z.object({ id: z.string() })
    const pay = tool({ name: 'pay', description: '', input: z.object({}), output, effect: 'once', execute, reconcile: () => verdict as never })
    const desk = agent({ name: 'desk', tools: [pay], model: scripted([{ call: 'pay', input: {} }, 'done']) })
    await using app = testing({ flows: [desk] })
    expect(await (await app.start(desk, 'go')).outcome()).toMatchObject({
      status: 'waiting',
      for: [{ data: { message: expect.stringMatching(/; its reconcile failed: the tool 'pay' answered something else than it declares: /) } }],
    })
  },
)
