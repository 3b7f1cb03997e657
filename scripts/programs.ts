/** The code in docs/programs.md: what the process of examples/shutdown.ts that is asked to end does, as a program of a reader's own would have it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withBlock, writePage } from './page.ts'

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

/** The lines between these two, moved to the left. */
export function part(source: string, after: string, before: string): string {
  const lines = source.split('\n')
  const from = lines.indexOf(after)
  const to = lines.indexOf(before, from)
  if (from === -1 || to === -1) throw new Error(`the source has no lines between '${after}' and '${before}'`)
  return lines
    .slice(from + 1, to)
    .map((line) => line.replace(/^ {2}/, ''))
    .join('\n')
}

export function writePrograms(): void {
  const code = part(read('examples/shutdown.ts'), "if (process.argv[2] === 'one') {", '} else {')
  writePage('docs/programs.md', withBlock(read('docs/programs.md'), 'shutdown', `\n\`\`\`ts\n${code}\n\`\`\`\n`))
}
