/** Journals that released versions wrote, kept for ever: what a user has in a file today is read by every version to come. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AnyFlow, inMemory, tutti } from '../../src/index.ts'
import { type Entry, type EntryType, importRun, isTerminal, type JournalStore } from '../../src/journal/index.ts'
import { scripted } from '../../src/testing/index.ts'
import * as flows from './flows.ts'

const code = Object.values(flows).filter((each): each is never => '~flow' in each) as readonly AnyFlow[]
const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((each) => each.isDirectory())
const files = folders.flatMap(({ name }) => readdirSync(join(import.meta.dirname, name)).map((file) => `${name}/${file}`))
const linesOf = (file: string): readonly string[] => readFileSync(join(import.meta.dirname, file), 'utf8').split('\n')
const entriesIn = (file: string): readonly Entry[] => linesOf(file).flatMap((line) => (line.startsWith('{"entry"') ? [JSON.parse(line).entry as Entry] : []))
const endIn = (file: string): Entry | undefined => entriesIn(file).find(isTerminal)

/** An app over a fresh store that holds the run of a file; whatever asks its model fails. */
async function over(file: string): Promise<{ app: ReturnType<typeof tutti>; store: JournalStore; run: string; flow: AnyFlow }> {
  const store = inMemory() as JournalStore & ReturnType<typeof inMemory>
  const { run } = await importRun(store, linesOf(file))
  const { flow: name, version } = (await store.head(run)) ?? {}
  const flow = code.find((each) => each.name === name && each.version === version) as AnyFlow
  return { app: tutti({ flows: code, store, model: scripted([]), resume: false }), store, run, flow }
}

/**
 * What no run of this corpus writes: no code writes the first yet, the second needs a call of a tool that was cut off under a budget, and the others are younger
 * than the corpus.
 */
const unwritten: readonly EntryType[] = ['thread.compacted', 'budget.settled', 'budget.exhausted', 'signal.refused']
const every = Object.keys({
  ...{ 'run.started': 1, 'run.completed': 1, 'run.failed': 1, 'run.cancelling': 1, 'run.cancelled': 1, 'run.suspended': 1, 'run.resumed': 1, 'run.forked': 1 },
  ...{ 'run.patched': 1, 'step.started': 1, 'step.completed': 1, 'step.failed': 1, 'step.doubted': 1, 'step.resolved': 1, 'step.compensated': 1 },
  ...{
    'budget.settled': 1,
    'budget.granted': 1,
    'budget.exhausted': 1,
    'timer.set': 1,
    'timer.fired': 1,
    'signal.awaited': 1,
    'signal.received': 1,
    'signal.refused': 1,
    'thread.compacted': 1,
    note: 1,
  },
} satisfies Record<EntryType, 1>)

describe('a journal that a released version wrote', () => {
  test.each(files.filter((file) => endIn(file)))('[R1][D1] %s replays to the very end that it holds, and asks nobody', async (file) => {
    const { app, run, flow } = await over(file)
    await using _ = app
    const end = endIn(file)
    const replayed = app.replay(run, flow as never)
    if (end?.type === 'run.completed') await expect(replayed).resolves.toHaveProperty('output')
    else await expect(replayed).rejects.toMatchObject({ code: end?.type === 'run.failed' ? end.error.code : 'RUN_CANCELLED' })
  })

  test.each(files.filter((file) => !endIn(file)))('[R1][R4] %s goes on from where it stopped', async (file) => {
    const { app, run } = await over(file)
    await using _ = app
    const handle = await app.resume(run)
    await handle.outcome()
    await handle.send(flows.Go, 'yes')
    expect(await handle.result()).toMatchObject({ output: ['early', 'nobody', 'yes'] })
  })

  test('[R1] holds every type of entry, each in some file', () => {
    const types = new Set(files.flatMap((file) => entriesIn(file).map(({ type }) => type)))
    expect(every.filter((type) => !types.has(type as EntryType)).sort()).toEqual([...unwritten].sort())
  })
})
