import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool, toolApproval } from '../tool/index.ts'
import { type AgentHooks, agent } from './index.ts'

const pay = vi.fn(({ usd }: { usd: number }) => `paid ${usd}`)
const payTool = tool({ name: 'pay', description: 'Pays.', input: z.object({ usd: z.number() }), effect: 'once', execute: pay })
const pays = (usd: number) => ({ call: 'pay', input: { usd } })
const desk = (hooks: AgentHooks) => agent({ name: 'desk', tools: [payTool], hooks })

/** Runs it on a script; what the model was asked, what was paid, and the output. */
async function run(hooks: AgentHooks, ...turns: Scripted[]): Promise<{ output: string; prompts: readonly string[]; paid: readonly number[] }> {
  pay.mockClear()
  const made = desk(hooks)
  await using app = testing({ flows: [made], model: scripted(turns) })
  const { output } = await app.run(made, 'go')
  return { output, prompts: app.calls.map(({ prompt }) => prompt), paid: pay.mock.calls.map(([{ usd }]) => usd) }
}

describe('around a tool', () => {
  test('[C5] a hook sees each call before it is made, with its arguments and its turn, and lets it through by saying nothing', async () => {
    const beforeTool = vi.fn(() => undefined)
    const { paid } = await run({ beforeTool }, [pays(1), pays(2)], 'done')
    expect(paid).toEqual([1, 2])
    const seen = (usd: number) => [{ agent: 'desk', turn: 1, tool: 'pay', value: { usd } }, expect.objectContaining({ attempt: 1 })]
    expect(beforeTool.mock.calls).toEqual([seen(1), seen(2)])
  })

  test('[C5] a call that is denied is not made, and the model is told why; so it is when it is guided', async () => {
    const beforeTool: AgentHooks['beforeTool'] = ({ value }) =>
      (value as { usd: number }).usd > 100 ? { deny: 'over the limit' } : { guide: 'ask the customer first' }
    const { prompts, paid } = await run({ beforeTool }, pays(500), pays(5), 'done')
    expect(paid).toEqual([])
    expect(prompts[1]).toMatch(/tool: Not allowed: over the limit$/)
    expect(prompts[2]).toMatch(/tool: Not called: ask the customer first$/)
  })

  test('[C5] arguments that are replaced are checked like those of the model', async () => {
    const half: AgentHooks['beforeTool'] = ({ value }) => ({ replace: { usd: (value as { usd: number }).usd / 2 } })
    expect((await run({ beforeTool: half }, pays(10), 'done')).paid).toEqual([5])
    const wrong = await run({ beforeTool: () => ({ replace: { usd: 'all' } }) }, pays(10), 'done')
    expect(wrong.paid).toEqual([])
    expect(wrong.prompts[1]).toMatch(/TOOL_INPUT_INVALID: the arguments do not fit: usd/)
  })

  test('[C5] after a tool its output is replaced, withheld, or followed by a word to the model', async () => {
    const told = async (afterTool: AgentHooks['afterTool']) => (await run({ afterTool }, pays(10), 'done')).prompts[1]
    expect(await told(() => ({ replace: 'paid something' }))).toMatch(/tool: "?paid something"?$/)
    expect(await told(() => ({ deny: 'secret' }))).toMatch(/tool: Withheld: secret$/)
    expect(await told(() => ({ guide: 'Say thank you.' }))).toMatch(/tool: paid 10\nuser: Say thank you\.$/)
  })

  test('[T6] a hook may ask a person: the run waits for days, and goes on in another process as they say, with other arguments too', async () => {
    const beforeTool = vi.fn((): { confirm: string } => ({ confirm: 'more than 100' }))
    const made = desk({ beforeTool })
    pay.mockClear()
    for (const [answer, paid] of [
      [{ ok: true }, [150]],
      [{ ok: true, input: { usd: 20 } }, [20]],
      [{ ok: false, why: 'no' }, []],
    ] as const) {
      pay.mockClear()
      beforeTool.mockClear()
      const before = testing({ flows: [made], model: scripted([pays(150), 'done']) })
      const handle = await before.start(made, 'go')
      const data = { tool: 'pay', input: { usd: 150 }, hook: 'beforeTool', why: 'more than 100' }
      expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.approval', data }] })
      await before.close({ graceMs: 0 })
      await using app = testing({ flows: [made], model: scripted(['done']), after: before })
      const again = await app.get(handle.id, made)
      await again?.send(toolApproval, answer)
      expect((await again?.result())?.output).toBe('done')
      expect(pay.mock.calls.map(([{ usd }]) => usd)).toEqual(paid)
      expect(beforeTool).toHaveBeenCalledTimes(1)
    }
  })
})

