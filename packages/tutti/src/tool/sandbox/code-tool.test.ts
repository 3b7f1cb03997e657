import { afterAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../../agent/index.ts'
import { notDone } from '../../errors/index.ts'
import { memoryStore } from '../../journal/index.ts'
import { flow } from '../../run/index.ts'
import { resumeRun, startRun } from '../../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../../testing/every-prefix.ts'
import { seedJournal } from '../../testing/failpoint-store.ts'
import { scripted } from '../../testing/scripted.ts'
import { testing } from '../../testing/testing.ts'
import { withModel } from '../../testing/with-model.ts'
import { codeTool, tool, toolApproval } from '../index.ts'
import { sandboxThreads } from '../sandbox-threads.ts'

afterAll(() => sandboxThreads.close())

const find = (execute: (id: number) => unknown = (id) => ({ id, usd: id * 10 })) =>
  tool({ name: 'find', description: 'Finds an order.', input: z.object({ id: z.number() }), effect: 'read', execute: ({ id }) => execute(id) })

/** What the model is told of code that it wrote. */
async function told(code: string, o: Parameters<typeof codeTool>[0] = {}, start: { budget?: { toolCalls: number } } = {}): Promise<string> {
  const desk = agent({ name: 'desk', tools: [codeTool(o)] })
  await using app = testing({ flows: [desk], model: scripted([{ call: 'run_code', input: { code } }, 'done']) })
  await app.run(desk, 'go', start)
  return app.calls[1]?.prompt.split('\ntool: ').at(-1) ?? ''
}

describe('a code tool', () => {
  test('[T7] gives the model what its code returns and logs, or what it threw and had logged', async () => {
    expect(await told('return [1, 2, 3].reduce((a: number, b: number) => a + b)')).toBe('6')
    expect(JSON.parse(await told('console.log("half way"); return 1'))).toEqual({ result: 1, logs: ['half way'] })
    expect(await told('console.log("half way")\nnull.x')).toBe(
      "TOOL_CODE_FAILED: TypeError: cannot read property 'x' of null (line 2)\nLogged before:\nhalf way",
    )
    expect(await told('while (true) {}', { limits: { cpu: '200ms' } })).toBe('TOOL_CODE_LIMIT: the code took more than its 200 ms without waiting')
    expect(await told('return await new Promise(() => {})')).toBe('TOOL_CODE_FAILED: the code waits for something that will never happen')
  })

  test('[T7] shows the model what its code may call, in TypeScript', () => {
    const odd = tool({
      name: 'by-name',
      description: 'Ends */ here?',
      input: z.object({ 'first-name': z.string(), kind: z.enum(['a', 'b']).optional(), list: z.array(z.number().nullable()) }),
      output: z.object({ n: z.number() }),
      effect: 'read',
      execute: () => ({ n: 1 }),
    })
    expect(codeTool({ tools: [find(), odd] })['~tool'].description).toContain(
      [
        'declare const tools: {',
        '  /** Finds an order. */',
        '  find(input: { id: number }): Promise<any>',
        '  /** Ends * / here? */',
        '  "by-name"(input: { "first-name": string; kind?: "a" | "b"; list: Array<number | null> }): Promise<{ n: number }>',
        '}',
      ].join('\n'),
    )
  })

  test('[T7] refuses limits that are none, two tools of one name and what is no tool, when it is declared', () => {
    const refused = (code: string) => expect.objectContaining({ code })
    expect(() => codeTool({ limits: { memoryMb: 0 } })).toThrow(refused('CONFIG_INVALID'))
    expect(() => codeTool({ limits: { memoryMb: 4_096 } })).toThrow(refused('CONFIG_INVALID'))
    expect(() => codeTool({ tools: [find(), find()] })).toThrow(refused('TOOL_DUPLICATE'))
    expect(() => codeTool({ tools: [{} as never] })).toThrow(refused('CONFIG_INVALID'))
  })
})

describe('code that calls tools', () => {
  test('[T7] each call is a recorded step of the run, with its arguments checked and its result given back', async () => {
    const code = `
      const found = await Promise.all([1, 2, 3].map((id) => tools.find({ id })))
      const wrong = await tools.find({ id: 'x' }).catch((e) => e.message)
      return { sum: found.reduce((sum, { usd }) => sum + usd, 0), wrong }`
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [find()] })] })
    const { journal, outcome } = await startRun(memoryStore(), desk, 'go', withModel(scripted([{ call: 'run_code', input: { code } }, 'done'])))
    expect(outcome).toMatchObject({ status: 'completed' })
    const steps = doneIn(journal.entries).filter((key) => key.includes('/find'))
    expect(steps).toEqual(['desk/turn:1/run_code/find', 'desk/turn:1/run_code/find#2', 'desk/turn:1/run_code/find#3'])
    expect(JSON.parse(await told(code, { tools: [find()] }))).toEqual({
      sum: 60,
      wrong: expect.stringMatching(/^TOOL_INPUT_INVALID: the arguments do not fit: id: /),
    })
  })

  test('[T7] code is told of its calls in the order in which they came to an end, and a race is won by the same one on replay', async () => {
    const release = new Map<number, () => void>()
    const slow = find(async (id) => {
      await new Promise<void>((resolve) => release.set(id, resolve))
      if (id === 2) release.get(1)?.()
      return id
    })
    const code =
      'const calls = [1, 2].map((id) => tools.find({ id })); const first = await Promise.race(calls); return { first, all: await Promise.all(calls) }'
    const desk = flow('desk', async (_: null, run) => run.call(codeTool({ tools: [slow] })['~tool'].flow as never, { code } as never))
    await using app = testing({ flows: [desk] })
    const handle = await app.start(desk, null)
    await vi.waitFor(() => expect(release.size).toBe(2), 20_000)
    release.get(2)?.()
    const { output } = await handle.result()
    expect(output).toEqual({ first: 2, all: [1, 2] })
    expect((await app.replay(handle.id, desk)).output).toEqual(output)
  })

  test('[T7] gone on with from any prefix of its journal, no recorded call is made again and the outcome is the same', async () => {
    let executed = 0
    const counted = find((id) => {
      executed++
      return { id, usd: id * 10 }
    })
    const code = `
      const picked = []
      for (let i = 0; i < 3; i++) picked.push(await tools.find({ id: i + Math.floor(Math.random() * 100) }))
      const two = await Promise.all([tools.find({ id: 1 }), tools.find({ id: Date.now() % 7 })])
      return [...picked, ...two].map(({ usd }) => usd)`
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [counted] })] })
    const script = scripted([{ call: 'run_code', input: { code } }, 'done'])
    const { journal } = await startRun(memoryStore(), desk, 'go', withModel(script))
    expect(executed).toBe(5)
    let expected = 5
    for (const { left, outcome } of await fromEveryPrefix(journal, desk, (entries) =>
      withModel(scripted([{ call: 'run_code', input: { code } }, 'done'].slice(doneIn(entries).filter((key) => /turn:\d$/.test(key)).length))),
    )) {
      expect(outcome).toMatchObject({ status: 'completed', output: 'done' })
      expected += 5 - doneIn(left).filter((key) => key.includes('/find')).length
    }
    expect(executed).toBe(expected)
  })

  test('[T7] a call that needs approval waits for a person in the middle of the code, over a restart', async () => {
    const paid = vi.fn(({ usd }: { usd: number }) => `paid ${usd}`)
    const pay = tool({ name: 'pay', description: 'Pays.', input: z.object({ usd: z.number() }), effect: 'once', approve: ({ usd }) => usd > 10, execute: paid })
    const code = 'return [await tools.pay({ usd: 5 }), await tools.pay({ usd: 50 }), await tools.pay({ usd: 500 }).catch((e) => e.message)]'
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [pay] })] })
    const before = testing({ flows: [desk], model: scripted([{ call: 'run_code', input: { code } }]) })
    const handle = await before.start(desk, 'go')
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ data: { tool: 'pay', input: { usd: 50 } } }] })
    await before.close({ graceMs: 0 })
    // The isolate is gone with its thread, as it would be with its process.
    await sandboxThreads.close()

    await using app = testing({ flows: [desk], model: scripted(['done']), after: before })
    const again = await app.get(handle.id, desk)
    await again?.send(toolApproval, { ok: true })
    expect(await again?.outcome()).toMatchObject({ status: 'waiting', for: [{ data: { input: { usd: 500 } } }] })
    await again?.send(toolApproval, { ok: false, why: 'too much' })
    await again?.result()
    expect(JSON.parse(app.calls[0]?.prompt.split('\ntool: ').at(-1) ?? '')).toEqual(['paid 5', 'paid 50', 'Not approved: too much'])
    expect(paid.mock.calls.map(([input]) => input.usd)).toEqual([5, 50])
  })

  test('[T7] the budget of the run holds for calls from code: the one too many ends the run, and is not made', async () => {
    const execute = vi.fn((id: number) => id)
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [find(execute)] })] })
    await using app = testing({
      flows: [desk],
      model: scripted([{ call: 'run_code', input: { code: 'for (let id = 0; ; id++) try { await tools.find({ id }) } catch {}' } }, 'done']),
    })
    await expect(app.run(desk, 'go', { budget: { toolCalls: 3 } })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', data: { limit: 'toolCalls' } })
    expect(execute).toHaveBeenCalledTimes(3)
  })

  test('[T7] code may make so many calls and no more; what it did not wait for is waited for', async () => {
    const execute = vi.fn((id: number) => id)
    expect(await told('for (let id = 0; ; id++) await tools.find({ id })', { tools: [find(execute)], limits: { calls: 4 } })).toBe(
      'TOOL_CODE_FAILED: the code made 5 calls; it may make 4',
    )
    expect(execute).toHaveBeenCalledTimes(4)
    let ended = false
    const late = find(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      ended = true
    })
    expect(await told('tools.find({ id: 1 }); return "not waited"', { tools: [late] })).toBe('not waited')
    expect(ended).toBe(true)
  })

  test('[T7] a once-only call in doubt is not for the code to catch', async () => {
    const pay = tool({
      name: 'pay',
      description: '',
      input: z.object({}),
      effect: 'once',
      reconcile: () => 'unknown' as const,
      execute: () => {
        throw new Error('cut')
      },
    })
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [pay] })] })
    await using app = testing({
      flows: [desk],
      model: scripted([{ call: 'run_code', input: { code: 'try { await tools.pay({}) } catch {} return "fine"' } }, 'done']),
    })
    const outcome = await (await app.start(desk, 'go')).outcome()
    expect(outcome.status).not.toBe('completed')
    const sure = tool({
      name: 'pay',
      description: '',
      input: z.object({}),
      effect: 'once',
      execute: () => {
        throw notDone('no money')
      },
    })
    expect(await told('return await tools.pay({}).catch((e) => e.message)', { tools: [sure] })).toContain('no money')
  })

  test('[T7] a flow among its tools runs as a part of the run, and code may stand in code', async () => {
    const double = flow('double', { input: z.object({ n: z.number() }) }, async ({ n }, run) => run.step('twice', n, (x) => x * 2))
    const inner = codeTool({ name: 'inner', tools: [double.asTool()] })
    expect(await told('return await tools.inner({ code: "return 1 + await tools.double({ n: 20 })" })', { tools: [inner] })).toBe('41')
  })

  test('[T7] code that is played again and makes another call than recorded stops the run, both named', async () => {
    const code = 'return [await tools.find({ id: 1 }), await tools.find({ id: 2 })]'
    const desk = agent({ name: 'desk', tools: [codeTool({ tools: [find()] })] })
    const { journal } = await startRun(memoryStore(), desk, 'go', withModel(scripted([{ call: 'run_code', input: { code } }, 'done'])))
    // As if the isolate of today were another than that of the record, and the process had ended before the first call was recorded.
    const entries = JSON.parse(JSON.stringify(journal.entries).replace(/(?<n>\{\\+"id\\+":)1\}/, '$<n>9}')) as typeof journal.entries
    expect(entries).not.toEqual(journal.entries)
    const upTo = entries.findIndex((entry) => 'key' in entry && entry.key?.endsWith('/find'))
    const { outcome } = await resumeRun(await seedJournal({ ...journal, entries }, upTo), desk, journal.run, withModel(scripted(['done'])))
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', message: expect.stringContaining('find({"id":9})') } })
  })
})
