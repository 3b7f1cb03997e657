/**
 * MDX made readable as Markdown, offset by offset: imports, exports, JSX tags and `{expressions}` in tags become spaces, line breaks stay.
 * The result is as long as the source, so every position in one is the same position in the other. Never fails: what is not understood stays text.
 */
export function maskMdx(text: string): string {
  const masked = text.split('')
  const hide = (start: number, end: number): void => {
    for (let i = start; i < end; i++) if (masked[i] !== '\n' && masked[i] !== '\r') masked[i] = ' '
  }
  for (const { start, end } of outsideCode(text)) {
    hideModules(text, start, end, hide)
    hideTags(text, start, end, hide)
  }
  return masked.join('')
}

type Hide = (start: number, end: number) => void

/** The stretches of a Markdown text that are neither in a fenced block nor in a code span. */
function outsideCode(text: string): { start: number; end: number }[] {
  const stretches: { start: number; end: number }[] = []
  let from = 0
  const code = /(?:^|\n)[ \t]*(`{3,}|~{3,})[^\n]*(?:\n[\s\S]*?(?:\n[ \t]*\1[ \t]*(?=\r?\n|$))|[\s\S]*$)|(`+)(?!`)[^\n]*?[^`\n]\2(?!`)/g
  for (const match of text.matchAll(code)) {
    stretches.push({ start: from, end: match.index })
    from = match.index + match[0].length
  }
  stretches.push({ start: from, end: text.length })
  return stretches
}

/** `import …` and `export …` at the beginning of a line, up to the next blank line. */
function hideModules(text: string, start: number, end: number, hide: Hide): void {
  const statement =
    /(?<=^|\n)(?:import(?=[\s{*'"])|export(?=\s+(?:const|let|var|default|function|async|class|type|interface|\{|\*)))[\s\S]*?(?=\r?\n[ \t]*\r?\n|$)/g
  for (const match of text.slice(start, end).matchAll(statement)) hide(start + match.index, start + match.index + match[0].length)
}

/** After so many tags that never end the rest is taken for text: each costs a look at all that follows. */
const BROKEN_TAGS = 100

/** Opening, closing and empty tags with their attributes, and comments in braces. The text between the tags stays. */
function hideTags(text: string, start: number, end: number, hide: Hide): void {
  let at = start
  let broken = 0
  while (at < end && broken < BROKEN_TAGS) {
    const char = text[at]
    const opens = char === '<' ? TAG.test(text.slice(at, at + 80)) : char === '{' && text.startsWith('{/*', at)
    const close = !opens ? -1 : char === '<' ? tagEnd(text, at, end) : text.indexOf('*/}', at) + 3
    if (close > at && close <= end) {
      hide(at, close)
      at = close
    } else {
      at++
      if (opens) broken++
    }
  }
}

const TAG = /^<\/?(?:[A-Za-z][\w.:-]*(?=[\s/>{])|>|$)/

/** Where the tag that begins at `at` ends; -1 when it does not. Knows strings and nested braces in attributes. */
function tagEnd(text: string, at: number, end: number): number {
  let braces = 0
  let quote = ''
  for (let i = at + 1; i < end; i++) {
    const char = text[i] as string
    if (quote) quote = char === quote ? '' : quote
    else if (char === '"' || (char === "'" && braces === 0) || (char === '`' && braces > 0)) quote = char
    else if (char === '{') braces++
    else if (char === '}') braces--
    else if (char === '>' && braces <= 0) return i + 1
  }
  return -1
}
