import { describe, expect, test } from 'vitest'
import { nothing } from '../budget/index.ts'
import type { Entry } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { extentOf, RunPicture } from './picture.ts'
import { treeLines } from './tree.ts'

type Draft = Entry extends infer E ? (E extends Entry ? Omit<E, 'seq' | 'time'> & { time?: number } : never) : never

const asked = { at: [0], fingerprint: 'f' }
const usage = { usd: 0.002, inputTokens: 120, outputTokens: 20, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0, activeMs: 40 }
const spent = { ...nothing, microUsd: 2_000, inputTokens: 120, outputTokens: 20, modelCalls: 1 }
const held = { ...nothing, microUsd: 9_000, modelCalls: 1 }
const started: Draft = {
  type: 'run.started',
  time: 1_000,
  format: 1,
  run: 'run_1' as RunId,
  flow: 'desk',
  version: '1',
  scope: { tenant: 'default' },
  input: 'hello',
  budget: { usd: 0.05 },
}

function picture(...drafts: readonly Draft[]): RunPicture {
  const made = new RunPicture()
  for (const [i, draft] of [started, ...drafts].entries()) made.take({ seq: i + 1, time: 1_000 + i * 10, ...draft } as Entry)
  return made
}

const lines = (made: RunPicture, o: { expand?: boolean; onlyActive?: { latest: string } } = {}): string[] =>
  treeLines(made, { paint: (_, text) => text, columns: 120, now: 5_000, ...o })

describe('a picture', () => {
  test('[O5] holds what attempts under way could still cost, and what was spent once they are settled', () => {
    const attempt: Draft = {
      type: 'step.started',
      key: 'desk/answer/turn:1',
      ...asked,
      attempt: 1,
      kind: 'model',
      hold: held,
      label: { model: 'a/b', why: 'asked for' },
    }
    expect(picture(attempt)).toMatchObject({ held: { microUsd: 9_000 }, used: { microUsd: 0 } })
    const done: Draft = { type: 'step.completed', key: 'desk/answer/turn:1', value: 'hi', settle: spent, ms: 30 }
    expect(picture(attempt, done)).toMatchObject({ held: { microUsd: 0 }, used: { microUsd: 2_000, inputTokens: 120 } })
  })

  test('[O5] takes the usage of the end, which counts in full what no outcome is known of', () => {
    const made = picture(
      { type: 'step.started', key: 'desk/turn:1', ...asked, attempt: 1, hold: held },
      { type: 'run.failed', error: { code: 'RUN_FAILED', message: 'no' }, usage },
    )
    expect(made).toMatchObject({ status: 'failed', ended: true, used: { microUsd: 2_000 }, held: { microUsd: 0 }, error: { code: 'RUN_FAILED' } })
  })

  test('[O5] a grant raises the limits there are, and no others', () => {
    expect(picture({ type: 'budget.granted', key: '', more: { usd: 0.1, toolCalls: 3 } }).budget).toEqual({ usd: 0.15000000000000002 })
    const unlimited = new RunPicture()
    unlimited.take({ seq: 1, time: 0, type: 'budget.granted', key: '', more: { usd: 1 } })
    expect(unlimited.budget).toBeUndefined()
  })

  test('[O5] a scope spans what is inside, and is under way as long as something in it is', () => {
    const first: Draft = { type: 'step.completed', time: 1_100, key: 'desk/part/a', ...asked, value: 1, ms: 50 }
    const second: Draft = { type: 'step.started', time: 1_200, key: 'desk/part/b', ...asked, attempt: 1 }
    const part = picture(first, second).step('desk/part')
    expect(part && extentOf(part)).toMatchObject({ begun: 1_050, ended: undefined, active: true })
    const over = picture(first, second, { type: 'step.completed', time: 1_400, key: 'desk/part/b', value: 2, ms: 200 }).step('desk/part')
    expect(over && extentOf(over)).toMatchObject({ begun: 1_050, ended: 1_400, active: false })
  })
})

