/** Flows that book things and can undo it, for the tests of compensation: the world hears of what was booked and of what was undone. */
import type { Entry } from '../journal/index.ts'
import type { Flow, Run, StepContext, StepOptions } from '../run/index.ts'
import { type Journal, journalOf } from './failpoint-store.ts'
import { type SimulatedClock, simulatedClock } from './simulated-clock.ts'
import { lineOf, testEngine } from './test-engine.ts'

export type BookOptions = StepOptions<string, string>

/** A step that books `what` and can be undone. */
export const book = (run: Run, world: string[], what: string, o: BookOptions = {}, work: (ctx: StepContext) => unknown = () => {}): Promise<string> =>
  run.step(
    what,
    what,
    async (input, ctx) => {
      await work(ctx)
      world.push(`book ${input}`)
      return `${input}!`
    },
    { undo: (output, input) => void world.push(`undo ${input} ${output}`), ...o },
  )

export const failsWith = (message: string) => (): never => {
  throw new Error(message)
}

export const compensations = (entries: readonly Entry[]): readonly string[] => entries.filter(({ type }) => type === 'step.compensated').map(lineOf)

/** Drives a run to its end, through an hour if need be. */
export async function ranOut(desk: Flow<null, void>, clock: SimulatedClock = simulatedClock()) {
  const engine = testEngine([desk], { clock })
  const handle = await engine.start(desk, null)
  const ending = handle.outcome()
  await clock.advance('1h')
  const outcome = await ending
  const journal: Journal = await journalOf(engine.store, handle.id)
  return { ...engine, handle, outcome, journal }
}
