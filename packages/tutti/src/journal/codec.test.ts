import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hash128, type Json, type RunId } from '../primitives/index.ts'
import { checkBlob, type Entry, entryText, INLINE_BYTES, isBlobRef, joinValue, parseEntry, splitValue } from './index.ts'

const run = 'run_codec' as RunId
const entry: Entry = { seq: 7, time: 5, type: 'step.completed', key: 'desk/find', value: { found: [1, null, 'é'] } }
const text = (over: Record<string, unknown>): string => entryText({ ...entry, ...over } as Entry)
const fault = (line: string, seq = 7): unknown => {
  try {
    return parseEntry(line, run, seq)
  } catch (error) {
    return error
  }
}

describe('a line of a journal', () => {
  it('[D1] reads back as the entry it was written from, fields of later versions included', () => {
    expect(parseEntry(entryText(entry), run, 7)).toEqual(entry)
    expect(parseEntry(text({ later: true }), run, 7)).toEqual({ ...entry, later: true })
  })

  it('[R9] is written with short names, under which every entry reads back as it was', () => {
    const amounts = { microUsd: 310, inputTokens: 800, outputTokens: 400, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    const asked = { key: 'k', at: [0, 1], fingerprint: 'f', tunable: 'u', kind: 'model', effect: 'once', label: { model: 'm' } } as const
    const step: Entry = { seq: 2, time: 1, type: 'step.started', ...asked, attempt: 1, hold: amounts, draws: ['acme'] }
    expect(entryText(step)).toBe(
      '{"t":1,"type":"step.started","k":"k","at":[0,1],"f":"f","u":"u","w":"model","e":"once","l":{"model":"m"},"n":1,"h":[310,800,400,0,1,0],"d":["acme"]}',
    )
    const odd = { seq: 3, time: 1, type: 'budget.settled', key: 'k', attempt: 2, settle: { ...amounts, seconds: 4 } } as Entry
    const partial = { seq: 4, time: 1, type: 'budget.settled', key: 'k', attempt: 2, settle: { microUsd: 4 } } as unknown as Entry
    for (const one of [step, odd, partial]) expect(parseEntry(entryText(one), run, one.seq)).toEqual(one)
  })

  it.each([
    ['{"t":7,"ty', 'is not JSON'],
    ['null', 'is not an object'],
    [text({ type: undefined }), "has no 'type'"],
    [text({ time: '5' }), "has no 'time'"],
    [text({ value: undefined }), "is a 'step.completed' without 'value'"],
  ])('[R1] %s is corrupt, and the run and the number are named', (line, says) => {
    expect(fault(line)).toMatchObject({ code: 'JOURNAL_CORRUPT', message: `entry 7 of run 'run_codec' ${says}`, data: { run, seq: 7 } })
  })

  it('[R5] a type or a format of a later version is refused as newer', () => {
    expect(fault(text({ type: 'step.dreamed' }))).toMatchObject({ code: 'JOURNAL_NEWER', message: expect.stringContaining("'step.dreamed'") })
    expect(fault(text({ type: 'toString' }))).toMatchObject({ code: 'JOURNAL_NEWER' })
    const first = { t: 1, type: 'run.started', format: 2, run, flow: 'f', version: '1', scope: { tenant: 't' }, input: null }
    expect(fault(JSON.stringify(first), 1)).toMatchObject({ code: 'JOURNAL_NEWER', message: expect.stringContaining('format 2') })
  })
})

describe('a recorded value', () => {
  it('[R9] stays in its entry up to 1 KiB of text, and becomes a blob beyond', () => {
    const fits = 'x'.repeat(INLINE_BYTES - 2)
    expect(splitValue(fits)).toEqual({ value: fits })
    const { value, blob } = splitValue(`${fits}x`)
    expect(value).toEqual({ '~blob': blob?.[0], bytes: INLINE_BYTES + 1 })
    expect(blob).toEqual([hash128(JSON.stringify(`${fits}x`)), JSON.stringify(`${fits}x`)])
    expect(isBlobRef(splitValue('é'.repeat(600)).value)).toBe(true)
  })

  it('[D1] comes back as it was, also when it looks like a reference to a blob', async () => {
    const json = fc.oneof(fc.jsonValue(), fc.record({ '~blob': fc.string() }), fc.string({ minLength: 900, maxLength: 1_100 })) as fc.Arbitrary<Json>
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const split = splitValue(value)
        const kept = JSON.parse(JSON.stringify(split.value)) as Json
        expect(JSON.stringify(await joinValue(kept, async (hash) => checkBlob(hash, hash === split.blob?.[0] ? split.blob[1] : undefined)))).toBe(
          JSON.stringify(value),
        )
      }),
    )
  })

  it('[R1] is refused when its blob is missing, changed, or not JSON', async () => {
    expect(() => checkBlob('h', undefined)).toThrow(/blob 'h' is missing/)
    expect(() => checkBlob('h', 'x')).toThrow(/does not hold/)
    await expect(joinValue({ '~blob': 'h', bytes: 1 }, async () => '{')).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })
})
