/** What a model asked for and nobody did: it stands in the record where the step would, with what the model was told instead. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent, inMemory, tool, tutti } from '../index.ts'
import { type Entry, memoryStore } from '../journal/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { fromEveryPrefix } from '../testing/every-prefix.ts'
import { scripted } from '../testing/index.ts'
import { withModel } from '../testing/with-model.ts'

const find = tool({ name: 'find', description: 'Finds.', input: z.object({ id: z.number() }), effect: 'read', execute: ({ id }) => `order ${id}` })
const pay = tool({ name: 'pay', description: 'Pays.', input: z.object({ id: z.number() }), effect: 'once', execute: ({ id }) => `paid ${id}` })
const desk = agent({
  name: 'desk',
  tools: [find, pay],
  hooks: {
    beforeTool: ({ tool: name }) => (name === 'pay' ? { deny: 'no payments today' } : undefined),
    afterModel: ({ turn }) => (turn === 4 ? { guide: 'ask nothing more' } : undefined),
  },
})
const turns = [
  { call: 'search', input: {} },
  [
    { call: 'find', input: { id: 'x' } },
    { call: 'find', input: { id: 3 } },
  ],
  { call: 'pay', input: { id: 3 } },
  { call: 'find', input: { id: 4 } },
  'done',
]

/** Place and text of each note. */
const notes = (entries: readonly Entry[]): readonly (readonly [string, string])[] =>
  entries.flatMap((entry) => (entry.type === 'note' ? [[entry.key, entry.text ?? ''] as const] : []))

const declined = [
  ['desk/turn:1/search', "TOOL_UNKNOWN: there is no tool 'search'; you may call find, pay"],
  ['desk/turn:2/find', 'TOOL_INPUT_INVALID: the arguments do not fit: id: Invalid input: expected number, received string'],
  ['desk/turn:3/pay', 'Not allowed: no payments today'],
  ['desk/turn:4/find', 'Not called: ask nothing more'],
]

describe('a call that is not made', () => {
  test('[C5][D8] stands in the record where its step would, with what the model was told: unknown, misfit, denied, guided', async () => {
    const { journal, outcome } = await startRun(memoryStore(), desk, 'go', withModel(scripted(turns)))
    expect(outcome).toMatchObject({ status: 'completed', output: 'done' })
    expect(notes(journal.entries)).toEqual(declined)
  })

  test('[C5][D8] is recorded once, wherever the process ended', async () => {
    const { journal } = await startRun(memoryStore(), desk, 'go', withModel(scripted(turns)))
    for (const gone of await fromEveryPrefix(journal, desk, (left) => {
      const said = left.filter((entry) => entry.type === 'step.completed' && /turn:\d$/.test(entry.key)).length
      return withModel(scripted(turns.slice(said)))
    })) {
      expect(gone.outcome, `after ${gone.left.length} entries`).toMatchObject({ status: 'completed', output: 'done' })
      expect(notes(gone.journal.entries).toSorted(), `after ${gone.left.length} entries`).toEqual(declined.toSorted())
    }
  })

  test('[C5][D2] is made in a fork whose agent may make it', async () => {
    const store = inMemory()
    const before = agent({ name: 'desk', model: scripted([{ call: 'search', input: {} }, 'nothing found']), tools: [find] })
    let run = ''
    {
      await using app = tutti({ flows: [before], store })
      const ended = await app.run(before, 'go')
      expect(ended.output).toBe('nothing found')
      run = ended.id
    }
    let searched = 0
    const search = tool({ name: 'search', description: 'Searches.', input: z.object({}), effect: 'read', execute: () => `found ${++searched}` })
    const better = agent({ name: 'desk', model: scripted([{ call: 'search', input: {} }, 'found']), tools: [find, search] })
    await using app = tutti({ flows: [better], store })
    const fork = await app.fork(run, better, {})
    expect(await fork.result()).toMatchObject({ output: 'found' })
    expect(searched).toBe(1)
  })
})

test('[C5] a call that is made has no note beside its step', async () => {
  const plain = agent({ name: 'desk', tools: [find] })
  const { journal } = await startRun(memoryStore(), plain, 'go', withModel(scripted([{ call: 'find', input: { id: 3 } }, 'done'])))
  expect(notes(journal.entries)).toEqual([])
})
