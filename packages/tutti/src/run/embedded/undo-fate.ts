/** What became of the steps of a run that can be undone, as its journal tells it. A reading. */
import { type ErrorRecord, TuttiError } from '../../errors/index.ts'
import type { Entry, NotUndone, Value } from '../../journal/index.ts'
import { worksIn } from '../carried-works.ts'
import type { EffectOp, RunResult } from '../engine.port.ts'
import { isLastWord, notUndoneIn, withNotUndone } from '../undone.ts'
import type { Draft } from './draft.ts'
import { forkOf } from './seed.ts'
import { isGivenUp } from './standstill.ts'

/** What the journal says of a step that can be undone. */
export interface Fate {
  /** Of the last entry that says how it went. */
  readonly seq: number
  /** It was begun, and nothing says how it went. */
  readonly open: boolean
  readonly done: { readonly value: Value } | undefined
  readonly error: ErrorRecord | undefined
  /** The last word on undoing it is said. */
  readonly spoken: boolean
  /** Attempts at undoing it. */
  readonly tries: number
  readonly retryAt: number | undefined
}

const untouched: Fate = { seq: 0, open: false, done: undefined, error: undefined, spoken: false, tries: 0, retryAt: undefined }

/** `undefined`: the entry says nothing of this. */
function fateAfter(fate: Fate, entry: Entry): Fate | undefined {
  const { seq } = entry
  switch (entry.type) {
    case 'step.started':
    case 'step.doubted':
      return { ...fate, seq, open: true, error: undefined }
    case 'step.completed':
      return { ...fate, seq, open: false, done: { value: entry.value } }
    case 'step.failed':
      return { ...fate, seq, open: false, error: entry.error }
    case 'step.resolved':
      return { ...fate, seq, open: false, done: entry.verdict === 'done' && entry.value !== undefined ? { value: entry.value } : undefined }
    case 'step.compensated':
      return { ...fate, spoken: isLastWord(entry), tries: entry.attempt ?? 1, retryAt: entry.retryAt }
    default:
      return undefined
  }
}

/**
 * It may have happened, and nobody can tell: it is open still, a process took it with it, or it stopped because it was told to.
 * @param abandoned nobody waited for its outcome when it came
 */
export function isUnknown({ open, error }: Fate, abandoned: boolean): boolean {
  return open || error?.code === 'ATTEMPT_LOST' || (abandoned && error !== undefined && isCutOff(error))
}

const isCutOff = ({ code, data }: ErrorRecord): boolean =>
  code === 'RUN_CANCELLED' || code === 'RUN_DEADLINE_EXCEEDED' || (data as { name?: unknown } | null | undefined)?.name === 'AbortError'

export const unknown = (key: string): ErrorRecord =>
  new TuttiError('RUN_UNDO_UNKNOWN', `'${key}' was under way when the run came to its end, and nobody knows whether it happened`).toJSON()

export const missing = (key: string): ErrorRecord =>
  new TuttiError(
    'RUN_UNDO_MISSING',
    `'${key}' was done by code that could undo it; the code that the run ended with has no undo for it, or did not come to ask for it`,
  ).toJSON()

/** Steps whose undo is known, by key. */
export type Undoable = ReadonlyMap<string, EffectOp>

/**
 * By key, of this run's own steps: what another run did, or a person put there, is left out; what an earlier version did of it is not.
 * @param record all of it
 * @param undoable those that say in their entries that they had one are added
 */
export function fatesIn(record: readonly Entry[], undoable: Undoable): ReadonlyMap<string, Fate> {
  const forked = forkOf(record)
  const fates = new Map<string, Fate>()
  for (const entry of worksIn(record, undoable)) {
    const key = 'key' in entry ? entry.key : undefined
    if (key === undefined || (key === forked?.at && forked.output !== undefined)) continue
    if (!undoable.has(key) && !fates.has(key) && !(entry.type === 'step.started' && entry.undo)) continue
    const fate = forked && 'reused' in entry && entry.reused ? untouched : fateAfter(fates.get(key) ?? untouched, entry)
    if (fate) fates.set(key, fate)
  }
  return fates
}

/** In the reverse order in which they came about. */
export const lastFirst = (fates: ReadonlyMap<string, Fate>): readonly (readonly [string, Fate])[] => [...fates].sort(([, a], [, b]) => b.seq - a.seq)

/** The end of a run that was cancelled after it broke: its code cannot be driven to undo its steps, so each has its last word here. `undefined`: it was not. */
export function givenUp(record: readonly Entry[]): { readonly before: readonly Draft[]; readonly result: RunResult } | undefined {
  const cancelled = isGivenUp(record)
  if (!cancelled) return undefined
  const left = lastFirst(fatesIn(record, new Map())).flatMap(([key, fate]): NotUndone[] => {
    const error = fate.done ? missing(key) : isUnknown(fate, true) ? unknown(key) : undefined
    return fate.spoken || !error ? [] : [{ key, error }]
  })
  return {
    before: left.map(({ key, error }) => ({ type: 'step.compensated', key, error })),
    result: withNotUndone({ status: 'cancelled', reason: cancelled.reason }, [...notUndoneIn(record), ...left]),
  }
}
