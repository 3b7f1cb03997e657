/** Runs driven to their next rest by an engine of their own, which is closed afterwards: what one process does with a store. */
import type { JournalStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle, type EmbeddedOptions, type RunOutcome, type StartOptions } from '../run/index.ts'
import { type Journal, journalOf } from './failpoint-store.ts'

export interface Driven {
  readonly outcome: RunOutcome<unknown>
  readonly journal: Journal
}
type DriveOptions = Partial<Omit<EmbeddedOptions, 'store' | 'flows'>>

/** Starts a run and drives it to its next rest. */
export function startRun(
  store: JournalStore,
  flow: AnyFlow,
  input: unknown,
  { start, ...options }: DriveOptions & { readonly start?: StartOptions } = {},
): Promise<Driven> {
  return drive(store, flow, options, (engine) => engine.start(flow, input, start))
}

/** Goes on with a run that an earlier engine left, to its next rest. */
export function resumeRun(store: JournalStore, flow: AnyFlow, run: RunId, options: DriveOptions = {}): Promise<Driven> {
  return drive(store, flow, options, async (engine) => {
    await engine.activate(run)
    return run
  })
}

async function drive(store: JournalStore, flow: AnyFlow, options: DriveOptions, begin: (engine: EmbeddedEngine) => Promise<RunId>): Promise<Driven> {
  const engine = new EmbeddedEngine({ store, flows: [flow], resume: false, ...options })
  try {
    const run = await begin(engine)
    const outcome = await new EmbeddedHandle(engine, run).outcome()
    return { outcome, journal: await journalOf(store, run) }
  } finally {
    await engine.close({ graceMs: 0 })
  }
}
