import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Feature, featuresPage, overclaimed, prove } from './features.ts'
import type { ReportedTest } from './test-report.ts'

const feature = (id: string): Feature => ({ id, section: 'Durable runs', mark: 'P', check: 'does it' })
const test = (title: string, state: ReportedTest['state'] = 'passed', file = 'a.test.ts'): ReportedTest => ({ title, state, file })
const stateOf = (...tests: ReportedTest[]): string | undefined => prove([feature('R1')], tests)[0]?.state

describe('the table of features', () => {
  it('a feature is proved by a passing test that carries its id', () => {
    expect(stateOf(test('[R1] a killed run resumes'))).toBe('proved')
    expect(stateOf(test('replay > [M2, R1] both'))).toBe('proved')
    expect(stateOf(test('[R1 I3] a recorded step is not executed again'))).toBe('proved')
  })

  it('one failing test outweighs those that pass', () => {
    expect(stateOf(test('[R1] one'), test('[R1] other', 'failed'))).toBe('failing')
  })

  it('a skipped test, and an id that only begins alike, prove nothing', () => {
    expect(stateOf(test('[R1] later', 'skipped'), test('[R11] memory store'), test('R1 without brackets'))).toBe('unproved')
  })

  it('names each file of a feature once', () => {
    expect(prove([feature('R1')], [test('[R1] a'), test('[R1] b'), test('[R1] c', 'passed', 'b.test.ts')])[0]).toMatchObject({
      tests: 3,
      files: ['a.test.ts', 'b.test.ts'],
    })
  })

  it('what is known to be missing makes it a feature in part, however many tests pass', () => {
    const part = prove([{ ...feature('R1'), missing: 'the rest' }], [test('[R1] a')])
    expect(part[0]?.state).toBe('in part')
    expect(featuresPage(part)).toContain('**Not yet:** the rest.')
  })

  it('a page may claim less than a report proves, never more', () => {
    const proved = prove([feature('R1')], [test('[R1] a')])
    const unproved = prove([feature('R1')], [])
    expect(overclaimed(featuresPage(proved), unproved)).toEqual(['R1'])
    expect(overclaimed(featuresPage(unproved), proved)).toEqual([])
    expect(overclaimed(featuresPage(proved), proved)).toEqual([])
  })

  it('docs/features.json holds each id once', () => {
    const ids = (JSON.parse(readFileSync(join(import.meta.dirname, '../docs/features.json'), 'utf8')) as Feature[]).map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)])
  })
})
