import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PartialReader, parseOutput, parsePartial } from './output.ts'

describe('JSON in an answer', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    ['"order"', 'order'],
    ['Here it is:\n```json\n{"a":1}\n```\nAnything else?', { a: 1 }],
    ['```\n[1,2]\n```', [1, 2]],
    ['Sure! {"a":"x } y"} is the answer', { a: 'x } y' }],
    ['use {curly} or {"a":[{}]}', { a: [{}] }],
  ])('[M6] is found in %j', (text, value) => {
    expect(parseOutput(text)).toEqual({ ok: true, value })
  })

  test('[M6] what holds none says what it is', () => {
    expect(parseOutput('I cannot.')).toEqual({ ok: false, says: 'the answer is not JSON: I cannot.' })
    expect(parseOutput(' ')).toEqual({ ok: false, says: 'the answer is empty' })
    expect(parseOutput('{"a":')).toMatchObject({ ok: false })
  })
})

describe('JSON that is still being written', () => {
  test.each([
    ['{"a":"he', { a: 'he' }],
    ['{"a":"he\\', { a: 'he' }],
    ['{"a":"he\\u00', { a: 'he' }],
    ['{"a":1,"b', { a: 1 }],
    ['{"a":1,"b":', { a: 1 }],
    ['{"a":1,"b":tr', { a: 1 }],
    ['{"a":[1,{"b":"c"},', { a: [1, { b: 'c' }] }],
    ['{', {}],
    ['```json\n{"a":"b"', { a: 'b' }],
    ['not yet', undefined],
  ])('[M7] %j is %j', (text, value) => {
    expect(parsePartial(text)).toEqual(value)
  })

  test('[M7] every prefix of an object is an object or nothing, and the whole is the whole', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value)
        for (let end = 1; end < text.length; end++) {
          const partial = parsePartial(text.slice(0, end))
          expect(partial === undefined || typeof partial === 'object').toBe(true)
        }
        expect(parsePartial(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 50 },
    )
  })

  test('[M7] is read a bounded number of times, however finely it comes', () => {
    const reader = new PartialReader()
    let shown = 0
    for (const char of JSON.stringify({ text: 'x'.repeat(20_000) })) if (reader.take(char) !== undefined) shown++
    expect(shown).toBeGreaterThan(20)
    expect(shown).toBeLessThan(200)
  })
})
