/** Agents whose conversation is longer than the window of their memory. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { memory } from '../memory/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { faultsIn, linesOf } from '../testing/heard.ts'
import { answering, type Scripted, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const page = 'x'.repeat(700)
const read = tool({
  name: 'read',
  description: 'Reads a page.',
  input: z.object({ n: z.number() }),
  effect: 'read',
  execute: ({ n }) => `page ${n} ${page}`,
})
type Options = Partial<Parameters<typeof agent>[0]>

/** Reads so many pages, one a turn, and says then what it sees. */
function reader(pages: number): ScriptedModel {
  let turn = 0
  return answering(
    ({ prompt }): Scripted => {
      if (prompt.startsWith('system: You keep the memory'))
        return `noted ${(prompt.match(/page \d+|noted [\d, ]+\d/g) ?? []).join(', ').replaceAll(/page |noted /g, '')}`
      turn++
      return turn > pages ? 'read' : { call: 'read', input: { n: turn } }
    },
    { named: (_, call) => call },
  )
}
const desk = (o: Options = {}) => agent({ name: 'desk', instructions: 'Read.', tools: [read], limits: { turns: 40 }, ...o } as { name: 'desk' })
const isSummary = ({ prompt }: { readonly prompt: string }): boolean => prompt.startsWith('system: You keep the memory')

describe('a window', () => {
  test('[K2] what is oldest leaves, the task and what came last stay, each call with its result, and a line says how much left', async () => {
    const model = reader(20)
    const made = desk({ memory: memory({ window: 1_500 }) })
    await using app = testing({ flows: [made], model })
    expect((await app.run(made, 'Read the book.')).output).toBe('read')
    for (const { options } of model.calls) expect(faultsIn(options.prompt)).toEqual([])
    const last = model.calls.at(-1)?.options.prompt ?? []
    const lines = linesOf(last)
    expect(lines[1]).toContain('Read the book.')
    const left = Number(/\[(\d+) earlier messages of this conversation are left out here/.exec(lines[2] ?? '')?.[1])
    expect(left + lines.length).toBe(1 + 1 + 1 + 40)
    expect(lines.at(-1)).toContain('page 20 ')
  })

  test('[K2] what left is recorded, the run resumes from every prefix of its journal, and a replay asks nobody', async () => {
    const made = desk({ memory: memory({ window: 1_500 }) })
    const first = reader(12)
    const { outcome, journal } = await startRun(memoryStore(), made, 'Read the book.', withModel(first))
    expect(outcome).toMatchObject({ status: 'completed', output: 'read' })
    const compacted = doneIn(journal.entries).filter((key) => key.includes('compact'))
    expect(compacted).toEqual(['desk/turn:8/compact', 'desk/turn:12/compact'])
    const shown = new Set(first.calls.map(({ options }) => linesOf(options.prompt).join('\n')))
    const byHistory = answering(
      ({ prompt }) => {
        const at = first.calls.findIndex((call) => call.prompt === prompt)
        return at === 12 ? 'read' : { call: 'read', input: { n: at + 1 } }
      },
      { named: (ask) => first.calls.findIndex((call) => call.prompt === ask.prompt) + 1 },
    )
    for (const gone of await fromEveryPrefix(journal, made, () => withModel(byHistory))) {
      expect(gone.outcome).toMatchObject({ status: 'completed', output: 'read' })
      expect(doneIn(gone.journal.entries)).toEqual(doneIn(journal.entries))
    }
    for (const { options } of byHistory.calls) expect(shown.has(linesOf(options.prompt).join('\n'))).toBe(true)
  })

  test('[M10][K2] between two compactions what is sent begins with all that was sent before', async () => {
    const model = reader(30)
    const made = desk({ memory: memory({ window: 1_500 }) })
    await using app = testing({ flows: [made], model })
    await app.run(made, 'Read the book.')
    const sent = model.calls.map(({ options }) => JSON.stringify(options.prompt).slice(0, -1))
    const breaks = sent.slice(1).filter((next, i) => !next.startsWith(sent[i] as string))
    expect(breaks.length).toBeGreaterThan(3)
    expect(breaks.length).toBeLessThan(10)
  })
})

test('[K2][I5] a run does not go on with another memory than it began with: the record and the code diverge, and it is said in which of its options', async () => {
  const cut = memory({ window: 1_500 })
  const made = (of: ReturnType<typeof memory> | undefined) => desk({ memory: of })
  await using app = testing({ flows: [made(cut)], model: reader(12) })
  const { id } = await app.run(made(cut), 'Read the book.')
  const partsOver = async (run: string, now: ReturnType<typeof memory> | undefined) => {
    const error = await app.replay(run, made(now)).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'JOURNAL_DIVERGED', message: expect.stringContaining('turn:') })
    expect(error.message).not.toMatch(/[0-9a-f]{32}/)
    expect(error.message.startsWith(`${error.data.redeclared}: `)).toBe(true)
    return error.data.redeclared
  }
  expect(await partsOver(id, memory({ window: 3_000 }))).toBe('memory window 1,500 → 3,000')
  expect(await partsOver(id, memory({ window: 1_000 }))).toBe('memory window 1,500 → 1,000')
  expect(await partsOver(id, memory({ window: 1_510 }))).toBe('memory window 1,500 → 1,510')
  expect(await partsOver(id, memory({ window: 1_500, summarize: 'hierarchical' }))).toBe('memory summarize none → hierarchical')
  expect(await partsOver(id, undefined)).toBe('memory window 1,500, summarize none → none')
  await using all = testing({ flows: [made(undefined)], model: reader(12) })
  const whole = await all.run(made(undefined), 'Read the book.')
  const error = await all.replay(whole.id, made(cut)).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'JOURNAL_DIVERGED', data: { redeclared: 'no memory step recorded → memory window 1,500, summarize none' } })
})

