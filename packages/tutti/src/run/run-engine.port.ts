/** What an app, a handle and a command ask of whatever drives runs: the embedded engine, or a client of an engine elsewhere. Types only. */
import type { Budget, StandingBudgets } from '../budget/index.ts'
import type { Entry, InboxMessage, JournalStore } from '../journal/index.ts'
import type { Clock, RunId } from '../primitives/index.ts'
import type { AnyFlow } from './definition.port.ts'
import type { Services } from './effect.port.ts'
import type { ForkRequest } from './embedded/fork.ts'
import type { Registry } from './embedded/registry.ts'
import type { Standing } from './embedded/standings.ts'
import type { StrandedRun } from './embedded/stranded.ts'
import type { WatchOptions } from './embedded/watchers.ts'
import type { Sighting } from './engine.port.ts'
import type { Reception, StartOptions } from './handle.port.ts'
import type { Schedule } from './schedule.ts'

export interface RunEngine {
  /** Where the journals of its runs are read. */
  readonly store: JournalStore
  readonly clock: Clock
  readonly registry: Registry
  /** What is seen of runs in this process, as it comes. */
  readonly feed: { watch(run: RunId, see: (sighting: Sighting) => void): () => void }
  readonly closed: boolean
  open(): Promise<void>
  /** What an entry that was shown names, also before the store has it. @throws JOURNAL_CORRUPT */
  blob(hash: string, run: RunId): Promise<string>
  /** Another engine over another store, with all else as it is here; it takes up nothing by itself. */
  beside(store: JournalStore): RunEngine
  start(flow: AnyFlow, input: unknown, o?: StartOptions): Promise<RunId>
  fork(from: RunId, flow: AnyFlow, o: ForkRequest): Promise<RunId>
  /** Goes on with a run because a person asks for it. */
  activate(run: RunId): Promise<void>
  /** Leaves a message for a run, whoever drives it. @throws RUN_NOT_FOUND | RUN_FINISHED */
  post(run: RunId, message: InboxMessage): Promise<Reception>
  pause(run: RunId, reason: string): Promise<void>
  grant(run: RunId, more: Budget): Promise<unknown>
  stranded(): Promise<readonly StrandedRun[]>
  /** Where a run stands, as far as this process knows without asking the store. */
  standing(run: RunId): Standing | undefined
  /** Calls `changed` when a run may stand elsewhere than before; with `progress` also when it got further. Returns how to stop. */
  watchStanding(run: RunId, changed: () => void, o?: WatchOptions): () => void
  /** Tells of every run that is driven here: `undefined` when it was let go. */
  watchStandings(see: SeeStanding): void
  close(o?: { graceMs?: number }): Promise<void>
}

export type SeeStanding = (run: RunId, standing: Standing | undefined, flow: string | undefined) => void

/** What an app gives the engine that it is run by. */
export interface EngineGround {
  readonly store: JournalStore
  readonly flows: readonly AnyFlow[]
  readonly schedules: readonly Schedule[]
  readonly clock: Clock | undefined
  /** False: this process starts and asks, and drives nothing. */
  readonly resume: boolean
  /** What accounts that outlive runs limit. */
  readonly budgets?: StandingBudgets | undefined
  servicesOf(run: RunId, record: readonly Entry[]): Services
}
