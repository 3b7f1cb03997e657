/** What the process answers when it ends. Documented in `tutti --help` and docs/cli.md; scripts rely on it. */

export const exitCode = { done: 0, failed: 1, usage: 2, noAnswer: 3, limit: 4, store: 5, waiting: 6, interrupted: 130 } as const

export const exitCodeHelp = `
Exit codes:
  0    done
  1    the run failed or was cancelled; anything unexpected; a problem found by doctor
  2    the command could not be understood, or something it needs is missing (key, package, folder, run)
  3    no answer: the documents hold none, or a guardrail refused
  4    the next call did not fit the budget, or the deadline passed
  5    the journal or the index cannot be read or written
  6    the run waits for a person or a signal
  130  interrupted; \`tutti resume RUN\` goes on`

const byCode: Readonly<Record<string, number>> = {
  MODEL_NO_ANSWER: exitCode.noAnswer,
  MODEL_UNKNOWN: exitCode.usage,
  MODEL_PACKAGE_MISSING: exitCode.usage,
  MODEL_KEY_MISSING: exitCode.usage,
  RUN_NOT_FOUND: exitCode.usage,
  RUN_STEP_NOT_FOUND: exitCode.usage,
  RUN_INPUT_INVALID: exitCode.usage,
  RUN_FINISHED: exitCode.usage,
  RUN_ID_TAKEN: exitCode.usage,
  RUN_DEADLINE_EXCEEDED: exitCode.limit,
  RETRIEVAL_QUERY_TOO_LONG: exitCode.usage,
  RETRIEVAL_EMPTY: exitCode.usage,
  RETRIEVAL_UNREADABLE: exitCode.usage,
  RETRIEVAL_INDEX_UNUSABLE: exitCode.store,
  JOURNAL_DIVERGED: exitCode.failed,
}
const byFamily: Readonly<Record<string, number>> = {
  CONFIG: exitCode.usage,
  SCHEDULE: exitCode.usage,
  BUDGET: exitCode.limit,
  JOURNAL: exitCode.store,
  GUARDRAIL: exitCode.noAnswer,
}

/** The exit code of an error: its own, else that of its family (what stands before the first `_`), else 1. */
export function exitCodeOf(code: string): number {
  return byCode[code] ?? byFamily[code.slice(0, code.indexOf('_'))] ?? exitCode.failed
}
