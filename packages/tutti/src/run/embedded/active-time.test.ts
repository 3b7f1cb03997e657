import { expect, test } from 'vitest'
import type { Entry } from '../../journal/index.ts'
import { activeMsOf } from './active-time.ts'

const step = (from: number, to: number): Entry => ({ type: 'step.completed', seq: 1, time: to, key: 'a', value: null, ms: to - from }) as Entry

test('[R1] the time that earlier activations spent counts what ran beside one another once, and what lay between not at all', () => {
  expect(activeMsOf([step(0, 100), step(50, 150), step(60, 90), step(300, 400)])).toBe(250)
  expect(activeMsOf([{ type: 'timer.fired', seq: 1, time: 5, key: 'nap' }])).toBe(0)
})
