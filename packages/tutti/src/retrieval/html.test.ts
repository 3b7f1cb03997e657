import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHtml } from './html.ts'
import { offsetInFile } from './line.ts'

describe('HTML', () => {
  it('[G1] headings, lists, code and tables keep their shape; scripts and navigation go', () => {
    const page = `<head><title>Page</title><script>x()</script></head><body><nav>Menu</nav><h2>A &amp; B</h2><p>One
      two <b>three</b>.</p><ul><li>x</li><li>y</li></ul><pre><code>if (a &lt; b)
  go()</code></pre><table><tr><th>h</th><th>i</th></tr><tr><td>1</td><td>2</td></tr></table>end<br>of it`
    expect(readHtml(page).text).toBe('## A & B\n\nOne two three.\n\n- x\n- y\n\n```\nif (a < b)\n  go()\n```\n\n| h | i |\n| 1 | 2 |\n\nend\nof it')
    expect(readHtml(page).title).toBe('Page')
  })

  it('[G1] of a page with a main part only that is read', () => {
    expect(readHtml('<body><div>Skip to content</div><main><h1>Real</h1>text</main><footer>© us</footer>').text).toBe('# Real\n\ntext')
  })

  it('[G1] each word is found again in the file, past entities, tags and line ends', () => {
    const page = '<p>alpha &nbsp;&amp; <i>beta</i>\r\n\r\n&eacute;t&#233; gamma</p>\r\n<pre>\r\nx\r\n  delta &lt;y&gt; epsilon</pre>'
    const { text, offsets } = readHtml(page)
    for (const word of ['alpha', 'beta', 'gamma', 'delta', 'epsilon']) {
      const place = offsetInFile(offsets, text.indexOf(word))
      expect(page.slice(place, place + word.length)).toBe(word)
    }
  })

  it('[G1] no input fails, and places in the file only go forward', () => {
    const piece = fc.constantFrom(
      '<p>',
      '</p>',
      '<table>',
      '<td>',
      '<li>',
      '<pre>',
      '</pre>',
      'text',
      '&amp;',
      '&bogus',
      '<',
      '"',
      '\r\n',
      ' ',
      '<!--',
      '-->',
      '<h1>',
      '</h1>',
      '<main>',
      '😀',
      '\u0000',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const { text, offsets } = readHtml(pieces.join(''))
        for (const [i, [at]] of offsets.entries()) {
          expect(at).toBeLessThanOrEqual(text.length)
          expect(at).toBeGreaterThanOrEqual(offsets[i - 1]?.[0] ?? 0)
        }
      }),
    )
  })
})
