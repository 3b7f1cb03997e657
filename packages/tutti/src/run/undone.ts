/** What the journal says of undoing the steps of a run that ended otherwise than well. A reading: the same live, after a crash and on replay. */
import { type ErrorData, type ErrorRecord, TuttiError } from '../errors/index.ts'
import type { Entry, EntryOf, NotUndone } from '../journal/index.ts'
import type { RunResult } from './engine.port.ts'

const HINT = "Undo by hand what 'data.notUndone' names, once you know that it happened; `tutti show` has every attempt."

/** A message names so many; `data` holds all. */
const NAMED = 5

/** The last word on undoing a step: what came before it was tried again. */
export const isLastWord = (entry: Entry): entry is EntryOf<'step.compensated'> => entry.type === 'step.compensated' && entry.final !== false

/** What could not be undone, in the order in which it was tried. */
export function notUndoneIn(entries: Iterable<Entry>): readonly NotUndone[] {
  const left: NotUndone[] = []
  for (const entry of entries) if (isLastWord(entry) && entry.error) left.push({ key: entry.key, error: entry.error })
  return left
}

/** How a run ends, with what could not be undone named in it. */
export function withNotUndone(result: RunResult, notUndone: readonly NotUndone[]): RunResult {
  if (notUndone.length === 0 || result.status === 'completed') return result
  if (result.status === 'cancelled') return { ...result, notUndone }
  const { error } = result
  const message = `${error.message}; ${sayNotUndone(notUndone)}`
  return { ...result, error: { ...error, message, data: beside(error.data, notUndone), hint: error.hint ? `${error.hint} ${HINT}` : HINT } }
}

/** The error of a cancelled run. */
export function cancellation({ reason, notUndone = [] }: Pick<EntryOf<'run.cancelled'>, 'reason' | 'notUndone'>): TuttiError<'RUN_CANCELLED'> {
  if (notUndone.length === 0) return new TuttiError('RUN_CANCELLED', reason)
  return new TuttiError('RUN_CANCELLED', `${reason}; ${sayNotUndone(notUndone)}`, { data: beside(undefined, notUndone), hint: HINT })
}

const sayNotUndone = (notUndone: readonly NotUndone[]): string =>
  `could not be undone: ${notUndone
    .slice(0, NAMED)
    .map(({ key, error }) => `'${key}' (${error.code}: ${error.message})`)
    .join(', ')}${notUndone.length > NAMED ? ` and ${notUndone.length - NAMED} more` : ''}`

function beside(data: ErrorRecord['data'], notUndone: readonly NotUndone[]): ErrorData {
  const named = notUndone.map(({ key, error: { code, message } }) => ({ key, code, message }))
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return { ...data, notUndone: named }
  return data === undefined || data === null ? { notUndone: named } : { data, notUndone: named }
}
