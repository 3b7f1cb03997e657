import { describe, expect, it } from 'vitest'
import { shownJson, shownText } from './index.ts'

describe('a value as it is shown', () => {
  it('[T1] what is no JSON is shown as what it stands for', () => {
    const value = { at: new Date(0), more: new Map([['a', 1n]]), set: new Set([1]), bytes: new Uint8Array([104, 105]), none: undefined }
    expect(shownJson(value)).toEqual({ at: '1970-01-01T00:00:00.000Z', more: [['a', '1']], set: [1], bytes: 'aGk=' })
    expect([shownText(undefined), shownJson(undefined)]).toEqual([undefined, null])
  })

  it('[T1] an object that lies in itself is shown once, and named by its place where it comes again', () => {
    const author: Record<string, unknown> = { name: 'Ada' }
    const whole: Record<string, unknown> = { author, books: [{ title: 'Notes', author }], count: 1n }
    author.wrote = whole
    expect(shownJson(whole)).toEqual({
      author: { name: 'Ada', wrote: '[the same as the whole]' },
      books: [{ title: 'Notes', author: '[the same as .author]' }],
      count: '1',
    })
  })

  it('[T1] what is tied together in every way is shown as long as it is, not once for each way through it', () => {
    const all: { id: number; others?: unknown }[] = Array.from({ length: 60 }, (_, id) => ({ id }))
    for (const one of all) one.others = all
    expect(shownText(all)?.length).toBeLessThan(5_000)
  })
})
