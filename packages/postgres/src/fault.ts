/** What a failure of Postgres, or of the way to it, means for whoever reads or writes a journal. */
import { type KnownErrorCode, TuttiError } from 'tutti/store'

/** SQLSTATE, or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const meanings: Readonly<Record<string, readonly [KnownErrorCode, string, string]>> = {
  '28': ['CONFIG_INVALID', 'does not let this user in', 'Correct the user and the password in the address (TUTTI_STORE).'],
  '3D000': ['CONFIG_INVALID', 'has no such database', 'Create it: createdb NAME. The tables in it are made at the first use.'],
  '42501': [
    'CONFIG_INVALID',
    'does not allow this user to do so',
    'Give the user CREATE on the database for the first use, and USAGE on the schema with all rights on its tables.',
  ],
  '42P01': ['JOURNAL_CORRUPT', 'lacks a table of tutti', 'Somebody removed it: restore it from a backup, or name another schema.'],
  '42703': ['JOURNAL_CORRUPT', 'lacks a column of tutti', 'Somebody changed its tables: restore them from a backup, or name another schema.'],
  '53100': ['JOURNAL_UNWRITABLE', 'found no space left', 'Free space on its disk, then resume the run.'],
  '53300': ['JOURNAL_UNWRITABLE', 'has no connection left', 'Raise max_connections there, or lower `connections` of each process.'],
  '25006': ['JOURNAL_UNWRITABLE', 'is read-only', 'Name the primary and not a standby.'],
  '55P03': ['JOURNAL_LOCKED', 'holds a lock for longer than tutti waits', 'Wait until the other transaction has ended, then try again.'],
  '57014': ['JOURNAL_LOCKED', 'broke off a statement that took too long', 'Look for locks in pg_stat_activity, then try again.'],
}

/** The server, or the way to it, may be back in a moment. */
const passing = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', '57P01', '57P02', '57P03', '53300'])
/** The transaction was rolled back because of another one: nothing was written, and once more will do. */
const collided = new Set(['40001', '40P01', '23503'])
const lost = /^Connection terminated|^Client (was closed|has encountered a connection error)|timeout exceeded when trying to connect/

interface Failure extends Error {
  readonly code?: string
  readonly errors?: readonly Failure[]
}

/** How a failure is to be met. `lost`: what was asked may have been done. */
export function kindOf(error: unknown): 'collided' | 'lost' | 'final' {
  const { code = '', message } = firstOf(error)
  if (collided.has(code)) return 'collided'
  return passing.has(code) || code.startsWith('08') || lost.test(message) ? 'lost' : 'final'
}

/** The error to raise for `cause`; one that is not of Postgres is a bug and stays what it is. @param place where the database is, without its password */
export function faultOf(cause: unknown, place: string): unknown {
  if (TuttiError.is(cause) || !(cause instanceof Error)) return cause
  const { code = '', message } = firstOf(cause)
  // A name that nobody knows may be one of a machine that is not there yet; nobody but a worker waits for that.
  if (kindOf(cause) !== 'final' || code === 'ENOTFOUND')
    return new TuttiError('JOURNAL_UNWRITABLE', `Postgres at ${place} cannot be reached: ${message || code}`, {
      data: { place, code },
      disposition: 'retryable',
      hint: 'Is it running, and is this its address (TUTTI_STORE)? Nothing that was acknowledged is lost: resume the run once it is back.',
      cause,
    })
  if (!isSqlState(code)) return cause
  const [as, says, hint] = meanings[code] ?? meanings[code.slice(0, 2)] ?? ['JOURNAL_UNWRITABLE', 'refused what was asked', undefined]
  return new TuttiError(as, `Postgres at ${place} ${says}: ${message}`, { data: { place, code }, hint, cause })
}

/** Several addresses of one host fail together. */
const firstOf = (error: unknown): Failure => ((error as Failure).errors?.[0] ?? error) as Failure

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code)
