/** The report that `npm run tests` leaves behind (vitest's JSON reporter): the part that this house reads. */
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
export const reportPath = join(root, '.reports/tests.json')

export interface ReportedTest {
  /** With the names of its groups, as vitest prints it. */
  readonly title: string
  /** Relative to the root of the repository. */
  readonly file: string
  readonly state: 'passed' | 'failed' | 'skipped'
}

export interface TestReport {
  readonly tests: readonly ReportedTest[]
  /** A file that could not be loaded counts as one failure. */
  readonly counts: { readonly passed: number; readonly failed: number; readonly skipped: number }
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

/** The report of the last run of all tests, or `undefined` when there was none. */
export function readReport(path = reportPath): TestReport | undefined {
  if (!existsSync(path)) return undefined
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as VitestReport
  const tests = testResults.flatMap((file): ReportedTest[] => {
    const name = relative(root, file.name)
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      return [{ title: `${name} could not be run`, file: name, state: 'failed' }]
    }
    return file.assertionResults.map(({ fullName, status }) => ({ title: fullName.trim(), file: name, state: stateOf(status) }))
  })
  const count = (state: ReportedTest['state']): number => tests.filter((test) => test.state === state).length
  return { tests, counts: { passed: count('passed'), failed: count('failed'), skipped: count('skipped') } }
}

function stateOf(status: string): ReportedTest['state'] {
  return status === 'passed' || status === 'failed' ? status : 'skipped'
}
