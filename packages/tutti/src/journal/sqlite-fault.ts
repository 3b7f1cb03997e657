/** What a failure of SQLite, or of the file system under it, means for whoever reads or writes a journal. */
import { statSync } from 'node:fs'
import { type KnownErrorCode, TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'

/** Primary result codes: https://www.sqlite.org/rescode.html */
const codeOf: Readonly<Record<number, readonly [KnownErrorCode, string]>> = {
  3: ['JOURNAL_UNWRITABLE', 'may not be used'],
  5: ['JOURNAL_LOCKED', 'is held by another process'],
  6: ['JOURNAL_LOCKED', 'is held by another process'],
  8: ['JOURNAL_UNWRITABLE', 'is read-only'],
  10: ['JOURNAL_UNWRITABLE', 'met an error of the disk'],
  11: ['JOURNAL_CORRUPT', 'is damaged'],
  13: ['JOURNAL_UNWRITABLE', 'found no space left'],
  14: ['JOURNAL_UNWRITABLE', 'cannot be opened'],
  19: ['JOURNAL_CORRUPT', 'breaks a rule of its own tables'],
  20: ['JOURNAL_CORRUPT', 'breaks a rule of its own tables'],
  26: ['JOURNAL_CORRUPT', 'is not a database'],
}

const notOurTables = /no such (table|column)|has no column|already exists|malformed/

/** The error to raise for `cause`; one that is neither of SQLite nor of the file system is a bug and stays what it is. */
export function faultOf(cause: unknown, path: string): unknown {
  if (TuttiError.is(cause) || !(cause instanceof Error)) return cause
  if (cause instanceof SyntaxError)
    return new TuttiError('JOURNAL_CORRUPT', `the journal '${path}' holds a line that is not JSON: ${cause.message}`, { data: { path }, cause })
  const { errcode, syscall, code: nodeCode } = cause as { errcode?: number; syscall?: string; code?: string }
  if (nodeCode === 'ERR_OUT_OF_RANGE' || (errcode === 1 && notOurTables.test(cause.message)))
    return new TuttiError('JOURNAL_CORRUPT', `the journal '${path}' holds what tutti never writes: ${cause.message}`, { data: { path }, cause })
  if (errcode === undefined && syscall === undefined) return cause
  if (isFolder(path))
    return new TuttiError('JOURNAL_UNWRITABLE', `the journal '${path}' is a folder`, {
      data: { path },
      hint: "Name a file in it: sqlite('runs/tutti.db').",
      cause,
    })
  const hint = errcode !== undefined && (errcode & 0xff) === 26 ? 'Restore the file from a backup; where it never was a journal, name another path.' : undefined
  const [code, says] = (errcode === undefined ? undefined : codeOf[errcode & 0xff]) ?? ['JOURNAL_UNWRITABLE', 'cannot be written']
  return new TuttiError(code, `the journal '${path}' ${says}: ${cause.message}`, { data: { path, errcode: errcode ?? null }, hint, cause })
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** An error of the file, met while reading this run: it says of which. */
export function inRun(run: RunId, error: unknown): unknown {
  if (!TuttiError.is(error, 'JOURNAL_CORRUPT')) return error
  const data = error.data as { readonly run?: string } | null
  if (data?.run !== undefined) return error
  return new TuttiError('JOURNAL_CORRUPT', `run '${run}' cannot be read: ${error.message}`, { data: { ...data, run }, hint: error.hint, cause: error })
}

/** Does it; a failure is raised as `faultOf` names it. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw faultOf(cause, path)
  }
}
