/**
 * Strict replay: runs a flow again from its journal, offline. Nothing executes and nothing is undone: an ask that the record does not answer is a divergence.
 */
import { rebuildError, TuttiError } from '../errors/index.ts'
import { type Entry, type EntryOf, isBlobRef, isTerminal, type JournalStore, type RunStarted, type Value } from '../journal/index.ts'
import { decode, type Json, type RunId, systemClock } from '../primitives/index.ts'
import { type BegunFlow, beginFlow } from './begin.ts'
import { carriedRecord } from './carried-record.ts'
import type { AnyFlow } from './definition.port.ts'
import type { Services } from './effect.port.ts'
import type { Activation, Op, RunResult } from './engine.port.ts'
import { Pump } from './pump.ts'
import { readRun } from './read-run.ts'
import { resultOf } from './result.ts'
import { cancellation, notUndoneIn, withNotUndone } from './undone.ts'

export interface Replayed {
  /** How the run ends, now as then. */
  readonly result: RunResult
  readonly entries: number
}

/**
 * @returns the output that the run would have now, from its record alone
 * @throws JOURNAL_DIVERGED when the code is not that of the record; RUN_NOT_FOUND; RUN_CANCELLED; what the run failed with
 */
export async function replayRun(store: JournalStore, run: RunId, flow: AnyFlow, services: Services = new Map()): Promise<{ output: unknown; entries: number }> {
  const { result, entries } = await replayToEnd(store, run, flow, services)
  if (result.status === 'cancelled') throw cancellation(result)
  if (result.status === 'failed') throw rebuildError(result.error)
  return { output: decode(result.output), entries }
}

/** As `replayRun`, but a run that failed or was cancelled, and does so again, is no error. @throws JOURNAL_DIVERGED | RUN_NOT_FOUND | RUN_BUSY */
export async function replayToEnd(store: JournalStore, run: RunId, flow: AnyFlow, services: Services = new Map()): Promise<Replayed> {
  const record = await readRun(store, run)
  const last = record.findLast(isTerminal)
  if (!last)
    throw new TuttiError('RUN_BUSY', `the run '${run}' has not ended, so there is no whole record to replay`, {
      hint: 'Wait for its end, or resume it.',
      data: { run },
    })
  const recorded = new RecordedRun(store, carriedRecord(record).present)
  const pump = new Pump(recorded, { clock: systemClock })
  const begun: BegunFlow = { run, flow, services, activation: recorded, pump }
  const now = withNotUndone(resultOf(await pump.drive(() => beginFlow(begun)), pump), notUndoneIn(record))
  const then = await recordedResult(recorded, last)
  if (whatCounts(now) !== whatCounts(then))
    throw new TuttiError('JOURNAL_DIVERGED', `the run '${run}' ended with another result than its journal holds`, {
      data: { recorded: whatCounts(then).slice(0, 500), asked: whatCounts(now).slice(0, 500) },
    })
  return { result: now, entries: record.length }
}

async function recordedResult(recorded: RecordedRun, last: EntryOf<'run.completed' | 'run.failed' | 'run.cancelled'>): Promise<RunResult> {
  if (last.type === 'run.completed') return { status: 'completed', output: await recorded.load(last.output) }
  if (last.type === 'run.failed') return { status: 'failed', error: last.error, partial: undefined }
  return { status: 'cancelled', reason: last.reason, notUndone: last.notUndone }
}

function whatCounts(result: RunResult): string {
  if (result.status === 'failed') return `failed: ${result.error.code}: ${result.error.message}`
  return result.status === 'cancelled' ? `cancelled: ${cancellation(result).message}` : JSON.stringify(result.output)
}

class RecordedRun implements Activation {
  readonly started: RunStarted & { readonly time: number }
  readonly record: readonly Entry[]
  readonly #store: JournalStore

  constructor(store: JournalStore, record: readonly Entry[]) {
    const first = record[0]
    if (first?.type !== 'run.started') throw new TuttiError('JOURNAL_CORRUPT', 'the journal does not begin with run.started')
    this.#store = store
    this.started = first
    this.record = record
  }
  submit(op: Op): void {
    throw new TuttiError('JOURNAL_DIVERGED', `the code asks for '${op.key}', which the journal does not hold`, {
      data: { recorded: '(nothing)', asked: op.key },
    })
  }
  abandon(): void {}
  isSent(): boolean {
    return false
  }
  next(): void {}
  load(value: Value): Json | Promise<Json> {
    if (!isBlobRef(value)) return value
    return this.#store.blob(value['~blob']).then((text) => JSON.parse(text) as Json)
  }
  openAccount(): void {}
  left(): Partial<Record<string, number>> {
    return {}
  }
  refusal(): undefined {}
  async end(_: RunResult): Promise<void> {}
  async stop(): Promise<void> {}
}
