import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutTo, pad, padLeft, printable, widthOf, wrap } from './paint.ts'

describe('printable', () => {
  test('[O5] text from outside has no control character left but line ends and tabs', () => {
    expect(printable('a\u001b[2Jb\u001b]0;title\u0007c\rd\r\ne\tf\u202eg')).toBe('abcd\ne\tfg')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^(?:[\n\t]|\P{Cc})*$/u.test(printable(text))))
  })
})

describe('width', () => {
  test('[O5] wide characters take two columns, marks none, colour none', () => {
    expect(['abc', '日本', 'é', '👍', '\u001b[31mred\u001b[0m'].map(widthOf)).toEqual([3, 4, 1, 2, 3])
  })

  test('[O5] a text cut to a width is never wider, and one that fits is left alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(printable), fc.nat(40), (text, columns) => {
        expect(widthOf(cutTo(text, columns))).toBeLessThanOrEqual(columns)
        if (widthOf(text) <= columns) expect(cutTo(text, columns)).toBe(text)
      }),
    )
  })

  test('[O5] padding fills up to a width and never cuts', () => {
    expect([pad('日', 4), padLeft('日', 4), pad('longer', 3)]).toEqual(['日  ', '  日', 'longer'])
  })
})

describe('wrap', () => {
  test('[O5] breaks between words, keeps every word and every line of its own', () => {
    expect(wrap('one two three four\n\nfive', 10)).toEqual(['one two', 'three four', '', 'five'])
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/)), (words) => {
        const lines = wrap(words.join(' '), 12)
        expect(lines.join(' ').trim()).toBe(words.join(' '))
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(12)
      }),
    )
  })
})
