/** The report that `npm run tests` leaves behind (vitest's JSON reporter): the part that this house reads. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
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

/** Files with a failed test. */
export const failedFiles = (report: TestReport | undefined): readonly string[] => [
  ...new Set((report?.tests ?? []).filter(({ state }) => state === 'failed').map(({ file }) => file)),
]

/** Puts a later report of some files over the whole one, and says which tests passed only then. */
export function mergeReport(laterPath: string, path = reportPath): readonly ReportedTest[] {
  const before = readReport(path)
  const later = readReport(laterPath)
  if (!before || !later) return []
  const [whole, part] = [path, laterPath].map((from) => JSON.parse(readFileSync(from, 'utf8')) as VitestReport) as [VitestReport, VitestReport]
  const again = new Map(part.testResults.map((file) => [file.name, file]))
  writeFileSync(path, JSON.stringify({ ...whole, testResults: whole.testResults.map((file) => again.get(file.name) ?? file) }))
  const passed = new Set(later.tests.filter(({ state }) => state === 'passed').map(({ file, title }) => `${file} ${title}`))
  return before.tests.filter(({ file, title, state }) => state === 'failed' && passed.has(`${file} ${title}`))
}

function stateOf(status: string): ReportedTest['state'] {
  return status === 'passed' || status === 'failed' ? status : 'skipped'
}
