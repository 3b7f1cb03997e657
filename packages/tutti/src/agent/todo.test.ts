import { expect, test } from 'vitest'
import { z } from 'zod'
import { linesOf } from '../testing/heard.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const work = tool({ name: 'work', description: 'Works.', input: z.object({ at: z.string() }), effect: 'read', execute: ({ at }) => `did ${at}` })
const works = (at: string) => ({ call: 'work', input: { at } })
const todo = (...states: ('open' | 'doing' | 'done')[]) => ({ call: 'todo', input: { items: states.map((state, i) => ({ task: `step ${i + 1}`, state })) } })

async function run(...turns: Scripted[]) {
  const model = scripted(turns)
  const made = agent({ name: 'desk', model, plan: true, tools: [work] })
  await using app = testing({ flows: [made] })
  const handle = await app.start(made, 'go')
  const { output } = await handle.result()
  const lists = []
  for await (const event of handle.events()) if (event.type === 'custom' && event.name === 'todo') lists.push(event.data)
  expect((await app.replay(handle.id, made)).output).toBe(output)
  return { output, lists, prompts: model.calls.map(({ prompt }) => prompt), lines: model.calls.map(({ options }) => linesOf(options.prompt)) }
}

test('[C5] an agent that plans has its list before its eyes after each turn, until all of it is done; whoever watches sees each change', async () => {
  const { prompts, lists } = await run(todo('doing', 'open'), works('one'), todo('done', 'doing'), works('two'), todo('done', 'done'), works('three'), 'done')
  const shown = (prompt = ''): readonly string[] => prompt.match(/Your list:\n.*\n.*/g) ?? []
  expect(shown(prompts[1])).toEqual([])
  expect(shown(prompts[2])).toEqual(['Your list:\n[>] step 1\n[ ] step 2'])
  expect(shown(prompts.at(-1))).toEqual(['Your list:\n[>] step 1\n[ ] step 2', 'Your list:\n[x] step 1\n[>] step 2'])
  expect(prompts[1]).toMatch(/kept: 2 of 2 to do/)
  expect(lists).toHaveLength(3)
  expect(lists[1]).toEqual({
    items: [
      { task: 'step 1', state: 'done' },
      { task: 'step 2', state: 'doing' },
    ],
  })
})

test('[M10] the list is added to what was said, never changed in it', async () => {
  const { lines } = await run(todo('open'), works('one'), todo('doing'), works('two'), 'done')
  for (let i = 1; i < lines.length; i++) expect(lines[i]?.slice(0, lines[i - 1]?.length)).toEqual(lines[i - 1])
})

test('[C5] a list that is none goes back to the model; a tool of the same name is refused when the agent is declared', async () => {
  const { prompts, lists } = await run({ call: 'todo', input: { items: [{ task: 'a', state: 'soon' }] } }, works('one'), 'done')
  expect(prompts[1]).toMatch(/TOOL_INPUT_INVALID: the arguments do not fit: items\.0: expected \{ task, state \}/)
  expect(lists).toEqual([])
  const own = tool({ name: 'todo', description: '', input: z.object({}), effect: 'read', execute: () => 1 })
  expect(() => agent({ name: 'a', plan: true, tools: [own] })).toThrow(expect.objectContaining({ code: 'TOOL_DUPLICATE' }))
})

test('[C6] one that plans and never does anything ends with its reason: the same list again and again is no progress, ever new ones use up its turns', async () => {
  await expect(run(todo('open'), todo('open'), todo('open'), todo('open'), 'done')).rejects.toMatchObject({ code: 'AGENT_STUCK', data: { tools: 'todo' } })
  const lists = Array.from({ length: 16 }, (_, i) => todo(...Array<'open'>(i + 1).fill('open')))
  await expect(run(...lists, 'done')).rejects.toMatchObject({ code: 'AGENT_TURN_LIMIT' })
})
