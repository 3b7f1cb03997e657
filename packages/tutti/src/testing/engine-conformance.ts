/**
 * What every engine must stand, as a suite for vitest: the failures that a durable run may meet, by number, each with real processes that are really killed or stopped.
 *
 * ```ts
 * engineConformance('embedded over SQLite', { make: async () => place })
 * ```
 * A sample by default, with the seed that is in the titles; `SEED=…` repeats it (timing is the machine's, so it repeats the plan, not each moment), `KILLS=100` kills so
 * often, `FAILPOINTS=all` at every place that is passed, `BULK=10000` records so many steps.
 */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { atFailpoints, atRandomMoments, diskFull, serversDie, withinBudget } from './engine-crashes.ts'
import { Crew, type EngineTest } from './engine-crew.ts'
import { ageing, cancelling, clockJumps, divergence, fencing, sameJournal, signals, streaming, wholeSize } from './engine-failures.ts'
import type { EnginePlace, EngineSetup } from './engine-place.ts'

interface Failure {
  readonly number: number
  readonly ids: string
  readonly title: string
  /** Left out: it is shown without processes. */
  readonly test?: (of: EngineTest) => Promise<void>
}

const failures: readonly Failure[] = [
  {
    number: 1,
    ids: '[R1]',
    title: 'a worker killed at a boundary between two durable facts: nothing recorded is done again, at most one effect a branch',
    test: atFailpoints,
  },
  { number: 2, ids: '[R1]', title: 'the servers under it lose their power: nothing acknowledged is lost, nothing recorded is done again', test: serversDie },
  {
    number: 3,
    ids: '[R9]',
    title: 'no room on the disk of the journal: it is said, nothing acknowledged is lost, and all goes on once there is room',
    test: diskFull,
  },
  { number: 4, ids: '[R6]', title: 'a worker that stood still past its lease goes on: what it says is not heard, and it begins nothing more', test: fencing },
  {
    number: 5,
    ids: '[R1]',
    title: 'random flows killed at random moments: what was recorded stays, none of it is done again, a replay gives what the run gave',
    test: atRandomMoments,
  },
  {
    number: 6,
    ids: '[R5]',
    title: 'a step renamed, reordered, put in between or asked otherwise stops its run by name before anything is done',
    test: divergence,
  },
  { number: 7, ids: '[R4]', title: 'early and repeated signals, one that races its timeout, one start twice, another start under its id', test: signals },
  { number: 8, ids: '[R8]', title: 'cancelled at every boundary, and its undoing killed: all that was done is undone, once, the last first', test: cancelling },
  { number: 9, ids: '[R3]', title: 'very long sleeps, and clocks that jump while a run sleeps', test: clockJumps },
  { number: 10, ids: '[R5]', title: 'a run of an old version waits for code that knows it, and is carried over by code that says how', test: ageing },
  { number: 11, ids: '[M7] [S1]', title: 'a reader in another process across a crash: nothing lost, nothing doubled without a mark', test: streaming },
  { number: 12, ids: '[B2]', title: 'no budget is passed across crashes, and every call that went out is counted', test: withinBudget },
  { number: 13, ids: '[R9]', title: 'a run with a large journal is resumed in linear time and memory', test: wholeSize },
  { number: 14, ids: '[R11]', title: 'the same flows leave the same journal as over the store in memory', test: sameJournal },
  { number: 15, ids: '[D6]', title: 'a seeded simulation with a virtual clock and a store that fails' },
]

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** @param ids of the features that the set-up proves */
export function engineConformance(name: string, ids: string, { make, apart = {} }: EngineSetup): void {
  describe(`engine: ${name}`, () => {
    let place: EnginePlace | undefined
    let names = 0
    beforeAll(async () => {
      place = await make()
    }, 120_000)
    afterAll(() => place?.stop(), 60_000)
    for (const { number, ids: proves, title, test } of failures) {
      const why = apart[number]
      it.skipIf(why !== undefined || !test)(
        `${`${ids} `.trimStart()}${proves} failure ${number}: ${title} (${why ?? `seed ${SEED}`})`,
        async () => {
          const here = place as EnginePlace
          const named = (flow: string): string => `${flow}-${SEED}-${process.pid}-${++names}`
          await test?.({ place: here, crew: new Crew(here, SEED), seed: SEED, named })
        },
        300_000 + Number(process.env.KILLS ?? 0) * 3_000,
      )
    }
  })
}
