import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type JournalStore, memoryStore, sqliteStore } from '../journal/index.ts'
import { type Driven, resumeRun, startRun } from '../testing/driven-run.ts'
import { type Journal, seedJournal } from '../testing/failpoint-store.ts'
import { executedAgain, flowOf, randomWorld } from '../testing/random-flow.ts'
import { type Change, changed, changes, randomProgram } from '../testing/random-program.ts'
import { type RunOutcome, replayRun } from './index.ts'

/** Seeds of programs: `RUNS=2000` for a long campaign, `SEED=…` to repeat one. */
const RUNS = Number(process.env.RUNS ?? 60)
const seed = process.env.SEED === undefined ? undefined : Number(process.env.SEED)
const given = (numRuns: number): { numRuns: number; seed?: number } => ({ numRuns, ...(seed === undefined ? {} : { seed }) })
const number = fc.integer({ min: 0, max: 2 ** 30 })

const outputOf = (outcome: RunOutcome<unknown>): unknown => (outcome.status === 'completed' ? outcome.output : outcome)

/** Runs a program to its end in `store`. */
async function run(
  store: JournalStore,
  program: ReturnType<typeof randomProgram>,
  world: number,
  o: { pure?: boolean; ordered?: boolean } = {},
): Promise<Driven> {
  const driven = await startRun(store, flowOf(program, randomWorld(world, o), o), null)
  expect(driven.outcome.status).toBe('completed')
  return driven
}

/** What every crash must keep: the record stands, nothing of it repeats, and the resumed journal replays to the same output. */
async function survivesCrash(
  program: ReturnType<typeof randomProgram>,
  journal: Journal,
  length: number,
  world: number,
  fresh: () => JournalStore,
): Promise<Driven> {
  const store = await seedJournal(journal, length, fresh())
  const second = randomWorld(world)
  const resumed = await resumeRun(store, flowOf(program, second), journal.run)
  expect(resumed.outcome.status).toBe('completed')
  expect(resumed.journal.entries.slice(0, length)).toEqual(journal.entries.slice(0, length))
  expect(executedAgain(second, journal, length)).toEqual([])
  const third = randomWorld(world + 1)
  expect((await replayRun(store, journal.run, flowOf(program, third))).output).toBe(outputOf(resumed.outcome))
  expect(third.executed).toEqual([])
  return resumed
}

describe('random flows', () => {
  it('[R1][D1] a replay of a journal gives the output of its run, and executes nothing', () =>
    fc.assert(
      fc.asyncProperty(number, number, async (shape, world) => {
        const store = memoryStore()
        const program = randomProgram(shape)
        const { outcome, journal } = await run(store, program, world)
        const other = randomWorld(world + 1)
        expect((await replayRun(store, journal.run, flowOf(program, other))).output).toBe(outputOf(outcome))
        expect(other.executed).toEqual([])
      }),
      given(RUNS),
    ))

  it(
    '[R1][D1] after a crash at any prefix the record stands, nothing recorded executes again, and the resumed journal replays',
    () =>
      fc.assert(
        fc.asyncProperty(number, number, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 4 }), async (shape, world, cuts) => {
          const program = randomProgram(shape)
          const { journal } = await run(memoryStore(), program, world)
          for (const cut of cuts) {
            const length = 1 + Math.floor(cut * (journal.entries.length - 1))
            const resumed = await survivesCrash(program, journal, length, world + length, memoryStore)
            const later = length + Math.floor(cut * (resumed.journal.entries.length - length))
            await survivesCrash(program, resumed.journal, Math.max(1, Math.min(later, resumed.journal.entries.length - 1)), world + later + 1, memoryStore)
          }
        }),
        given(RUNS),
      ),
    60_000 + RUNS * 200,
  )

  it('[R1] a small flow survives a crash at every prefix', async () => {
    const program = randomProgram(4711)
    const { journal } = await run(memoryStore(), program, 1)
    expect(journal.entries.length).toBeGreaterThan(10)
    for (let length = 1; length < journal.entries.length; length++) await survivesCrash(program, journal, length, length, memoryStore)
  })

  it('[R1] a flow without races gives the output of the uncrashed run, wherever it crashed', () =>
    fc.assert(
      fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, cut) => {
        const program = randomProgram(shape, { races: false })
        const o = { pure: true, ordered: false }
        const { outcome, journal } = await run(memoryStore(), program, world, o)
        const length = 1 + Math.floor(cut * (journal.entries.length - 2))
        const resumed = await resumeRun(await seedJournal(journal, length), flowOf(program, randomWorld(world + 1, o), o), journal.run)
        expect(outputOf(resumed.outcome)).toBe(outputOf(outcome))
      }),
      given(RUNS),
    ))

  describe('in a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-replay-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    let files = 0
    const file = (): JournalStore => sqliteStore(join(folder, `${++files}.db`), { durability: 'relaxed' })

    it('[R1][D1] a journal in SQLite survives crashes and replays like one in memory', () =>
      fc.assert(
        fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, cut) => {
          const program = randomProgram(shape)
          const { journal } = await run(file(), program, world)
          await survivesCrash(program, journal, 1 + Math.floor(cut * (journal.entries.length - 1)), world + 1, file)
        }),
        given(Math.ceil(RUNS / 5)),
      ))
  })
})

describe('random changes to the code of a run under way', () => {
  const tally: Record<string, number> = {}
  const count = (change: Change, what: string): void => {
    tally[`${change}: ${what}`] = (tally[`${change}: ${what}`] ?? 0) + 1
  }

  it.each(changes)(
    '[R5] %s: either the run stops before anything executes, both sides named, or old and new record together are what the changed code replays',
    (change) =>
      fc.assert(
        fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, cut) => {
          const program = randomProgram(shape)
          const other = changed(program, change, world)
          fc.pre(other !== undefined)
          const { journal } = await run(memoryStore(), program, world)
          const length = Math.ceil((0.5 + cut / 2) * (journal.entries.length - 1))
          const second = randomWorld(world + 1)
          const store = await seedJournal(journal, length)
          const { outcome, journal: after } = await resumeRun(store, flowOf(other, second), journal.run, { patienceMs: 40 })
          if (outcome.status === 'completed') {
            count(change, second.executed.length === 0 ? 'no effect on the record' : 'beyond the record')
            expect(executedAgain(second, journal, length)).toEqual([])
            expect(after.entries.slice(0, length)).toEqual(journal.entries.slice(0, length))
            const third = randomWorld(world + 2)
            expect((await replayRun(store, journal.run, flowOf(other, third))).output).toBe(outcome.output)
            expect(third.executed).toEqual([])
          } else {
            count(change, 'diverged')
            expect(outcome).toMatchObject({ error: { code: 'JOURNAL_DIVERGED', data: { recorded: expect.any(String), asked: expect.any(String) } } })
            expect(second.executed).toEqual([])
            expect(after.entries.slice(length).map(({ type }) => type)).toEqual(['run.resumed', 'run.suspended'])
          }
        }),
        given(Math.ceil(RUNS / 2)),
      ),
  )

  it('[R5] most changes of a recorded part are found', () => {
    const of = (what: string): number => Object.entries(tally).reduce((sum, [name, n]) => sum + (name.endsWith(what) ? n : 0), 0)
    expect(of('diverged')).toBeGreaterThan(of('no effect on the record'))
  })
})
