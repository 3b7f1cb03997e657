/**
 * `npm test`: what CI does, one npm script after the other. A failing step does not hide those after it.
 * The last line printed is `N passed, N failed[, N skipped]`, read from the test report; a failed step that is not a test counts as one failure.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { readReport, reportPath } from './test-report.ts'

const steps = ['lint', 'types', 'floors', 'pages:check', 'build', 'tests', 'features:check', 'package', 'dead-code']

rmSync(reportPath, { force: true })
const outcomes = steps.map((step) => {
  console.log(`\n── npm run ${step}`)
  const begun = performance.now()
  const { status } = spawnSync('npm', ['run', '--silent', step], { stdio: 'inherit' })
  return { step, ok: status === 0, seconds: (performance.now() - begun) / 1000 }
})

console.log('')
for (const { step, ok, seconds } of outcomes) console.log(`${ok ? 'ok  ' : 'FAIL'} ${step.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`)

const tests = readReport()?.counts ?? { passed: 0, failed: 0, skipped: 0 }
const failedSteps = outcomes.filter(({ step, ok }) => !ok && (step !== 'tests' || tests.failed === 0)).length
const failed = tests.failed + failedSteps
process.exitCode = failed === 0 ? 0 : 1
console.log(`\n${tests.passed} passed, ${failed} failed${tests.skipped === 0 ? '' : `, ${tests.skipped} skipped`}`)
