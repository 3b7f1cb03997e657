/** What the caller of a run holds. Types only. */
import type { Budget, Usage } from '../budget/index.ts'
import type { TuttiError } from '../errors/index.ts'
import type { Duration, Json, RunId, Scope } from '../primitives/index.ts'
import type { Signal } from './definition.port.ts'

type Leaf = null | undefined | boolean | number | string | bigint | Date | Uint8Array
export type DeepPartial<T> = T extends Leaf
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepPartial<E>[]
    : { [K in keyof T]?: DeepPartial<T[K]> | undefined }

/** What a watcher of a run sees. `seq` is the entry it stands for, or the last one before it; parts of a step under way are provisional. */
export type RunEvent<O = unknown> =
  /** Watched before it began: `position` 1 is the next of the `queued` runs of its flow. */
  | { type: 'run.queued'; seq: number; position: number; queued: number }
  | { type: 'step.started' | 'step.completed' | 'step.failed'; seq: number; key: string; name: string; ms?: number; usd?: number }
  /** The run ends otherwise than well, and takes a step back; `error`: it could not. */
  | { type: 'step.undone'; seq: number; key: string; name: string; error?: TuttiError }
  | { type: 'text.delta'; seq: number; key: string; text: string }
  /** What the model thinks aloud, where its provider shows it. */
  | { type: 'reasoning.delta'; seq: number; key: string; text: string }
  /** The arguments of a tool call while they are written: JSON text, piece by piece. */
  | { type: 'tool.input'; seq: number; key: string; tool: string; text: string }
  /** All that was shown for this step so far (text, reasoning, arguments, partial outputs) is void: another attempt begins. */
  | { type: 'text.reset'; seq: number; key: string }
  /** A tool says how far it is: `progress` of `total`, where it knows it. */
  | { type: 'step.progress'; seq: number; key: string; progress: number; total?: number; message?: string }
  /** The output as far as it is written: each takes the place of the one before. */
  | { type: 'output.partial'; seq: number; key: string; partial: DeepPartial<O> }
  | { type: 'signal.awaited'; seq: number; key: string; signal: string; data?: Json }
  /** What was sent does not fit the schema of the wait; the run waits on. */
  | { type: 'signal.refused'; seq: number; key: string; signal: string; id: string; error: TuttiError }
  | { type: 'custom'; seq: number; key: string; name: string; data: Json }
  | { type: 'run.completed'; seq: number; output: O; usage: Usage }
  | { type: 'run.failed'; seq: number; error: TuttiError }

/** What becomes of a signal that is sent. */
export type Reception = 'delivered' | 'early' | 'duplicate' | 'late'

/** Where a run stands when it rests. */
export type RunOutcome<O> =
  /** Not begun: `position` 1 is the next of the `queued` runs of its flow. */
  | { status: 'queued'; position: number; queued: number; usage: Usage }
  | { status: 'completed'; output: O; usage: Usage }
  | { status: 'waiting'; for: readonly { signal: string; key: string; until?: Date; data?: Json }[]; usage: Usage }
  /** Until a person goes on with it or cancels it. */
  | { status: 'paused'; reason: string; usage: Usage }
  | { status: 'failed' | 'cancelled'; error: TuttiError; partial: unknown; usage: Usage }

export interface RunHandle<O> {
  readonly id: RunId
  /** Everything since entry `after` (default: from the beginning), then live, until the run ends. */
  events(o?: { after?: number }): AsyncIterable<RunEvent<O>>
  /**
   * The text that is shown to a person, each piece once. An answer that is begun again is told from where it stopped; @throws RUN_TEXT_RESET when it reads otherwise
   * (`events` marks what is void).
   */
  text(): AsyncIterable<string>
  /** To the end, however long, past every wait and pause; throws what the run failed with. */
  result(): Promise<{ output: O; usage: Usage; id: RunId }>
  /** To the next rest: completed, failed, cancelled or waiting. Never throws. */
  outcome(): Promise<RunOutcome<O>>
  /**
   * `delivered`: a wait is open for it. `early`: none is, and it is kept for the first that comes. `duplicate`: this `id` was sent before. `late`: the wait at `key` is
   * over, and nothing was sent. A run that is paused or stopped has what it was sent once it goes on. @throws RUN_FINISHED | RUN_INPUT_INVALID
   */
  // biome-ignore lint/suspicious/noExplicitAny: what comes out of the signal does not matter to the sender
  send<I>(signal: Signal<I, any>, value: NoInfer<I>, o?: { key?: string; id?: string }): Promise<Reception>
  /** Raises the limits of the run's budget. */
  grant(more: Budget): Promise<void>
  cancel(reason?: string): Promise<void>
  /**
   * Nothing new begins; what is under way finishes and is recorded, and then the run stands still: no restart, timer or signal moves it. Its deadline keeps running.
   * Resolves once the request is durable; `outcome()` tells when it stands. One that stands still already is left as it is. @throws RUN_FINISHED
   */
  pause(reason?: string): Promise<void>
  /**
   * Goes on with a run that was paused, that diverged or that crashed again and again. One that is under way, or has ended, is left as it is: `outcome()` says how it
   * ended. @throws CONFIG_FLOW_UNKNOWN | RUN_VERSION_MISMATCH | RUN_BUSY
   */
  resume(): Promise<void>
}

export interface StartOptions {
  /** Makes the start idempotent: the same id, flow and input is the same run. Default: a new id. */
  id?: string | undefined
  budget?: Budget | undefined
  deadline?: Duration | Date | undefined
  labels?: Record<string, string> | undefined
  scope?: Partial<Scope> | undefined
  /** In the queue of its flow: a whole number, higher goes first. Default 0. */
  priority?: number | undefined
}
