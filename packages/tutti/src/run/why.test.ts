import { describe, expect, test } from 'vitest'
import type { Entry } from '../journal/index.ts'
import { whyOf } from './why.ts'

/** A step that was asked at `from` and done at `to`. */
interface Told {
  readonly key: string
  readonly at: readonly number[]
  readonly from: number
  readonly to: number
  readonly microUsd?: number
}

const run = (...steps: readonly Told[]): Entry[] =>
  steps
    .toSorted((a, b) => a.to - b.to)
    .map(({ key, at, from, to, microUsd = 0 }, i) => {
      const settle = { microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }
      return { seq: i + 2, time: to, type: 'step.completed', key, at, fingerprint: 'f', value: null, settle, ms: to - from } as Entry
    })
const keys = (steps: readonly { readonly key: string }[]): readonly string[] => steps.map(({ key }) => key)

/** Two branches, then a step that takes both. */
const forked = run(
  { key: 'f/plan', at: [0], from: 0, to: 10 },
  { key: 'f/slow', at: [1], from: 11, to: 90, microUsd: 1 },
  { key: 'f/dear', at: [2], from: 11, to: 30, microUsd: 50 },
  { key: 'f/join', at: [3], from: 91, to: 95, microUsd: 2 },
)

describe('why', () => {
  test('[D8] the output of a run rests on its steps; the longest chain and the dearest are told apart', () => {
    const why = whyOf(forked)
    expect(keys(why.steps)).toEqual(['f/plan', 'f/dear', 'f/slow', 'f/join'])
    expect([keys(why.time.path), why.time.ms]).toEqual([['f/plan', 'f/slow', 'f/join'], 93])
    expect([keys(why.money.path), why.money.usd]).toEqual([['f/dear', 'f/join'], 0.000052])
  })

  test('[D8] behind a step stands what was delivered before it was asked, not what went on beside it or came after it', () => {
    expect(keys(whyOf(forked, 'f/dear').steps)).toEqual(['f/plan', 'f/dear'])
    expect(keys(whyOf(forked, 'f/slow').time.path)).toEqual(['f/plan', 'f/slow'])
    expect(() => whyOf(forked, 'f/none')).toThrow(expect.objectContaining({ code: 'RUN_STEP_NOT_FOUND' }))
  })

  test('[D8] what was still under way when a step was asked does not stand behind it, though it began and ended first', () => {
    const beside = run({ key: 'f/a', at: [0], from: 0, to: 10 }, { key: 'f/b', at: [1], from: 5, to: 20 })
    expect(keys(whyOf(beside, 'f/b').steps)).toEqual(['f/b'])
  })

  test('[D8] items of a map do not stand behind one another, and what follows the map rests on all of them', () => {
    const entries = run(
      { key: 'f/each:0', at: [0, 0], from: 0, to: 10 },
      { key: 'f/each:1', at: [0, 1], from: 11, to: 20 },
      { key: 'f/sum', at: [1], from: 21, to: 22 },
    )
    expect(keys(whyOf(entries, 'f/each:1').steps)).toEqual(['f/each:1'])
    expect(keys(whyOf(entries, 'f/sum').steps)).toEqual(['f/each:0', 'f/each:1', 'f/sum'])
  })

  test('[D8] the turns of an agent stand behind one another, and behind what is asked after it', () => {
    const entries = run(
      { key: 'f/a/turn:1', at: [0, 0], from: 0, to: 10 },
      { key: 'f/a/turn:1/find', at: [0, 1], from: 11, to: 20 },
      { key: 'f/a/turn:2', at: [0, 2], from: 21, to: 30 },
      { key: 'f/b/turn:1', at: [1, 0], from: 31, to: 40 },
    )
    expect(keys(whyOf(entries, 'f/b/turn:1').steps)).toEqual(['f/a/turn:1', 'f/a/turn:1/find', 'f/a/turn:2', 'f/b/turn:1'])
  })

  test('[D8] it reads as the two chains, with time and money of each step', () => {
    expect(String(whyOf(forked, 'f/dear')).split('\n')).toEqual([
      'f/dear rests on 2 steps',
      '',
      'the longest, 29 ms:',
      '  f/plan  10 ms',
      '  f/dear  19 ms, $0.000050',
      '',
      'the most money, $0.000050:',
      '  f/dear  19 ms, $0.000050',
    ])
  })
})
