import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskMdx } from './mdx.ts'

const seen = (text: string): string => maskMdx(text).replaceAll(/\s+/g, ' ').trim()

describe('MDX', () => {
  it('[G1] imports, exports, tags and comments go; what a reader sees stays', () => {
    const text = `import { Tabs } from './tabs'\nimport {\n  Note,\n} from './note'\n\nexport const meta = { a: 1 }\n\n# Title\n\n<Note type="a > b" on={() => { x > 1 }}>Read **this**.</Note>\n\n{/* not this */}\n<Tabs items={['x']}>\n  Inside.\n</Tabs>\n<Empty />`
    expect(seen(text)).toBe('# Title Read **this**. Inside.')
  })

  it('[G1] code stays as it is, in blocks and in spans', () => {
    const text = 'Use `<Tabs a={1}>` so:\n\n```tsx\nimport x from "y"\n\n<Tabs>{/* a */}</Tabs>\n```\n\nDone <b>now</b>.'
    expect(seen(text)).toBe('Use `<Tabs a={1}>` so: ```tsx import x from "y" <Tabs>{/* a */}</Tabs> ``` Done now .')
  })

  it('[G1] what looks like a tag and is none stays', () => {
    expect(seen('If a < b and c > d, then Map<string, number> works, import it. 1 <2 <')).toContain('If a < b and c > d')
    expect(seen('a <Broken attr="never closed')).toBe('a <Broken attr="never closed')
  })

  it('[G1] every position stays where it was, whatever the text', () => {
    const piece = fc.constantFrom(
      '<A b="',
      '">',
      '</A>',
      '{',
      '}',
      '`',
      '```',
      '\n',
      '\n\n',
      'import x',
      'export const',
      '{/*',
      '*/}',
      '<',
      '>',
      'text',
      "'",
      '\r\n',
      '😀',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join('')
        const masked = maskMdx(text)
        expect(masked.length).toBe(text.length)
        for (let i = 0; i < text.length; i++) if (masked[i] !== ' ') expect(masked[i]).toBe(text[i])
      }),
    )
  })
})
