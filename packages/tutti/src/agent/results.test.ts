import { expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const rows = Array.from({ length: 3_000 }, (_, id) => ({ id, name: `customer ${id}`, city: id === 2_345 ? 'Turin' : 'elsewhere' }))
const listAll = (o: { longest?: number } = {}) => tool({ name: 'list', description: 'Lists.', input: z.object({}), effect: 'read', execute: () => rows, ...o })
const desk = (o: Partial<Parameters<typeof agent>[0]> = {}) => agent({ name: 'desk', tools: [listAll()], ...o } as { name: 'desk' })
const reference = (prompt: string): string => /"reference": "(r_[\w-]+)"/.exec(prompt)?.[1] ?? ''

/** What the model was shown, call by call, and which tools it had. */
async function asked(
  made: ReturnType<typeof desk>,
  ...then: ((prompt: string) => Scripted)[]
): Promise<{ prompts: readonly string[]; tools: readonly string[][] }> {
  const turns: Scripted[] = [{ call: 'list', input: {} }]
  const model = scripted(turns)
  const next = [...then, (): Scripted => 'done']
  const doStream = model.doStream
  const lazy = {
    ...model,
    doStream: async (options: Parameters<typeof doStream>[0]) => {
      const add = model.calls.length > 0 ? next.shift() : undefined
      if (add) turns.push(add(JSON.stringify(options.prompt)))
      return doStream(options)
    },
  }
  await using app = testing({ flows: [made], model: lazy })
  await app.run(made, 'go')
  return {
    prompts: app.calls.map(({ prompt }) => prompt.split('\ntool: ').at(-1) ?? ''),
    tools: model.calls.map(({ options }) => (options.tools ?? []).map(({ name }) => name)),
  }
}
const read =
  (o: object) =>
  (prompt: string): Scripted => ({ call: 'read_result', input: { reference: reference(prompt.replaceAll('\\"', '"')), ...o } })

test('[T9] of a result that is too long the model reads how it begins, and on with read_result: a page, or where its words stand', async () => {
  const { prompts } = await asked(desk(), read({ from: 4_000 }), read({ find: 'TURIN' }), read({ find: 'Milan' }), read({ from: 10_000_000 }))
  const whole = `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`
  expect(prompts[1]).toContain(`The result of list has ${whole.length} characters, too many to show.`)
  expect(prompts[1]?.length).toBeLessThan(5_000)
  expect(prompts[2]).toBe(`Characters 4000 to 14000 of ${whole.length}; read on from 14000:\n${whole.slice(4_000, 14_000)}`)
  expect(prompts[3]).toBe(`at ${whole.indexOf('{"id":2345,')}: {"id":2345,"name":"customer 2345","city":"Turin"},`)
  expect(prompts[4]).toBe("'Milan' does not stand in it.")
  expect(prompts[5]).toBe(`It has ${whole.length} characters; there are none from 10000000 on.`)
})

test('[T9] how long is too long is said by the tool, else by the agent; Infinity shows all', async () => {
  expect((await asked(desk({ results: { longest: 1_000_000 } }))).prompts[1]).toContain('customer 2999')
  expect((await asked(desk({ results: { longest: 1_000_000 }, tools: [listAll({ longest: 5_000 })] }))).prompts[1]).toContain('too many to show')
  expect((await asked(desk({ results: { longest: 5_000 }, tools: [listAll({ longest: Number.POSITIVE_INFINITY })] }))).prompts[1]).toContain('customer 2999')
  const refused = expect.objectContaining({ code: 'CONFIG_INVALID' })
  expect(() => desk({ results: { longest: 10 } })).toThrow(refused)
  expect(() => listAll({ longest: 10 })).toThrow(refused)
})

test('[T9] read_result comes behind the other tools when it is first needed; an agent that says what is too long has it from the start, so its prompt only grows', async () => {
  expect((await asked(desk())).tools).toEqual([['list'], ['list', 'read_result']])
  expect((await asked(desk({ results: { longest: 30_000 } }))).tools).toEqual([
    ['list', 'read_result'],
    ['list', 'read_result'],
  ])
  expect((await asked(desk({ results: { longest: 10_000_000 } }))).tools.at(-1)).toEqual(['list', 'read_result'])
})

test('[T9] the whole result is in the journal, and a run gone on with from any prefix reads the same of it', async () => {
  const made = desk()
  const first = await startRun(memoryStore(), made, 'go', withModel(scripted([{ call: 'list', input: {} }, 'done'])))
  const text = JSON.stringify([first.journal.entries, [...first.journal.blobs.values()]])
  expect(text).toContain('customer 2345')
  const { prompts } = await asked(made)
  const script: Scripted[] = [{ call: 'list', input: {} }, read({ find: 'Turin' })(prompts[1] ?? ''), 'done']
  const { journal, outcome } = await startRun(memoryStore(), made, 'go', withModel(scripted(script)))
  expect(outcome).toMatchObject({ status: 'completed' })
  for (const gone of await fromEveryPrefix(journal, made, (left) =>
    withModel(scripted(script.slice(doneIn(left).filter((key) => /turn:\d$/.test(key)).length))),
  )) {
    expect(gone.outcome).toMatchObject({ status: 'completed', output: 'done' })
    const told = gone.journal.entries.flatMap((entry) => (entry.type === 'step.completed' && entry.key.endsWith('read_result') ? [entry.value] : []))
    expect(JSON.stringify(told)).toContain('customer 2345')
  }
})

test('[T9] a reference that is none is told to the model with those there are', async () => {
  const { prompts } = await asked(desk(), () => ({ call: 'read_result', input: { reference: 'r_none' } }))
  expect(prompts[2]).toMatch(/TOOL_FAILED: there is no result 'r_none'; there is r_/)
})
