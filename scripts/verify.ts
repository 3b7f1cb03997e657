/**
 * `npm test`: what CI does, one npm script after the other. A failing step does not hide those after it.
 * Files with a failed test are run once more, alone: what passes only then is named at the end as unsteady, for a test that fails beside others is a fault to mend, and none to lose the
 * rest for. The last line printed is `N passed, N failed[, N skipped]`, read from the test report; a failed step that is not a test counts as one failure.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { failedFiles, mergeReport, type ReportedTest, readReport, reportPath } from './test-report.ts'

const steps = ['lint', 'types', 'floors', 'pages:check', 'build', 'tests', 'features:check', 'package', 'dead-code']
/** More failing files than these are no matter of load. */
const mostAgain = 6

rmSync(reportPath, { force: true })
let unsteady: readonly ReportedTest[] = []
const outcomes = steps.map((step) => {
  console.log(`\n── npm run ${step}`)
  const begun = performance.now()
  const { status } = spawnSync('npm', ['run', '--silent', step], { stdio: 'inherit' })
  const ok = status === 0 || (step === 'tests' && passesAlone())
  return { step, ok, seconds: (performance.now() - begun) / 1000 }
})

/** Runs the files that failed once more, one after the other. */
function passesAlone(): boolean {
  const files = failedFiles(readReport())
  if (files.length === 0 || files.length > mostAgain) return false
  console.log(`\n── again, alone: ${files.join(' ')}`)
  const laterPath = join(reportPath, '../again.json')
  rmSync(laterPath, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${laterPath}`]
  const { status } = spawnSync('npx', ['vitest', 'run', '--no-file-parallelism', ...reporters, ...files], { stdio: 'inherit' })
  unsteady = mergeReport(laterPath)
  return status === 0
}

console.log('')
for (const { step, ok, seconds } of outcomes) console.log(`${ok ? 'ok  ' : 'FAIL'} ${step.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`)

const report = readReport()
const tests = report?.counts ?? { passed: 0, failed: 0, skipped: 0 }
const failedSteps = outcomes.filter(({ step, ok }) => !ok && (step !== 'tests' || tests.failed === 0)).length
const failed = tests.failed + failedSteps
process.exitCode = failed === 0 ? 0 : 1
const named = (tests: readonly ReportedTest[]): string => tests.map(({ file, title }) => `  ${file}: ${title}`).join('\n')
if (unsteady.length > 0) console.log(`\nUnsteady, passed only when run again alone:\n${named(unsteady)}`)
if (tests.failed > 0) console.log(`\nFailed:\n${named(report?.tests.filter(({ state }) => state === 'failed') ?? [])}`)
console.log(`\n${tests.passed} passed, ${failed} failed${tests.skipped === 0 ? '' : `, ${tests.skipped} skipped`}`)
