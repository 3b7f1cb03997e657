/**
 * The one error class. Recognised across copies of the package by a `Symbol.for` brand, never by `instanceof`;
 * JSON-safe, so that an error recorded in a journal is rebuilt by its code.
 */
import { catalogue, type Disposition, type ErrorCode } from './catalogue.ts'
import { sayThrown } from './thrown.ts'

const brand = Symbol.for('tutti.error')

export type ErrorData = null | boolean | number | string | readonly ErrorData[] | { readonly [key: string]: ErrorData }

/** What a journal keeps of an error. */
export interface ErrorRecord {
  readonly code: string
  readonly message: string
  readonly disposition?: Disposition | undefined
  readonly data?: ErrorData | undefined
  readonly hint?: string | undefined
}

export interface ErrorDetail {
  /** Values that explain the error; JSON only. Default `null`. */
  data?: ErrorData | undefined
  /** Default: the hint of the code in the catalogue. */
  hint?: string | undefined
  cause?: unknown
  /** Default: the disposition of the code in the catalogue, or `terminal`. */
  disposition?: Disposition | undefined
}

/** An error of tutti: what happened (`message`), what it means (`code`, `disposition`), with which values (`data`), what to do (`hint`). */
export class TuttiError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly disposition: Disposition
  readonly data: ErrorData
  readonly hint: string
  /** Of what `result()` throws: what the run had gathered when it failed. */
  declare partial?: unknown

  constructor(code: C, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    const known = Object.hasOwn(catalogue, code) ? catalogue[code as keyof typeof catalogue] : undefined
    this.name = 'TuttiError'
    this.code = code
    this.disposition = detail.disposition ?? known?.disposition ?? 'terminal'
    this.data = detail.data ?? null
    this.hint = detail.hint ?? known?.hint ?? ''
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for an error of any copy of tutti, with this code when one is given. */
  static is(error: unknown): error is TuttiError
  static is<C extends ErrorCode>(error: unknown, code: C): error is TuttiError<C>
  static is(error: unknown, code?: string): boolean {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false
    return code === undefined || (error as unknown as TuttiError).code === code
  }

  toJSON(): ErrorRecord {
    return recordError(this)
  }
}

/**
 * What a `once` step or tool throws when its effect certainly did not happen: it failed, and is not in doubt.
 * @example if (response.status === 402) throw notDone('the card was declined')
 */
export const notDone = (message: string, detail?: ErrorDetail): TuttiError<'TOOL_NOT_DONE'> => new TuttiError('TOOL_NOT_DONE', message, detail)

/** The part of an error that a journal keeps. A foreign error keeps its name and message in `data`. */
export function recordError(error: unknown, foreignCode: ErrorCode = 'RUN_STEP_FAILED'): ErrorRecord {
  if (TuttiError.is(error)) {
    const { code, message, disposition, data, hint } = error
    return { code, message, disposition, ...(data === null ? {} : { data }), ...(hint === hintOf(code) ? {} : { hint }) }
  }
  const { name, message } = sayThrown(error)
  return { code: foreignCode, message, data: { name, message } }
}

/** The error that a record stands for: the same live and on replay. */
export function rebuildError(record: ErrorRecord): TuttiError {
  return new TuttiError(record.code, record.message, { data: record.data, hint: record.hint, disposition: record.disposition })
}

function hintOf(code: string): string | undefined {
  return Object.hasOwn(catalogue, code) ? catalogue[code as keyof typeof catalogue].hint : undefined
}