describe('summaries', () => {
  test('[K2] rolling: what leaves is summarized together with the summary before, by the same model, and takes the place of both', async () => {
    const model = reader(20)
    const made = desk({ memory: memory({ window: 1_500, summarize: true }) })
    await using app = testing({ flows: [made], model })
    const { output, usage } = await app.run(made, 'Read the book.')
    expect(output).toBe('read')
    const asked = model.calls.filter(isSummary)
    expect(asked.length).toBeGreaterThan(2)
    for (const { options } of model.calls) expect(faultsIn(options.prompt)).toEqual([])
    for (const { prompt } of model.calls.filter((call) => !isSummary(call))) {
      const turns = [...prompt.matchAll(/page (\d+) x/g)].map(([, n]) => Number(n))
      const noted = (/noted ([\d, ]+)/.exec(prompt)?.[1] ?? '').split(', ').filter(Boolean).map(Number)
      const all = [...noted, ...turns]
      expect(all).toEqual(all.map((_, i) => i + 1))
    }
    expect(usage.modelCalls).toBe(21 + asked.length)
  })

  test('[K2] hierarchical: a summary for each stretch, and of many of one level one of the next', async () => {
    const model = reader(60)
    const made = desk({ memory: memory({ window: 1_500, summarize: 'hierarchical' }), limits: { turns: 80 } })
    await using app = testing({ flows: [made], model })
    expect((await app.run(made, 'Read the book.')).output).toBe('read')
    const asked = model.calls.filter(isSummary)
    const folds = asked.filter(({ prompt }) => prompt.includes('These summaries follow one another'))
    expect(folds.length).toBeGreaterThan(1)
    for (const { prompt } of model.calls.filter((call) => !isSummary(call))) {
      const turns = [...prompt.matchAll(/page (\d+) x/g)].map(([, n]) => Number(n))
      const noted = [...prompt.matchAll(/noted ([\d, ]+)/g)].flatMap(([, list]) => (list as string).split(', ').map(Number))
      const all = [...noted, ...turns]
      expect(all).toEqual(all.map((_, i) => i + 1))
    }
  })
})

test('[K2] an agent without memory is shown everything', async () => {
  const model = scripted([{ call: 'read', input: { n: 1 } }, 'read'])
  await using app = testing({ flows: [desk()], model })
  await app.run(desk(), 'Read.')
  expect(model.calls.at(-1)?.options.prompt).toHaveLength(4)
})
