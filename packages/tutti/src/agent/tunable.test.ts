import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Entry, memoryStore } from '../journal/index.ts'
import type { AnyFlow } from '../run/index.ts'
import { type Driven, resumeRun, startRun } from '../testing/driven-run.ts'
import { type Journal, journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const find = tool({ name: 'find', description: 'Finds.', input: z.object({}), effect: 'read', execute: () => 'found' })
const turns: Scripted[] = [{ call: 'find', input: {} }, { call: 'find', input: {} }, 'done']
// biome-ignore lint/suspicious/noExplicitAny: an agent of any kind
const desk = (changes: object = {}): AnyFlow => agent({ name: 'desk', instructions: 'Be kind.', tools: [find], ...changes } as any)

/** A run that was left after its second turn, gone on with by an agent that was changed meanwhile. */
async function resumedAs(changed: AnyFlow): Promise<Driven> {
  const { journal } = await startRun(memoryStore(), desk(), 'go', withModel(scripted(turns)))
  return resumeRun(await seedJournal(journal, lengthUntil(journal, 'desk/turn:2')), changed, journal.run, withModel(scripted(turns.slice(2))))
}
const lengthUntil = ({ entries }: Journal, key: string): number => entries.findIndex((entry) => entry.type === 'step.completed' && entry.key === key) + 1
const notes = (entries: readonly Entry[]): readonly string[] => entries.flatMap((entry) => (entry.type === 'note' ? [`${entry.key} ${entry.text}`] : []))

test('[R5] a run whose agent has other instructions now goes on, keeps what is recorded, and notes it once for each step that was asked with the old ones', async () => {
  const { outcome, journal } = await resumedAs(desk({ instructions: 'Be brief.' }))
  expect(outcome).toMatchObject({ status: 'completed', output: 'done' })
  const said = 'goes on with other instructions, another model or other settings than were recorded'
  expect(notes(journal.entries)).toEqual([`desk/turn:1 ${said}`, `desk/turn:2 ${said}`])
})

test('[R5] another model is noted too, and an unchanged agent notes nothing', async () => {
  const other = await resumedAs(desk({ model: ['tutti/other', scripted(['done'])] }))
  expect(other.outcome).toMatchObject({ status: 'completed' })
  expect(notes(other.journal.entries)).toHaveLength(2)
  expect(notes((await resumedAs(desk())).journal.entries)).toEqual([])
})

test('[R5] a run that is gone on with a second time after the change notes nothing twice, and does not take its notes for something the flow asked', async () => {
  const { journal } = await resumedAs(desk({ instructions: 'Be brief.' }))
  const left = journal.entries.findLastIndex((entry) => entry.type === 'note') + 1
  const store = await seedJournal(journal, left)
  const again = await resumeRun(store, desk({ instructions: 'Be brief.' }), journal.run, withModel(scripted(turns.slice(2))))
  expect(again.outcome).toMatchObject({ status: 'completed', output: 'done' })
  expect(notes((await journalOf(store, journal.run)).entries)).toHaveLength(2)
})

test('[R5] other tools, another output, another prompt are another structure: the run stops before anything executes, both sides named', async () => {
  const other = tool({ name: 'find', description: 'Finds it quicker.', input: z.object({}), effect: 'read', execute: () => 'x' })
  for (const changed of [
    desk({ tools: [other] }),
    desk({ tools: [] }),
    desk({ output: z.object({}) }),
    desk({ input: z.string(), prompt: (text: string) => `${text}!` }),
  ]) {
    const { outcome, journal } = await resumedAs(changed)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', data: { recorded: expect.any(String), asked: expect.any(String) } } })
    expect(journal.entries.filter(({ type }) => type === 'step.started')).toHaveLength(2)
  }
})
