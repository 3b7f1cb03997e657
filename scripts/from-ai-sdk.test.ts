import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changes, diffOf, fromAiSdkPage } from './from-ai-sdk.ts'

test('[X6] an agent of the AI SDK becomes durable in under ten changed lines, and the page shows the difference of the two files that run', () => {
  const added = changes().filter(({ sign }) => sign === '+').length
  const taken = changes().filter(({ sign }) => sign === '-').length
  expect(Math.max(added, taken)).toBeLessThan(10)
  expect(taken).toBeGreaterThan(0)
  expect(readFileSync(join(import.meta.dirname, '../docs/from-ai-sdk.md'), 'utf8')).toBe(fromAiSdkPage())
})

test('[X6] a difference keeps every line of both, in order', () => {
  const [before, after] = [
    ['a', 'b', 'c', 'd'],
    ['a', 'x', 'c', 'd', 'e'],
  ] as const
  const diff = diffOf(before, after)
  expect(diff.map(({ sign, line }) => sign + line)).toEqual([' a', '-b', '+x', ' c', ' d', '+e'])
})
