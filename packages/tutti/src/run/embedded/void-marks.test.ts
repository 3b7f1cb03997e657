import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RunId } from '../../primitives/index.ts'
import type { Sighting } from '../engine.port.ts'
import { VoidMarks } from './void-marks.ts'

type Part = Extract<Sighting, { type: 'part' }>
const part = (activation: number, attempt: number, text: string, key = 'k'): Part => ({
  ...{ type: 'part', run: 'run_a' as RunId, key, activation, attempt },
  part: text === 'reset' ? { type: 'reset' } : { type: 'text', text },
})

/** What a person has before them who clears a step where it is marked as void. */
function readOf(marks: VoidMarks, parts: readonly Part[]): ReadonlyMap<string, string> {
  const read = new Map<string, string>()
  for (const each of parts)
    for (const { key, part: shown } of marks.of(each)) {
      if (shown.type === 'reset') read.set(key, '')
      else if (shown.type === 'text') read.set(key, (read.get(key) ?? '') + shown.text)
    }
  return read
}

describe('where what was shown of a step is void', () => {
  test('[M7] a later attempt and a later activation are marked, whether they say so themselves or not', () => {
    const read = (...parts: Part[]): string | undefined => readOf(new VoidMarks(false), parts).get('k')
    expect(read(part(1, 1, 'a'), part(1, 2, 'reset'), part(1, 2, 'b'))).toBe('b')
    expect(read(part(1, 1, 'a'), part(1, 2, 'b'))).toBe('b')
    expect(read(part(1, 1, 'a'), part(2, 1, 'b'), part(1, 1, 'late'), part(1, 2, 'late'))).toBe('b')
  })

  test('[M7] nothing is shown of a step that has its outcome', () => {
    const marks = new VoidMarks(false)
    expect([...marks.of(part(1, 1, 'a'))]).toHaveLength(1)
    marks.over('k')
    expect([...marks.of(part(2, 1, 'b'))]).toEqual([])
    expect([...marks.of(part(1, 1, 'b', 'other'))]).toHaveLength(1)
  })

  test('[M7] whoever comes again while a step is under way is told first that what they have of it is void', () => {
    const marks = new VoidMarks(true)
    const shown = [part(1, 1, 'a'), part(1, 1, 'b')].flatMap((each) => [...marks.of(each)].map((one) => one.part.type))
    expect(shown).toEqual(['reset', 'text', 'text'])
  })

  test('[M7] however the words of several attempts come in between one another, what is read is the last attempt alone', () => {
    const said = fc.array(fc.record({ activation: fc.integer({ min: 1, max: 3 }), attempt: fc.integer({ min: 1, max: 3 }) }), { minLength: 1 })
    fc.assert(
      fc.property(said, (words) => {
        const parts = words.map(({ activation, attempt }, i) => part(activation, attempt, `<${activation}.${attempt}.${i}>`))
        const last = words.toSorted((a, b) => b.activation - a.activation || b.attempt - a.attempt)[0]
        const own = parts.filter(({ activation, attempt }) => activation === last?.activation && attempt === last?.attempt)
        expect(readOf(new VoidMarks(false), parts).get('k')).toBe(own.map(({ part: shown }) => (shown.type === 'text' ? shown.text : '')).join(''))
      }),
    )
  })
})
