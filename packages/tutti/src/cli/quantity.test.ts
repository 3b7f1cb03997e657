import { expect, test } from 'vitest'
import { plural, sayAgo, sayBytes, sayMs, sayTokens, sayUsd } from './quantity.ts'

test('[O5] time, money, tokens and bytes are said with the unit that fits', () => {
  expect([0, 999, 1_500, 61_000, 3_600_000, 90_000_000].map(sayMs)).toEqual(['0 ms', '999 ms', '1.5 s', '1 m 1 s', '1 h', '1 d 1 h'])
  expect([0, 12, 4_200, 50_000, 1_270_000].map(sayUsd)).toEqual(['$0', '$0.000012', '$0.0042', '$0.05', '$1.27'])
  expect([0, 900, 3_565_158].map(sayBytes)).toEqual(['0 B', '900 B', '3.4 MB'])
  expect([0, 300_000, 7_300_000].map(sayAgo)).toEqual(['just now', '5 m ago', '2 h ago'])
  expect([sayTokens({ inputTokens: 1_204, outputTokens: 80 }), sayTokens({ inputTokens: 0, outputTokens: 0 })]).toEqual(['1,204 tokens in, 80 out', ''])
  expect([plural(1, 'run'), plural(2_000, 'run')]).toEqual(['1 run', '2,000 runs'])
})

test('[O5] money is never rounded to nothing', () => {
  expect(sayUsd(1)).toBe('$0.000001')
})
