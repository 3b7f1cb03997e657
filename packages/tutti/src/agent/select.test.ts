import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import type { Embedder } from '../retrieval/index.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const subjects = ['weather', 'currency', 'calendar', 'train', 'hotel', 'recipe', 'translation', 'stock', 'music', 'parcel']
const tools = subjects.flatMap((subject) =>
  ['get', 'cancel'].map((verb) =>
    tool({
      name: `${verb}_${subject}`,
      description: `To ${verb} the ${subject}.`,
      input: z.object({ id: z.string().describe(`Which ${subject}.`) }),
      effect: 'read',
      execute: () => `${verb} ${subject}`,
    }),
  ),
)
const desk = (toolSelection: Parameters<typeof agent>[0]['toolSelection']) => agent({ name: 'desk', tools, toolSelection })

/** The names of the tools that the model had, turn by turn, and what it was told last. */
async function shown(made: ReturnType<typeof desk>, prompt: string, ...turns: Scripted[]): Promise<{ tools: string[][]; told: string }> {
  const model = scripted([...turns, 'done'])
  await using app = testing({ flows: [made], model })
  const { id } = await app.run(made, prompt)
  expect((await app.replay(id, made)).output).toBe('done')
  return {
    tools: model.calls.map(({ options }) => (options.tools ?? []).map(({ name }) => name)),
    told: app.calls.at(-1)?.prompt.split('\ntool: ').at(-1) ?? '',
  }
}

describe('tools for a question', () => {
  test('[T8] of many tools the model is shown those that fit what is asked, best first, and find_tools', async () => {
    const { tools } = await shown(desk({ top: 3, embed: false }), 'Cancel my hotel please')
    expect(tools[0]?.[0]).toBe('find_tools')
    expect(tools[0]?.[1]).toBe('cancel_hotel')
    expect(tools[0]).toHaveLength(4)
  })

  test('[T8] what find_tools finds is shown from the next turn on, behind what was shown before, which stays', async () => {
    const { tools, told } = await shown(
      desk({ top: 2, embed: false }),
      'What is the weather?',
      { call: 'find_tools', input: { query: 'cancel a parcel' } },
      { call: 'cancel_parcel', input: { id: '1' } },
    )
    const [first, second, third] = tools
    expect(first).not.toContain('cancel_parcel')
    expect(second?.slice(0, first?.length)).toEqual(first)
    expect(second).toContain('cancel_parcel')
    expect(third).toEqual(second)
    expect(told).toBe('cancel parcel')
  })

  test('[T8] with top 0 the model begins with find_tools alone; without find it has what was chosen and no more', async () => {
    expect((await shown(desk({ top: 0, embed: false }), 'hotel')).tools).toEqual([['find_tools']])
    const { tools } = await shown(desk({ top: 2, find: false, embed: false }), 'get the train', { call: 'find_tools', input: { query: 'hotel' } })
    expect(tools[0]).toHaveLength(2)
    expect(tools[0]).not.toContain('find_tools')
    expect(tools[0]).toContain('get_train')
  })

  test('[T8] where there are no more tools than are shown, all are, and nothing is searched', async () => {
    expect((await shown(desk({ top: 20 }), 'hotel')).tools[0]).toEqual(tools.map(({ name }) => name))
  })

  test('[T8] the choice is recorded: a replay needs no embedding model, and the texts are embedded once for all runs', async () => {
    const embed = vi.fn(async (texts: readonly string[]) => texts.map((text) => unit(text.includes('hotel') || text.includes('somewhere to sleep') ? 1 : 0)))
    const embedder: Embedder = { id: 'toy', dimensions: 2, embed, close: async () => {} }
    const made = desk({ top: 2, find: false, embed: embedder })
    const { tools } = await shown(made, 'I need somewhere to sleep')
    expect([...(tools[0] ?? [])].sort()).toEqual(['cancel_hotel', 'get_hotel'])
    await shown(made, 'I need somewhere to sleep tonight')
    expect(embed.mock.calls.map(([texts]) => texts.length)).toEqual([20, 1, 1])
  })

  test('[T8] a selection that could show nothing is refused when it is declared', () => {
    for (const selection of [{ top: 0, find: false }, { top: -1 }, { top: 1.5 }])
      expect(() => desk(selection)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

const unit = (x: number): Float32Array => new Float32Array([x, 1 - x])
