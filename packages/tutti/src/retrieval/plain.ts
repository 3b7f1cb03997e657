const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

/**
 * The words of a Markdown text without its marks: what is searched and embedded, never what is quoted.
 * Link targets, tags, fences, emphasis, table rules and heading marks go; code stays as it is.
 */
export function plainText(text: string): string {
  let fenced = false
  const lines: string[] = []
  for (const line of text.split(/\r\n?|\n/)) {
    if (/^\s*(?:`{3,}|~{3,})/.test(line)) fenced = !fenced
    else lines.push(fenced ? line : plainLine(line))
  }
  return lines
    .join('\n')
    .replaceAll(/[^\S\n]+/g, ' ')
    .replaceAll(/\s*\n\s*/g, '\n')
    .trim()
}

/** No person writes a longer line; what a machine wrote has no marks worth the time to look for them. */
const LONGEST_LINE = 10_000

function plainLine(line: string): string {
  if (line.length > LONGEST_LINE) return line
  if (/^\s*(?:\|\s*)?(?::?-+:?\s*\|\s*)+(?::?-*:?\s*)$/.test(line)) return ''
  return line
    .replaceAll(/<!--.*?-->|<\/?[A-Za-z][^<>]*>/g, ' ')
    .replaceAll(/!?\[([^\]]*)\](?:\([^)\s]*(?:\s+"[^"]*")?\)|\[[^\]]*\])/g, '$1')
    .replace(/^\s*(?:#{1,6}|>|[-*+]|\d{1,9}[.)])\s+/, '')
    .replaceAll(/(\*{1,3}|~~)(?=\S)(.+?)(?<=\S)\1/g, '$2')
    .replaceAll(/`+/g, '')
    .replaceAll('|', ' ')
    .replaceAll(/&(amp|lt|gt|quot|apos|nbsp);/g, (_, name: string) => ENTITIES[name] ?? ' ')
}
