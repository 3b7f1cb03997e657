import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { memory } from './index.ts'

const refused = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('what memory() is told', () => {
  test.each([Number.NaN, 0, -1, 1, 319, 320.5, Number.POSITIVE_INFINITY, '100' as never, null as never])(
    '[K2] a window of %s is refused when it is declared',
    (window) => {
      expect(() => memory({ window })).toThrow(refused('CONFIG_INVALID', /the window of memory\(\) is/))
    },
  )

  test('[K2] so is one that is left out, an option that there is not, and a way to summarize that there is not', () => {
    // @ts-expect-error a window is always said
    expect(() => memory()).toThrow(refused('CONFIG_INVALID', /has no window/))
    // @ts-expect-error so it is beside other options
    expect(() => memory({ summarize: true })).toThrow(refused('CONFIG_INVALID', /has no window/))
    // @ts-expect-error there is no such option
    expect(() => memory({ windw: 10 })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: "memory() has no option 'windw'", hint: expect.stringContaining("Did you mean 'window'?") }),
    )
    expect(() => memory({ window: 1_000, summarize: 'often' as never })).toThrow(refused('CONFIG_INVALID', /cannot summarize "often"/))
    expect(() => memory({ window: 1_000, summarize: { styl: 'rolling' } as never })).toThrow(
      refused('CONFIG_INVALID', /the summarize of memory\(\) has no option 'styl'/),
    )
  })

  test('[K2] memory over runs is refused, not ignored: facts, working memory, and a run in a thread', async () => {
    expect(() => memory({ facts: true })).toThrow(refused('FLOW_NOT_YET', /given facts/))
    expect(() => memory({ window: 1_000, working: z.object({}) })).toThrow(refused('FLOW_NOT_YET', /given working/))
    const model = scripted(['hello', 'hello'])
    const made = agent({ name: 'desk', memory: memory({ window: 1_000 }), model })
    await using app = testing({ flows: [made] })
    await expect(app.run(made, 'hello', { scope: { thread: 't1' } })).rejects.toMatchObject({
      code: 'FLOW_NOT_YET',
      message: expect.stringContaining("in the thread 't1'"),
    })
    expect(model.calls).toHaveLength(0)
    expect((await app.run(made, 'hello')).output).toBe('hello')
  })

  test('[K2] an agent is given no memory that memory() did not make', () => {
    expect(() => agent({ name: 'desk', memory: { '~memory': () => undefined } })).toThrow(refused('CONFIG_INVALID', /memory of the agent 'desk' is none/))
  })
})
