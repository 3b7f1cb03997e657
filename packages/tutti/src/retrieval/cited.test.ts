import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cited, cited, verifyCitations } from './cited.ts'
import type { Passage } from './document.ts'
import { readText } from './load.ts'
import { findQuote } from './quote.ts'

const text = '# Guide\n\nUse **z.optional()** to mark\na field. See [the docs](https://example.com/a_(b)) — “always”.\n\n- `strict` is off\n- it’s free\n'
const passage = (start: number, end: number, source = 'docs/a.md'): Passage => ({ text: text.slice(start, end), source, start, end, score: 1 })
const passages = [passage(9, text.length)]
const answer = (quote: string, source = 'docs/a.md'): Cited => ({ text: 'An answer.', citations: [{ quote, source, start: -1, end: -1 }] })
const verify = (value: Cited, among: readonly Passage[] = passages) => cited['~verify'](value, among)
const complaint = (value: Cited): string => {
  const verdict = verify(value)
  return verdict.ok ? 'none' : verdict.complaints.map(({ at, says }) => `${at}: ${says}`).join('\n')
}

describe('cited', () => {
  it.each([
    ['word for word', 'to mark\na field', 'to mark\na field'],
    ['with other white space', 'to mark a field.', 'to mark\na field.'],
    ['without emphasis and code marks', 'Use z.optional() to mark', 'Use **z.optional()** to mark'],
    ['without link targets, with plain dashes and quotation marks', 'See the docs - "always".', 'See [the docs](https://example.com/a_(b)) — “always”.'],
    ['in quotation marks of its own, with dots', '"…strict is off..."', 'strict` is off'],
    ['over bullets', "`strict` is off it's free", 'strict` is off\n- it’s free'],
  ])('[G5] a quote is found %s, and becomes exactly the source text at its offsets', (_, quote, found) => {
    const verdict = verify(answer(quote))
    expect(verdict).toMatchObject({ ok: true, value: { citations: [{ quote: found, source: 'docs/a.md' }] } })
    if (verdict.ok) for (const { start, end, quote } of verdict.value.citations) expect(text.slice(start, end)).toBe(quote)
  })

  it.each([
    [
      'words that are not there',
      answer('z.optional() is required'),
      `citations.0: the quote "z.optional() is required" does not stand in 'docs/a.md'; copy it word for word`,
    ],
    ['a part of a word', answer('ption'), `citations.0: the quote "ption" does not stand in 'docs/a.md'; copy it word for word`],
    ['punctuation alone', answer('** . **'), `citations.0: the quote "** . **" does not stand in 'docs/a.md'; copy it word for word`],
    ['a source that was not found', answer('a nowhere', 'docs/z.md'), `citations.0: 'docs/z.md' is no source that was found; those are 'docs/a.md'`],
    [
      'another source than the one named',
      answer('to mark a field', 'docs/b.md'),
      `citations.0: the quote "to mark a field" does not stand in 'docs/b.md' but in 'docs/a.md'`,
    ],
  ])('[G5] %s is a complaint that names the quote and the source', (_, value, says) => {
    expect(complaint(value)).toBe(says)
  })

  it('[G5] a source may be written as a path with a line', () => {
    expect(verify(answer('a field', './docs/a.md:12'))).toMatchObject({ ok: true, value: { citations: [{ source: 'docs/a.md' }] } })
  })

  it('[G5] whatever is cut out of a source is found there, and what is found reads as the quote does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.nat(60), fc.nat(60), (text, a, b) => {
        const quote = text.slice(Math.min(a, b), Math.max(a, b)).trim()
        const place = findQuote(text, quote)
        if (place === undefined) return
        expect(place.end).toBeGreaterThan(place.start)
        expect(findQuote(text, text.slice(place.start, place.end), place.start)).toBeDefined()
      }),
    )
  })

  it('[G5] a quote is looked for in a text of any length in the time that its length asks for', () => {
    const long = `${'a “b” '.repeat(100_000)}the end`
    expect(findQuote(long, '"b" the  end')).toEqual({ start: long.length - 11, end: long.length })
  })

  it('[G5] of several places the one nearest to what was said is taken', () => {
    expect(findQuote('one two one two one', 'one', 9)).toEqual({ start: 8, end: 11 })
  })

  const issues = async (value: unknown): Promise<unknown> =>
    (await cited['~standard'].validate(value)).issues?.map(({ path, message }) => [path?.join('.'), message])

  it('[G5] an answer needs a citation, and an empty one needs none', async () => {
    expect(await issues({ text: 'Yes.', citations: [] })).toEqual([
      ['citations', 'at least one quote from the sources is needed; leave `text` empty when they hold no answer'],
    ])
    expect(await issues({ text: '', citations: [] })).toBeUndefined()
  })

  it('[G5] what is no answer is refused with the place of each fault', async () => {
    expect(await issues('text')).toEqual([
      ['text', expect.any(String)],
      ['citations', expect.any(String)],
    ])
    expect(await issues({ text: 'x', citations: [{ quote: ' ' }, null] })).toEqual([
      ['citations.0.quote', expect.any(String)],
      ['citations.0.source', expect.any(String)],
      ['citations.1.quote', expect.any(String)],
      ['citations.1.source', expect.any(String)],
    ])
  })

  it('[G5] a model is asked for quotes and sources, never for offsets', () => {
    const shown = cited['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
    expect(JSON.stringify(shown)).toContain('"required":["quote","source"]')
    expect(JSON.stringify(shown)).not.toContain('start')
  })

  it('[G5] citations are checked against the whole source by offset, and named by file and line', async () => {
    const verdict = verify(answer('it’s free'))
    const checked = verdict.ok ? verdict.value : answer('')
    const shifted = { ...checked, citations: checked.citations.map((citation) => ({ ...citation, start: citation.start + 1 })) }
    const read = (source: string): string | undefined => (source === 'docs/a.md' ? text : undefined)
    expect(await verifyCitations(read, checked)).toMatchObject([{ ok: true, line: 7, at: 'docs/a.md:7' }])
    expect(await verifyCitations(read, shifted)).toMatchObject([{ ok: false }])
    expect(await verifyCitations(read, answer('a field', 'gone.md'))).toMatchObject([{ ok: false, why: "there is no source 'gone.md'" }])
  })

  it('[G5] in HTML the line is that of the file', async () => {
    const html = '<html>\n<body>\n<p>One\n&amp; <b>two</b>\n\n</p><p>three</p>'
    const document = { source: 'a.html', hash: '', ...readText(html, 'text/html') }
    expect(await verifyCitations(() => document, answer('three', 'a.html'))).toMatchObject([{ ok: true, at: 'a.html:6' }])
  })
})
