import { describe, expect, test } from 'vitest'
import type { Entry } from '../journal/index.ts'
import { diffRuns } from './diff.ts'
import { whyOf } from './why.ts'

/** A step as a journal holds it. */
interface Told {
  readonly key: string
  readonly input?: string
  readonly output?: string
  readonly tunable?: string
  readonly microUsd?: number
  readonly ms?: number
}

const run = (...steps: readonly Told[]): Entry[] =>
  steps.map(({ key, input = 'in', output = 'out', tunable, microUsd = 0, ms = 1 }, i) => {
    const settle = { microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }
    return { seq: i + 2, time: 1_000 + i, type: 'step.completed', key, at: [i], fingerprint: input, tunable, value: output, settle, ms } as Entry
  })

const changes = (a: Entry[], b: Entry[]): readonly string[] => diffRuns(a, b).steps.map(({ key, change }) => `${key} ${change}`)

describe('the diff of two runs', () => {
  test('[D3] a run compared with itself is the same, step by step, in cost and in time', () => {
    const entries = run({ key: 'a', microUsd: 10 }, { key: 'b' })
    const { steps, ...rest } = diffRuns(entries, entries)
    expect(rest).toMatchObject({ firstDivergence: undefined, usd: 0, ms: 0 })
    expect(steps).toEqual([
      { key: 'a', change: 'same', usd: 0, ms: 0 },
      { key: 'b', change: 'same', usd: 0, ms: 0 },
    ])
  })

  test('[D3] a step that was asked otherwise, one that gave something else, one that is new and one that is gone are told apart, each where it stood', () => {
    const before = run({ key: 'a' }, { key: 'b' }, { key: 'gone' }, { key: 'c' })
    const after = run({ key: 'a' }, { key: 'b', output: 'x' }, { key: 'new' }, { key: 'c', input: 'x' })
    expect(changes(before, after)).toEqual(['a same', 'b output', 'gone removed', 'new added', 'c input'])
    expect(diffRuns(before, after).firstDivergence).toBe('b')
  })

  test('[D3] a step asked with other instructions counts as asked otherwise', () => {
    expect(changes(run({ key: 'turn:1', tunable: 'kind' }), run({ key: 'turn:1', tunable: 'brief' }))).toEqual(['turn:1 input'])
  })

  test('[D3] what the second run spent and took more is said of each step and of the whole, retries included', () => {
    const [only] = run({ key: 'a', microUsd: 70, ms: 5 }) as [Entry]
    const failed = { ...only, type: 'step.failed', attempt: 1, final: false, error: { code: 'X', message: 'x' } } as unknown as Entry
    const diff = diffRuns([only], [failed, only])
    expect(diff).toMatchObject({ usd: 0.00007, ms: 5, steps: [{ key: 'a', change: 'same', usd: 0.00007, ms: 5 }] })
  })

  test('[R8] a step that was undone is still the step that it was, and took no longer for it', () => {
    const entries = run({ key: 'a' }, { key: 'b' })
    const undone = [...entries, { seq: 9, time: 2_000, type: 'step.compensated', key: 'b', attempt: 3, ms: 500 } as Entry]
    expect(diffRuns(entries, undone)).toMatchObject({ firstDivergence: undefined, usd: 0, ms: 0 })
    expect(whyOf(undone, 'b').time.ms).toBe(whyOf(entries, 'b').time.ms)
  })

  test('[D3] a step that a fork took over counts as what it cost and took where it was done', () => {
    const [only] = run({ key: 'a', microUsd: 70, ms: 5 }) as [Entry]
    const taken = { ...only, settle: undefined, ms: undefined, reused: { run: 'run_a', seq: 2 } } as unknown as Entry
    expect(diffRuns([only], [taken])).toMatchObject({ usd: 0, ms: 0, steps: [{ key: 'a', change: 'same', reused: true, usd: 0, ms: 0 }] })
  })

  test('[D3] it reads as a list of what changed, and counts what did not', () => {
    const text = String(diffRuns(run({ key: 'a' }, { key: 'b', microUsd: 120, ms: 50 }), run({ key: 'a' }, { key: 'b', output: 'x', ms: 10 })))
    expect(text.split('\n')).toEqual(['~ b  output, -$0.000120, -40 ms', '    $: [-out-]{+x+}', '1 of 2 steps changed, 1 are the same; -$0.000120, -40 ms'])
  })
})
