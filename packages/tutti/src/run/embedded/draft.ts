/** Entries as they are written: the activation adds `seq` and `time`; what is left undefined is not written. */
import type { Usage } from '../../budget/index.ts'
import { type Blobs, type Entry, INLINE_BYTES, splitValue, type Value } from '../../journal/index.ts'
import type { Json } from '../../primitives/index.ts'
import type { NoteOp, RunResult, TimerOp, WaitOp } from '../engine.port.ts'

/** An entry as it is written; the activation adds `seq` and `time`. */
export type Draft = Entry extends infer E ? (E extends Entry ? Omit<E, 'seq' | 'time'> : never) : never

/** A value as its entry holds it, and beside it what was too large to stay there. */
export interface Split {
  readonly value: Value
  readonly blobs: Blobs | undefined
}

export function split(json: Json): Split {
  if (roomAfter(json, INLINE_BYTES) >= 0) return { value: json, blobs: undefined }
  const { value, blob } = splitValue(json)
  return { value, blobs: blob && new Map([blob]) }
}

/** Characters up to which it is not looked what a text says. */
const SHORT = 16
/** What JSON writes as it is. */
const plain = /^[ !#-[\]-~]*$/

/**
 * Of so many bytes, how many the text of a value leaves at least; negative when it may be too long, or may be taken for a reference. Most values are
 * small, and this tells so for a third of what writing them out would cost. A UTF-16 unit is at most 6 bytes of JSON, a number at most 24.
 */
function roomAfter(json: Json, room: number): number {
  if (typeof json === 'string') return room - (json.length > SHORT && plain.test(json) ? 1 : 6) * json.length - 3
  if (json === null || typeof json !== 'object') return room - 25
  let left = room - 2
  if (Array.isArray(json)) {
    for (let i = 0; i < json.length && left >= 0; i++) left = roomAfter(json[i] as Json, left)
    return left
  }
  for (const key in json) {
    if (key === '~blob') return -1
    left = roomAfter((json as { readonly [key: string]: Json })[key] as Json, left - (isWord(key) ? 1 : 6) * key.length - 3)
    if (left < 0) return left
  }
  return left
}

/** As most keys are: letters and digits, which JSON writes as they are. */
function isWord(key: string): boolean {
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit < 48 || unit > 122 || unit === 92) return false
  }
  return true
}

/** How a run ends in its journal. */
export function terminalDraft(result: RunResult, usage: Usage): { readonly draft: Draft; readonly blobs: Blobs | undefined } {
  switch (result.status) {
    case 'completed': {
      const { value: output, blobs } = split(result.output)
      return { draft: { type: 'run.completed', output, usage }, blobs }
    }
    case 'failed': {
      const { error } = result
      if (result.partial === undefined) return { draft: { type: 'run.failed', error, usage }, blobs: undefined }
      const { value: partial, blobs } = split(result.partial)
      return { draft: { type: 'run.failed', error, partial, usage }, blobs }
    }
    case 'cancelled':
      return { draft: { type: 'run.cancelled', reason: result.reason, usage, notUndone: result.notUndone }, blobs: undefined }
  }
}

export const timerDraft = ({ key, at, fingerprint, fireAt }: TimerOp): Draft => ({ type: 'timer.set', key, at, fingerprint, fireAt })

export const waitDraft = ({ key, at, fingerprint, signal, until, data }: WaitOp): Draft => ({
  type: 'signal.awaited',
  key,
  at,
  fingerprint,
  signal,
  until,
  data,
})

export function noteDraft({ key, at, fingerprint, name, text, data: json }: NoteOp): { readonly draft: Draft; readonly blobs: Blobs | undefined } {
  const { value: data, blobs } = json === undefined ? { value: undefined, blobs: undefined } : split(json)
  return { draft: { type: 'note', key, at, fingerprint, name, text, data }, blobs }
}

/** An attempt made again, because a process took the one before with it, gets a run no further. */
export function goesFurther(draft: Draft): boolean {
  if (draft.type === 'step.started') return draft.attempt === 1
  return !(draft.type === 'step.failed' && draft.error.code === 'ATTEMPT_LOST')
}
