/** An error as a person reads it: what happened, then what to do. Never a stack, unless asked for. */
import { type ErrorRecord, sayThrown, TuttiError } from '../errors/index.ts'
import { type Paint, paintFor, printable } from './paint.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface SayErrorOptions {
  readonly json?: boolean | undefined
  readonly verbose?: boolean | undefined
}

/** On standard error; with `json`, one document on standard output, so that what is piped out can always be parsed. */
export function sayError(terminal: Terminal, error: unknown, o: SayErrorOptions): void {
  const record = recordOf(error)
  if (o.json) return printJson(terminal.out, { error: record })
  const paint = paintFor(terminal.err)
  for (const line of errorLines(record, paint)) printLine(terminal.err, line)
  if (o.verbose && error instanceof Error) printLine(terminal.err, paint('dim', printable(stackOf(error))))
  else if (!TuttiError.is(error)) printLine(terminal.err, '  This is a bug of tutti or of your code; --verbose shows where it happened.')
}

export function errorLines({ code, message, hint }: ErrorRecord, paint: Paint): string[] {
  const first = `${paint('red', 'error')} ${paint('bold', code)}: ${printable(message)}`
  return hint ? [first, `  ${printable(hint)}`] : [first]
}

/** The record of an error with its hint filled in. */
export function recordOf(error: unknown): ErrorRecord {
  if (TuttiError.is(error)) return { ...error.toJSON(), hint: error.hint }
  return { code: 'UNEXPECTED', message: sayThrown(error).message }
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
