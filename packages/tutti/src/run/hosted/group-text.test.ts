import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type BlobPair, type Entry, entryText } from '../../journal/index.ts'
import type { Json, RunId } from '../../primitives/index.ts'
import type { Group } from './group.port.ts'
import { groupText, parseGroup } from './group-text.ts'

const run = 'run_text' as RunId
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json)
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })

const groups: fc.Arbitrary<Group> = fc
  .record({
    seq: fc.integer({ min: 1, max: 1_000 }),
    values: fc.array(json, { maxLength: 4 }),
    blobs: maybe(fc.array(json, { minLength: 1, maxLength: 3 })),
    taken: maybe(fc.array(fc.string(), { minLength: 1, maxLength: 2 })),
    head: maybe(fc.record({ status: fc.constant('waiting' as const), wakeAt: fc.constant(null), stalls: fc.nat(3) })),
    rest: maybe(fc.record({ now: fc.nat() })),
    over: maybe(fc.constantFrom('ended' as const, 'still' as const)),
  })
  .map(({ seq, values, blobs, ...said }) => ({
    ...said,
    entries: values.map((value, i): Entry => ({ seq: seq + i, time: i, type: 'step.completed', key: 'k', value })),
    blobs: blobs?.map((value, i): BlobPair => [`hash${i}`, JSON.stringify(value)]),
  }))

it('[S4] a group reads back from the log of an engine as it was written, each entry in the text that the journal keeps', () => {
  fc.assert(
    fc.property(groups, (group) => {
      const text = groupText(group)
      const { lines, ...read } = parseGroup(text, run)
      expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify(group)))
      expect(lines).toEqual(group.entries.map(entryText))
      expect(groupText({ ...group, lines })).toBe(text)
    }),
  )
})

it('[S4] a group of a log of tutti 0.1 is read as it was', () => {
  const entry: Entry = { seq: 3, time: 7, type: 'step.completed', key: 'k', value: { a: 'two\nlines' } }
  const group: Group = { entries: [entry], blobs: [['h', '"text"']], over: 'ended' }
  expect(parseGroup(JSON.stringify(group), run)).toEqual(group)
})

it('[S4] a group of which a part is missing is refused by name', () => {
  const entry: Entry = { seq: 3, time: 7, type: 'step.completed', key: 'k', value: 1 }
  const text = groupText({ entries: [entry], blobs: [['h', '"text"']] })
  expect(() => parseGroup(text.slice(0, text.lastIndexOf('\n')), run)).toThrow(expect.objectContaining({ code: 'JOURNAL_CORRUPT' }))
})
