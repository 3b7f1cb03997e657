import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sentences } from './sentence.ts'

const texts = (text: string): string[] => sentences(text).map(({ text }) => text)

describe('sentences', () => {
  it('[G3] a sentence is exactly its stretch of the text, in order, and only white space is left over', () => {
    const word = fc.constantFrom(
      'Use it.',
      'e.g. Foo',
      '- item',
      '```',
      '# Title',
      '| a | b |',
      '1. one',
      '\n',
      '\n\n',
      '\r\n',
      ' ',
      '“Why?”',
      'v1.2.3',
      '日本語。',
      '😀!',
      'a*b*',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ unit: 'grapheme', maxLength: 6 })), { maxLength: 30 }), (parts) => {
        const text = parts.join(' ')
        let end = 0
        for (const sentence of sentences(text)) {
          expect(text.slice(sentence.start, sentence.end)).toBe(sentence.text)
          expect(text.slice(end, sentence.start).trim()).toBe('')
          expect(sentence.text).toBe(sentence.text.trim())
          end = sentence.end
        }
        expect(text.slice(end).trim()).toBe('')
      }),
    )
  })

  it('[G3] a full stop within a number, a name or an abbreviation ends no sentence', () => {
    expect(texts('Use e.g. Zod 4.2.1 for this. Dr. Lee agrees, cf. No. 5 there.')).toEqual(['Use e.g. Zod 4.2.1 for this.', 'Dr. Lee agrees, cf. No. 5 there.'])
  })

  it('[G3] headings, bullets, numbered items and table rows stand alone, and a wrapped line does not', () => {
    const text = '# Title\nOne line\nand its end. Two.\n- first\n  goes on\n- second\n1. third\n| a | b |\n| 1 | 2 |'
    expect(texts(text)).toEqual(['# Title', 'One line\nand its end.', 'Two.', '- first\n  goes on', '- second', '1. third', '| a | b |', '| 1 | 2 |'])
  })

  it('[G3] a fenced block is one sentence, whatever is in it, also when it is never closed', () => {
    expect(texts('Before.\n```ts\na. B.\n\n- c\n```\nAfter.\n~~~\nopen. End.')).toEqual(['Before.', '```ts\na. B.\n\n- c\n```', 'After.', '~~~\nopen. End.'])
  })
})