describe('a tree', () => {
  test('[O5] a wait that the end of its run left open is not shown as waiting, and took until that end', () => {
    const made = picture(
      { type: 'signal.awaited', key: 'desk/approval', ...asked, signal: 'approval' },
      { type: 'run.cancelled', time: 3_010, reason: 'no', usage },
    )
    expect(lines(made)).toEqual(["└─ – approval  2.0 s  left open, waited for the signal 'approval'"])
  })

  test('[O5] says of each step how it stands: retried, failed, waiting, in doubt', () => {
    const error = { code: 'MODEL_RATE_LIMITED', message: 'slow down' }
    const made = picture(
      { type: 'step.started', key: 'desk/turn:1', ...asked, attempt: 1 },
      { type: 'step.failed', key: 'desk/turn:1', attempt: 1, error, final: false, retryAt: 9_000 },
      { type: 'step.started', key: 'desk/turn:1', ...asked, attempt: 2 },
      { type: 'step.failed', key: 'desk/pay', ...asked, attempt: 1, error: { code: 'TOOL_FAILED', message: 'no money' }, final: true },
      { type: 'signal.awaited', key: 'desk/approval', ...asked, signal: 'approval' },
      { type: 'step.started', key: 'desk/send', ...asked, attempt: 1, effect: 'once' },
      { type: 'step.doubted', key: 'desk/send', attempt: 1, why: { code: 'ATTEMPT_LOST', message: 'the process ended' } },
    )
    expect(lines(made)).toEqual([
      expect.stringMatching(/^├─ … turn:1 .*after MODEL_RATE_LIMITED: slow down · 2 attempts$/),
      expect.stringMatching(/^├─ ✗ pay .*TOOL_FAILED: no money$/),
      expect.stringMatching(/^├─ ⏸ approval .*waits for the signal 'approval'$/),
      expect.stringMatching(/^└─ \? send .*in doubt: the process ended$/),
    ])
  })

  test('[R8] shows what was undone, what could not be, and what is tried again; how long a step took stays as it was', () => {
    const steps = ['flight', 'hotel', 'car'].map((name, i): Draft => ({ type: 'step.completed', key: `trip/${name}`, ...asked, value: i, ms: 7 }))
    const error = { code: 'RUN_STEP_FAILED', message: 'closed' }
    const made = picture(
      ...steps,
      { type: 'step.compensated', key: 'trip/car', error, final: false, retryAt: 9_000 },
      { type: 'step.compensated', key: 'trip/car', attempt: 2 },
      { type: 'step.compensated', key: 'trip/hotel', error },
      { type: 'step.compensated', key: 'trip/flight', error, final: false, retryAt: 9_000 },
      { type: 'run.cancelled', reason: 'never mind', usage, notUndone: [{ key: 'trip/hotel', error }] },
    )
    expect(lines(made)).toEqual([
      expect.stringMatching(/^├─ ✓ flight +7 ms +not undone yet: RUN_STEP_FAILED: closed$/),
      expect.stringMatching(/^├─ ! hotel +7 ms +not undone: RUN_STEP_FAILED: closed$/),
      expect.stringMatching(/^└─ ↶ car +7 ms +undone, 2 attempts$/),
    ])
    expect(made.error?.message).toBe("never mind; could not be undone: 'trip/hotel' (RUN_STEP_FAILED: closed)")
  })

  test('[O5] makes one line of the items of a long map, keeps turns apart, and opens all of them when asked', () => {
    const items = Array.from({ length: 40 }, (_, i): Draft => ({ type: 'step.completed', key: `desk/item:${i}`, ...asked, value: i, ms: 1 }))
    const turns = Array.from({ length: 9 }, (_, i): Draft => ({ type: 'step.completed', key: `desk/turn:${i}`, ...asked, value: i, ms: 1 }))
    expect(lines(picture(...items, ...turns))).toHaveLength(1 + 9)
    expect(lines(picture(...items, ...turns))[0]).toMatch(/✓ item ×40/)
    expect(lines(picture(...items), { expand: true })).toHaveLength(40)
  })

  test('[O5] live, leaves out what is inside scopes that are done', () => {
    const done = [1, 2, 3].map((i): Draft => ({ type: 'step.completed', key: `desk/first/step ${i}`, ...asked, value: i, ms: 1 }))
    const made = picture(...done, { type: 'step.completed', key: 'desk/second/step', ...asked, value: 1, ms: 1 })
    expect(lines(made, { onlyActive: made }).map((line) => line.trim().split(/ {2,}/)[0])).toEqual(['├─ · first', '└─ … second', '└─ ✓ step'])
  })

  test('[O5] no line is wider than the terminal', () => {
    const made = picture({
      type: 'step.failed',
      key: `desk/${'long '.repeat(30)}`,
      ...asked,
      attempt: 1,
      error: { code: 'X', message: 'y'.repeat(300) },
      final: true,
    })
    for (const line of lines(made)) expect(line.length).toBeLessThanOrEqual(120)
  })
})

test('[O5][K2] a compaction shows how much left the sight of its agent, and how much stays', () => {
  const label = { agent: 'desk', how: 'rolling', window: 2_000, tokens: 2_052, keptTokens: 379, left: 18, before: 19 }
  const [line] = lines(picture({ type: 'step.completed', key: 'desk/turn:12/compact', ...asked, kind: 'memory', label, value: null })).slice(-1)
  expect(line).toMatch(/compact .*18 messages went: 379 of 2,052 tokens stay, in a window of 2,000$/)
  const told = (before: number): string | undefined =>
    lines(
      picture({ type: 'step.completed', key: 'desk/turn:12/compact', ...asked, kind: 'memory', label: { ...label, before: 19 }, value: { ...label, before } }),
    ).at(-1)
  expect(told(19)).toMatch(/18 messages went/)
  // Of what a fork gives in its place only `before` counts.
  expect(told(7)).toMatch(/compact .*all before message 7 went, as the fork says, in a window of 2,000$/)
})
