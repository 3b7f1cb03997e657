import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MediaType } from './document.ts'
import { readText } from './load.ts'
import { maskMdx } from './mdx.ts'
import { plainText } from './plain.ts'
import { sentences } from './sentence.ts'
import { type Chunk, split } from './split.ts'
import { estimateTokens } from './tokens.ts'

const chunksOf = (text: string, mediaType: MediaType = 'text/markdown', tokens?: number): Chunk[] => split(readText(text, mediaType), { tokens })
const lettersOf = (text: string): string => text.replaceAll(/[^\p{L}\p{N}]/gu, '')

/** Markdown of every kind of block, broken ones among them. */
const markdown = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '# One',
        '## Two',
        '#### Four',
        'Setext\n===',
        '- a\n- b\n  - c',
        '1. x\n\n   y',
        '> quoted',
        '```js\nlet a = 1\n\nlet b\n```',
        '| a | b |\n|---|---|\n| 1 | 2 |',
        '---',
        '<div>\nhtml\n</div>',
        '```\nopen',
      ),
      fc.lorem({ maxCount: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
    ),
    { maxLength: 12 },
  )
  .map((blocks) => blocks.join('\n\n'))

describe('splitting', () => {
  it.each(['text/markdown', 'text/mdx', 'text/plain', 'text/html'] as const)(
    '[G3] S1 S2 a chunk of %s is exactly its stretch of the text, in order, without overlap',
    (mediaType) => {
      fc.assert(
        fc.property(markdown, fc.integer({ min: 5, max: 60 }), (text, tokens) => {
          const document = readText(text, mediaType)
          let end = 0
          for (const chunk of split(document, { tokens })) {
            expect(document.text.slice(chunk.start, chunk.end)).toBe(chunk.text)
            expect(chunk.start).toBeGreaterThanOrEqual(end)
            expect(chunk.plain).not.toBe('')
            end = chunk.end
          }
        }),
      )
    },
  )

  it('[G3] S3 no letter is lost: each is in a chunk or in its heading', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.lorem({ maxCount: 30 }), fc.constantFrom('- a\n- b', '1. x\n2. y', '> quoted', '| a | b |\n|---|---|\n| 1 | 2 |', '```\nlet a = 1\n```')),
        ),
        fc.integer({ min: 5, max: 60 }),
        (blocks, tokens) => {
          const text = blocks.join('\n\n')
          expect(
            lettersOf(
              chunksOf(text, 'text/markdown', tokens)
                .map(({ text }) => text)
                .join(''),
            ),
          ).toBe(lettersOf(text))
        },
      ),
    )
  })

  it('[G3] a chunk keeps to its limit, also where the text offers no place to break', () => {
    const text = `# Code\n\n\`\`\`\n${'const abcdefgh = 12345\n'.repeat(80)}\`\`\`\n\n${'word '.repeat(500)}\n\n${'x'.repeat(5_000)}\n\n| a | b |\n|---|---|\n${'| some cell | another cell |\n'.repeat(60)}`
    const chunks = chunksOf(text, 'text/markdown', 100)
    expect(chunks.length).toBeGreaterThan(10)
    for (const chunk of chunks) expect(estimateTokens(chunk.text)).toBeLessThanOrEqual(100)
  })

  it('[G3] S4 a chunk lies within one section and carries the headings above it, which are not part of it', () => {
    const text = '---\ntitle: Guide\n---\n\nIntro.\n\n# Install\n\nRun it.\n\n## On Windows\n\nRun `it.exe`.\n\n# Use\n\nCall it.'
    expect(chunksOf(text).map(({ heading, text }) => [heading.join(' › '), text])).toEqual([
      ['Guide', 'Intro.'],
      ['Guide › Install', 'Run it.'],
      ['Guide › Install › On Windows', 'Run `it.exe`.'],
      ['Guide › Use', 'Call it.'],
    ])
  })

  it('[G3] a code block that fits stays whole, with the words before it where they fit too', () => {
    const code = '```ts\nimport { z } from "zod"\n\nconst a = z.string()\n```'
    expect(chunksOf(`# A\n\nSo:\n\n${code}\n\nThen.`).map(({ text }) => text)).toEqual([`So:\n\n${code}\n\nThen.`])
    expect(chunksOf(`# A\n\n${'Many words stand here. '.repeat(12)}\n\n${code}`, 'text/markdown', 60).map(({ text }) => text)).toContain(code)
  })

  it('[G3] a text that is too long or too deep to be parsed is split by its headings and blank lines', () => {
    const long = `# One\n${'Word by word. '.repeat(40_000)}\n\n## Two\n\nThe end.`
    expect(chunksOf(long).at(-1)).toMatchObject({ text: 'The end.', heading: ['One', 'Two'] })
    const deep = `# One\n\n${'> '.repeat(50_000)}deep\n\n${'- '.repeat(30)}\n\nThe end.`
    expect(chunksOf(deep).at(-1)?.text).toContain('The end.')
    expect(chunksOf(`Rule:\n\n${'-'.repeat(100)}\n\n- a\n- b`).map(({ text }) => text)).toEqual([`Rule:\n\n${'-'.repeat(100)}\n\n- a\n- b`])
  })

  it.each(['text/markdown', 'text/mdx', 'text/html'] as const)('[G3] a hostile text of %s is split like any other', (mediaType) => {
    for (const part of [' ', '\n', '`', '` a ', '<a ', '<A b={', '{/*', '> ', '**a ', '[a](', '<!-- ', '"', 'a. ', '| a ', '\\', '猫']) {
      const document = readText(`${part.repeat(20_000 / part.length)}x`, mediaType)
      for (const { start, end, text } of split(document)) expect(document.text.slice(start, end)).toBe(text)
    }
  })

  it('[G3] megabytes of one thing take the time that their length asks for', () => {
    // Squared, each of these would take minutes.
    expect(maskMdx('<a '.repeat(300_000)).trim()).toBe('<a '.repeat(300_000).trim())
    expect(plainText(`${' '.repeat(1_000_000)}x`)).toBe('x')
    expect(sentences('a line\n'.repeat(100_000)).length).toBe(1)
  })

  it('[G3] a heading with nothing below it can still be found', () => {
    expect(chunksOf('# API\n\n## z.string()\n\n## z.number()\n').map(({ plain }) => plain)).toEqual(['z.string()', 'z.number()'])
  })

  it('[G3] what is searched is the words without their marks', () => {
    const [chunk] = chunksOf('See **the** [guide](https://example.com/secret), `code` and <b>tags</b> &amp; more.\n\n<!-- hidden -->')
    expect(chunk?.plain).toBe('See the guide, code and tags & more.')
  })

  it('[G1] the title is that of the front matter, else the first heading, else that of HTML within', () => {
    expect(readText('---\ntitle: "Front: matter"\n---\n# Other', 'text/markdown').meta.title).toBe('Front: matter')
    expect(readText('Text first.\n\n## Then *this*\n', 'text/markdown').meta.title).toBe('Then this')
    expect(readText('<h1 align="center">Zod</h1>\n\n### More', 'text/markdown').meta.title).toBe('Zod')
    expect(readText('\ufeff# With a mark', 'text/markdown').meta.title).toBe('With a mark')
  })
})
