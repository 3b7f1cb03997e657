import { expect, test } from 'vitest'
import { catalogue } from '../errors/index.ts'
import { exitCode, exitCodeHelp, exitCodeOf } from './exit-code.ts'

test('[O5] every code of the catalogue ends the process with a documented exit code that is not 0', () => {
  const documented = [...exitCodeHelp.matchAll(/^ {2}(\d+) /gm)].map(([, code]) => Number(code))
  expect(documented).toEqual(Object.values(exitCode))
  for (const code of Object.keys(catalogue)) {
    const exit = exitCodeOf(code)
    expect(documented.slice(1), code).toContain(exit)
  }
})

test('[O5] a code that nobody knows yet ends with that of its family, or with 1', () => {
  expect([exitCodeOf('BUDGET_SOMETHING_NEW'), exitCodeOf('TOOL_SOMETHING_NEW'), exitCodeOf('UNEXPECTED'), exitCodeOf('')]).toEqual([
    exitCode.limit,
    exitCode.failed,
    exitCode.failed,
    exitCode.failed,
  ])
})
