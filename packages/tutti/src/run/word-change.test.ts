import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { valueChanges } from './value-change.ts'
import { sayWords, wordRuns } from './word-change.ts'

describe('a change of text', () => {
  test('[D3] is said as the words that went and those that came, and what stays far from them is left out', () => {
    expect(sayWords('We pay it back.', 'We pay it tomorrow.')).toBe('We pay it [-back-]{+tomorrow+}.')
    expect(sayWords('It left on Monday.', 'It was lost.')).toBe('It [-left on Monday-]{+was lost+}.')
    expect(sayWords('one two', 'one two three')).toBe('one two{+ three+}')
    const long = 'a b c d e f g h i j'
    expect(sayWords(`${long} old ${long}`, `${long} new ${long}`)).toBe('… e f g h i j [-old-]{+new+} a b c d e …')
  })

  test('[D3] whatever the texts, the runs of words make both of them again', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ' ', '.', 'ä', '\n'), { maxLength: 40 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, text, (before, after) => {
        const runs = wordRuns(before, after)
        const without = (kind: string): string => runs.flatMap((run) => (run.kind === kind ? [] : [run.text])).join('')
        expect([without('new'), without('gone')]).toEqual([before, after])
      }),
    )
  })

  test('[D3] texts far too long to be compared word by word are replaced in the middle, quickly', () => {
    const words = (n: number, seed: number): string => Array.from({ length: n }, (_, i) => `w${(i * seed) % 977}`).join(' ')
    const runs = wordRuns(`same ${words(20_000, 3)} end`, `same ${words(20_000, 5)} end`)
    expect(runs.map(({ kind }) => kind)).toEqual(['same', 'gone', 'new', 'same'])
  })
})

describe('a change of a value', () => {
  test('[D3] is said by the JSON paths where it differs, also in lists that grew in front or behind', () => {
    const paths = (before: unknown, after: unknown): readonly string[] => valueChanges(before, after).map(({ path }) => path)
    expect(paths({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] }, d: 0 })).toEqual(['$.b.c[1]', '$.d'])
    expect(paths([2, 3], [1, 2, 3])).toEqual(['$[0]'])
    expect(paths({ 'a b': 1 }, { 'a b': 2 })).toEqual(['$["a b"]'])
    expect(paths(new Date(0), new Date(0))).toEqual([])
    expect(paths(new Map([['a', 1]]), new Map([['a', 2]]))).toEqual(['$'])
    expect(valueChanges('x', { y: 1 })).toEqual([{ path: '$', before: 'x', after: { y: 1 } }])
  })
})
