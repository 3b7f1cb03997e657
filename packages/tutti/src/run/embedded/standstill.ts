/**
 * Whether a run that somebody takes up goes on, or stands still until a person says otherwise: a reading of its record and its inbox.
 *
 * A run that was paused, that diverged or that crashes again and again waits for a person: neither a restart nor a timer nor a signal moves it. A person
 * may say that it goes on (`asked`), or that it is cancelled; then its end is recorded before anything of it could begin.
 */
import type { Entry, InboxMessage } from '../../journal/index.ts'
import type { Draft } from './draft.ts'

export interface NextStand {
  readonly goesOn: boolean
  /** What is recorded of it, after `run.resumed` when it goes on. */
  readonly drafts: readonly Draft[]
  /** The messages that these answer. */
  readonly taken: readonly string[]
}

export function nextStand(record: readonly Entry[], inbox: readonly InboxMessage[], asked: boolean): NextStand {
  const cancels = inbox.filter((message) => message.type === 'cancel')
  const pauses = inbox.filter((message) => message.type === 'pause')
  const taken = [...pauses, ...cancels].map(({ id }) => id)
  const [cancel] = cancels
  if (cancel) return { goesOn: true, drafts: [{ type: 'run.cancelling', reason: cancel.reason }], taken }
  if (asked) return { goesOn: true, drafts: [], taken }
  const [pause] = pauses
  if (pause) return { goesOn: false, drafts: [{ type: 'run.suspended', why: 'paused', reason: pause.reason }], taken }
  return { goesOn: !standsStill(record), drafts: [], taken }
}

/** It was cancelled since it diverged, or since it was found to crash again and again: it cannot go on, and nobody wants it to. */
export function isGivenUp(record: readonly Entry[]): Extract<Entry, { type: 'run.cancelling' }> | undefined {
  const broke = record.findLastIndex((entry) => entry.type === 'run.suspended' && (entry.why === 'diverged' || entry.why === 'crash-loop'))
  const carriedOver = record.findLastIndex((entry) => entry.type === 'run.patched' && entry.to !== undefined)
  return broke < 0 || broke < carriedOver ? undefined : record.slice(broke).find((entry) => entry.type === 'run.cancelling')
}

function standsStill(record: readonly Entry[]): boolean {
  const last = record.findLast(({ type }) => type === 'run.suspended' || type === 'run.resumed')
  return last?.type === 'run.suspended' && last.why !== 'waiting' && last.why !== 'drain'
}
