import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { type Flow, flow } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import type { Journal } from '../testing/failpoint-store.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

/** A tool that finds something else each time, unless told otherwise. */
function finder(execute: (input: { id: string }) => unknown = ({ id }) => `found ${id}`) {
  return tool({ name: 'find', description: 'Finds.', input: z.object({ id: z.string() }), effect: 'read', execute })
}
const find = (id: string | number): { call: string; input: unknown } => ({ call: 'find', input: { id: String(id) } })
const finds = (turns: number): Scripted[] => Array.from({ length: turns }, (_, i) => find(i + 1))

async function run(made: Parameters<typeof agent>[0], ...turns: Scripted[]): Promise<unknown> {
  // biome-ignore lint/suspicious/noExplicitAny: an agent of any kind
  const desk = agent(made as any)
  await using app = testing({ flows: [desk], model: scripted(turns) })
  return (await app.run(desk, 'go')).output
}

describe('limits', () => {
  test('[C5] an agent that uses its turns without an answer ends with AGENT_TURN_LIMIT', async () => {
    const desk = { name: 'desk', tools: [finder()], limits: { turns: 3 } }
    expect(await run(desk, ...finds(2), 'done')).toBe('done')
    await expect(run(desk, ...finds(3), 'done')).rejects.toMatchObject({ code: 'AGENT_TURN_LIMIT', data: { agent: 'desk', turns: 3 } })
  })

  test('[C5] a turn that would pass the limit of tool calls makes none of its calls', async () => {
    const execute = vi.fn(() => 1)
    const desk = { name: 'desk', tools: [finder(execute)], limits: { toolCalls: 2 } }
    await expect(run(desk, find(1), [find(2), find(3)], 'done')).rejects.toMatchObject({ code: 'AGENT_TOOL_LIMIT', data: { asked: 3, limit: 2 } })
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('[B1][B3] the budget of an agent holds beside that of the run, whichever is tighter; what it found out until then is told', async () => {
    const desk = agent({ name: 'desk', tools: [finder()], limits: { modelCalls: 2 } })
    await using app = testing({ flows: [desk], model: scripted([...finds(5), 'done']) })
    await expect(app.run(desk, 'go', { budget: { modelCalls: 4 } })).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      data: { limit: 'modelCalls' },
      partial: { agent: 'desk', messages: [{ role: 'assistant' }, { role: 'tool' }, { role: 'assistant' }, { role: 'tool' }] },
    })
    expect(app.calls).toHaveLength(2)
    await expect(app.run(desk, 'go', { budget: { modelCalls: 1 } })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    expect(app.calls).toHaveLength(3)
  })

  test('[B1] a call or a map that gives an agent a budget does not loosen its limits', async () => {
    const desk = agent({ name: 'desk', tools: [finder()], limits: { modelCalls: 2 } })
    const called = flow('called', async (_: null, run) => run.call(desk, 'go', { budget: { modelCalls: 4 } }))
    const mapped = flow('mapped', async (_: null, run) => run.map('each', ['go'], desk, { budgetPerItem: { modelCalls: 4 } }))
    for (const generous of [called, mapped] as Flow<null, unknown>[]) {
      await using app = testing({ flows: [generous], model: scripted([...finds(5), 'done']) })
      await expect(app.run(generous, null)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', data: { limit: 'modelCalls', allowed: 2 } })
    }
  })
})

describe('no progress', () => {
  const desk = { name: 'desk', tools: [finder()] }
  const stuck = (seen: string) => ({ code: 'AGENT_STUCK', data: { agent: 'desk', seen, tools: 'find' } })

  test('[C6] the same call with the same result, three turns in a row, is told to the model; once more, and the agent ends with AGENT_STUCK', async () => {
    await expect(run(desk, find(1), find(1), find(1), find(1), 'done')).rejects.toMatchObject(stuck('the same call'))
    expect(await run(desk, find(1), find(1), find(2), find(1), 'done')).toBe('done')
  })

  test('[C6] a model that mends its ways once it is told goes on, and is not told a second time', async () => {
    const made = agent({ name: 'desk', tools: [finder()] })
    await using app = testing({ flows: [made], model: scripted([find(1), find(1), find(1), find(2), 'done']) })
    expect((await app.run(made, 'go')).output).toBe('done')
    const told = app.calls.map(({ prompt }) => /You called find with the same arguments and the same results 3 times in a row/.test(prompt))
    expect(told).toEqual([false, false, false, true, true])
    const again = [find(1), find(1), find(1), find(2), find(3), find(3), find(3), 'done']
    await expect(run(desk, ...again)).rejects.toMatchObject(stuck('the same call'))
  })

  test('[C6] going back and forth between two calls, three times and once more, is AGENT_STUCK', async () => {
    const back = [find(1), find(2), find(1), find(2), find(1), find(2), find(1)]
    await expect(run(desk, ...back, 'done')).rejects.toMatchObject(stuck('back and forth'))
  })

  test('[C6] turns that bring nothing that was not seen before, in whatever order, are no progress', async () => {
    const round = [find(1), find(2), find(3), find(2), find(1), find(3), find(1), find(3)]
    await expect(run(desk, ...round, 'done')).rejects.toMatchObject(stuck('nothing new'))
    const withNews = [find(1), find(2), find(3), find(2), find(1), find(4), find(1), find(3), 'done']
    expect(await run(desk, ...(withNews as Scripted[]))).toBe('done')
  })

  test('[C6] the same call is progress as long as its result changes', async () => {
    let n = 0
    expect(await run({ name: 'desk', tools: [finder(() => n++)] }, find(1), find(1), find(1), find(1), find(1), 'done')).toBe('done')
  })
})

test('[R1] an agent gone on with from any prefix of its journal, in the middle of a turn too, repeats no recorded call of a model or a tool', async () => {
  let executed = 0
  const desk = agent({ name: 'desk', tools: [finder(({ id }) => `${id}: ${++executed}`)] })
  const turns: Scripted[] = [[find('a'), find('b')], find('c'), 'done']
  const { journal } = await startRun(memoryStore(), desk, 'go', withModel(scripted(turns)))
  let expected = executed
  let asked = 0
  const models: ReturnType<typeof scripted>[] = []
  for (const { left, outcome } of await fromEveryPrefix(journal, desk, (entries) => {
    const model = scripted(turns.slice(doneIn(entries).filter((key) => /turn:\d$/.test(key)).length))
    models.push(model)
    return withModel(model)
  })) {
    expect(outcome).toMatchObject({ status: 'completed', output: 'done' })
    const done = doneIn(left)
    expected += 3 - done.filter((key) => key.includes('/find')).length
    asked += 3 - done.filter((key) => !key.includes('/find')).length
  }
  expect(executed).toBe(expected)
  expect(models.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(asked)
})

describe('what it costs to record', () => {
  const journalOf = async (turns: number): Promise<Journal> => {
    const desk = agent({ name: 'desk', tools: [finder(({ id }) => `result-${id}: ${'x'.repeat(400)}`)], limits: { turns: 40 } })
    const { journal } = await startRun(memoryStore(), desk, 'the question', withModel(scripted([...finds(turns - 1), 'the answer'])))
    return journal
  }
  const bytes = ({ entries, blobs }: Journal): number => JSON.stringify([entries, [...blobs.values()]]).length

  test('[R9] every message is in the journal once, however many turns come after it', async () => {
    const journal = await journalOf(20)
    const text = JSON.stringify([journal.entries, [...journal.blobs.values()]])
    const times = (word: string): number => text.split(word).length - 1
    for (let turn = 1; turn < 20; turn++) expect(times(`result-${turn}:`)).toBe(1)
    expect(times('the question')).toBe(1)
  })

  test('[R9] a journal of twice the turns is twice as large, not four times', async () => {
    const [ten, twenty, forty] = [bytes(await journalOf(10)), bytes(await journalOf(20)), bytes(await journalOf(40))]
    expect((forty - twenty) / (twenty - ten)).toBeCloseTo(2, 1)
  })
})
