import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry } from '../journal/index.ts'
import { whyOf } from './why.ts'
import { heaviestChain, isBehind, type Link } from './why-chain.ts'

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
    expect(() => whyOf(forked, 'f/none')).toThrow(expect.objectContaining({ code: 'RUN_STEP_NOT_FOUND', hint: expect.stringContaining("'f/") }))
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

  test('[D8] it reads as the longest chain with where its time went, and what each step cost with its share', () => {
    expect(String(whyOf(forked, 'f/dear')).split('\n')).toEqual([
      'f/dear rests on 2 steps',
      '',
      'the longest way to it, 29 ms of 30 ms:',
      '  f/plan    10 ms  null',
      '  f/dear    19 ms  $0.000050  null',
      '  worked 29 ms, between steps 1 ms',
      '',
      'what it cost, $0.000050:',
      '  100 %  $0.000050  f/dear',
    ])
    expect(whyOf(forked).money).toMatchObject({ totalUsd: 0.000053, steps: [{ key: 'f/dear', share: 50 / 53 }, { key: 'f/join' }, { key: 'f/slow' }] })
  })

  test('[D8] where a map had places for some of its items only, time is a chain of items, though none rests on another', () => {
    const entries = run(
      { key: 'f/each:0', at: [0, 0], from: 0, to: 10 },
      { key: 'f/each:1', at: [0, 1], from: 0, to: 12 },
      { key: 'f/each:2', at: [0, 2], from: 10, to: 40 },
      { key: 'f/each:3', at: [0, 3], from: 12, to: 20 },
    )
    const why = whyOf(entries)
    expect([keys(why.time.path), why.time.ms]).toEqual([['f/each:0', 'f/each:2'], 40])
    expect(keys(whyOf(entries, 'f/each:2').steps)).toEqual(['f/each:2'])
  })

  test('[D8] the chains are the heaviest there are, whatever the run looked like', () => {
    const place = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 })
    const told = fc.record({
      at: place,
      from: fc.integer({ min: 0, max: 40 }),
      takes: fc.integer({ min: 0, max: 15 }),
      begun: fc.boolean(),
      weight: fc.integer({ min: 0, max: 9 }),
    })
    fc.assert(
      fc.property(fc.uniqueArray(told, { maxLength: 25, selector: ({ at }) => at.join('.') }), fc.boolean(), (steps, isMap) => {
        const links = linksOfTold(steps, isMap)
        const weights = links.map(({ weight }) => weight)
        const chain = heaviestChain(links, (i) => weights[i] ?? 0)
        for (const [i, link] of chain.entries()) if (i > 0) expect(isBehind(links[chain[i - 1] as number] as Link, links[link] as Link)).toBe(true)
        expect(chain.reduce((total, i) => total + (weights[i] as number), 0)).toBe(heaviestByHand(links, weights))
      }),
      { numRuns: 300 },
    )
  })
})

interface ToldLink {
  readonly at: readonly number[]
  readonly from: number
  readonly takes: number
  readonly begun: boolean
  readonly weight: number
}

/** In the order of their ends; with a `step.started` where they say so. */
function linksOfTold(steps: readonly ToldLink[], isMap: boolean): readonly (Link & { readonly weight: number })[] {
  return steps
    .toSorted((a, b) => a.from + a.takes - (b.from + b.takes))
    .map(({ at, from, takes, begun, weight }, i) => ({
      ...{ at, weight, isItem: at.map((_, depth) => isMap && depth === 1), doneAt: from + takes, askedAt: from, doneSeq: i * 2 + 2 },
      askedSeq: begun ? Math.max(1, i * 2 + 1 - takes) : undefined,
    }))
}

/** Over every pair. */
function heaviestByHand(links: readonly Link[], weights: readonly number[]): number {
  const sums: number[] = []
  links.forEach((link, i) => {
    const before = links.slice(0, i).flatMap((other, j) => (isBehind(other, link) ? [sums[j] as number] : []))
    sums.push((weights[i] as number) + Math.max(0, ...before))
  })
  return Math.max(0, ...sums)
}