describe('around a model and an agent', () => {
  test('[C5] before a model the messages may be others, or have one more', async () => {
    const redact: AgentHooks['beforeModel'] = ({ value }) => ({ replace: JSON.parse(JSON.stringify(value).replaceAll('go', 'stop')) })
    expect((await run({ beforeModel: redact }, 'done')).prompts).toEqual(['user: stop'])
    const brief: AgentHooks['beforeModel'] = ({ turn }) => (turn === 2 ? { guide: 'Be brief now.' } : undefined)
    const { prompts } = await run({ beforeModel: brief }, pays(1), 'done')
    expect(prompts[0]).toBe('user: go')
    expect(prompts[1]).toMatch(/^user: go\n.*\ntool: paid 1\nuser: Be brief now\.$/s)
  })

  test('[C5] after a model its answer may be another, or not be given: then it is told why, and no call of it is left without a result', async () => {
    const shout: AgentHooks['afterModel'] = () => ({ replace: 'DONE' })
    expect((await run({ afterModel: shout }, 'done')).output).toBe('DONE')
    const wait: AgentHooks['afterModel'] = ({ turn }) => (turn < 3 ? { guide: 'not yet' } : undefined)
    const { output, prompts, paid } = await run({ afterModel: wait }, pays(1), 'too early', 'done')
    expect([output, paid]).toEqual(['done', []])
    expect(prompts[2]).toMatch(/tool: Not called: not yet\nassistant: too early\nuser: not yet$/)
  })

  test('[C5] before and after the agent as a whole: the prompt, and the answer', async () => {
    expect((await run({ beforeAgent: () => ({ replace: 'a better question' }) }, 'done')).prompts).toEqual(['user: a better question'])
    expect((await run({ afterAgent: ({ value }) => ({ replace: `${value}!` }) }, 'done')).output).toBe('done!')
    const again: AgentHooks['afterAgent'] = ({ value }) => (value === 'done' ? undefined : { guide: 'say done' })
    const { output, prompts } = await run({ afterAgent: again }, 'finished', 'done')
    expect(output).toBe('done')
    expect(prompts[1]).toBe('user: go\nassistant: finished\nuser: say done')
  })

  test.each(['beforeAgent', 'beforeModel', 'afterModel', 'afterAgent'] as const)('[C5] %s may end the agent, which says by whose word', async (on) => {
    await expect(run({ [on]: () => ({ deny: 'closed today' }) }, 'done')).rejects.toMatchObject({
      code: 'AGENT_DENIED',
      data: { agent: 'desk', hook: on, why: 'closed today' },
    })
  })

  test.each([
    [{ Deny: 'never' }, /has no option 'Deny'/],
    [{ denied: 'never' }, /has no option 'denied'/],
    ['never', /was given the text 'never'/],
    [true, /was given true/],
    [{ deny: false }, /says deny with false/],
    [{ confirm: 1 }, /says confirm with 1/],
  ])('[C5] a verdict that is none ends the agent with the name of the hook, and what it stood before is not done: %j', async (verdict, message) => {
    const said = run({ beforeTool: () => verdict as never }, pays(1), 'done')
    await expect(said).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })
    await expect(said).rejects.toThrow(/'beforeTool' of the agent 'desk'/)
    expect(pay).not.toHaveBeenCalled()
  })

  test('[C5] a verdict whose words are all left undefined says nothing', async () => {
    expect((await run({ beforeTool: () => ({ deny: undefined }) as never }, pays(1), 'done')).paid).toEqual([1])
  })

  test('[C5] a hook that throws ends the agent, and what it stood before is not done', async () => {
    const beforeTool = (): never => {
      throw new Error('the policy server is down')
    }
    await expect(run({ beforeTool }, pays(1), 'done')).rejects.toMatchObject({ code: 'RUN_STEP_FAILED', message: 'the policy server is down' })
    expect(pay).not.toHaveBeenCalled()
  })
})

test('[R1] verdicts are recorded: gone on with from any prefix, no hook is asked a second time, and the run ends the same though it would say otherwise now', async () => {
  let asked = 0
  let mood = 'first'
  const note = (): { guide: string } | undefined => {
    asked++
    return mood === 'first' ? undefined : { guide: 'another mood' }
  }
  const hooks: AgentHooks = { beforeAgent: note, beforeModel: note, afterModel: note, beforeTool: note, afterTool: note, afterAgent: note }
  const made = desk(hooks)
  const turns: Scripted[] = [[pays(1), pays(2)], 'done']
  const { journal } = await startRun(memoryStore(), made, 'go', withModel(scripted(turns)))
  const keys = doneIn(journal.entries).filter((key) => /(before|after)[A-Z]/.test(key))
  expect([...keys].sort()).toEqual(
    [
      'desk/beforeAgent',
      'desk/turn:1:afterModel',
      'desk/turn:1:beforeModel',
      ...['before', 'after'].flatMap((on) => [`desk/turn:1/pay:${on}Tool`, `desk/turn:1/pay:${on}Tool#2`]),
      'desk/turn:2:afterAgent',
      'desk/turn:2:afterModel',
      'desk/turn:2:beforeModel',
    ].sort(),
  )
  expect(asked).toBe(keys.length)
  mood = 'second'
  asked = 0
  const verdicts = (entries: Parameters<typeof doneIn>[0]): number => doneIn(entries).filter((key) => /(before|after)[A-Z]/.test(key)).length
  let expected = 0
  for (const gone of await fromEveryPrefix(journal, made, (left) => {
    const said = doneIn(left).filter((key) => /turn:\d$/.test(key)).length
    return withModel(scripted([...turns.slice(said), 'done', 'done', 'done']))
  })) {
    expected += verdicts(gone.journal.entries) - verdicts(gone.left)
    if (verdicts(gone.left) === keys.length) expect(gone.outcome).toMatchObject({ status: 'completed', output: 'done' })
  }
  expect(expected).toBeGreaterThan(0)
  expect(asked).toBe(expected)
})

test('[C5] an agent without hooks records nothing for them', async () => {
  const { journal } = await startRun(memoryStore(), desk({}), 'go', withModel(scripted([pays(1), 'done'])))
  expect(doneIn(journal.entries)).toEqual(['desk/turn:1', 'desk/turn:1/pay', 'desk/turn:2'])
})

test('[C5] a hook at a place that does not exist is refused when the agent is declared', () => {
  // @ts-expect-error there is no such place
  expect(() => desk({ beforeTools: () => undefined })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('beforeTool') }))
  // @ts-expect-error a hook is a function
  expect(() => desk({ beforeTool: true })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
