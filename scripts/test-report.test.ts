import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failedFiles, mergeReport, readReport } from './test-report.ts'

const root = join(import.meta.dirname, '..')
const file = (name: string, ...tests: readonly (readonly [string, string])[]) => ({
  name: join(root, name),
  status: tests.some(([, status]) => status === 'failed') ? 'failed' : 'passed',
  assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
})
function written(...testResults: readonly object[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tutti-report-')), 'tests.json')
  writeFileSync(path, JSON.stringify({ testResults }))
  return path
}

test('a later report of some files stands in the place of what was said of them, and what passed only then is named', () => {
  const whole = written(file('a.test.ts', ['one', 'passed']), file('b.test.ts', ['two', 'failed'], ['three', 'passed']), file('c.test.ts', ['four', 'failed']))
  expect(failedFiles(readReport(whole))).toEqual(['b.test.ts', 'c.test.ts'])
  const later = written(file('b.test.ts', ['two', 'passed'], ['three', 'passed']), file('c.test.ts', ['four', 'failed']))
  expect(mergeReport(later, whole)).toEqual([{ title: 'two', file: 'b.test.ts', state: 'failed' }])
  expect(readReport(whole)?.counts).toEqual({ passed: 3, failed: 1, skipped: 0 })
})

test('a test that fails alone where another failed before stays a failure', () => {
  const whole = written(file('a.test.ts', ['one', 'failed'], ['two', 'passed']))
  const later = written(file('a.test.ts', ['one', 'passed'], ['two', 'failed']))
  expect(mergeReport(later, whole)).toHaveLength(1)
  expect(readReport(whole)?.counts).toEqual({ passed: 1, failed: 1, skipped: 0 })
})

test('a later report that was never written changes nothing', () => {
  const whole = written(file('a.test.ts', ['one', 'failed']))
  expect(mergeReport(join(root, 'none.json'), whole)).toEqual([])
  expect(readReport(whole)?.counts).toEqual({ passed: 0, failed: 1, skipped: 0 })
})
