/** A Markdown file that begins with YAML between two lines of `---`: its fields, each with its line, and the text below. What is wrong with it is collected, so that one reading mends all. */
import { createRequire } from 'node:module'
import { slipOf } from '../primitives/index.ts'

type Yaml = typeof import('yaml')
let yaml: Yaml | undefined

/** Seventy modules, loaded with the first file that is read, and at once: an agent from a file is declared as any other. */
function loadYaml(): Yaml {
  yaml ??= createRequire(import.meta.url)('yaml') as Yaml
  return yaml
}

export interface FrontMatter {
  /** As the messages name it. */
  readonly file: string
  readonly fields: ReadonlyMap<string, { readonly value: unknown; readonly line: number }>
  /** The text below, without blank lines around it. */
  readonly body: string
  /** What is wrong so far: `file:line: what`. */
  readonly problems: string[]
}

const OPENING = /^\uFEFF?---[ \t]*\r?\n/
const CLOSING = /^---[ \t]*\r?$/m

export function readFrontMatter(file: string, text: string): FrontMatter {
  const problems: string[] = []
  const nothing = (line: number, what: string): FrontMatter => ({ file, fields: new Map(), body: '', problems: [`${file}:${line}: ${what}`] })
  const opening = OPENING.exec(text)
  if (!opening) return nothing(1, 'it does not begin with front matter: a line of ---, fields, and another line of ---')
  const rest = text.slice(opening[0].length)
  const closing = CLOSING.exec(rest)
  if (!closing) return nothing(1, 'its front matter is not closed by a line of ---')
  const { isScalar, LineCounter, parseDocument } = loadYaml()
  const lines = new LineCounter()
  const document = parseDocument(rest.slice(0, closing.index), { lineCounter: lines, uniqueKeys: true })
  const lineAt = (offset: number): number => lines.linePos(offset).line + 1
  for (const { pos, message } of document.errors) problems.push(`${file}:${lineAt(pos[0])}: ${message.split(/ at line|\n/)[0]}`)
  const fields = new Map<string, { value: unknown; line: number }>()
  const body = rest.slice(closing.index + closing[0].length).trim()
  const { contents } = document
  if (problems.length > 0) return { file, fields, body, problems }
  const values = document.toJS() as unknown
  if (contents === null || typeof values !== 'object' || values === null || Array.isArray(values) || !('items' in contents))
    return nothing(2, 'its front matter holds no fields')
  for (const { key } of contents.items as readonly { key: unknown }[]) {
    if (!isScalar(key)) continue
    const name = String(key.value)
    fields.set(name, { value: (values as Record<string, unknown>)[name], line: lineAt(key.range?.[0] ?? 0) })
  }
  return { file, fields, body, problems }
}

/** A field of the front matter, if it is what it must be; otherwise a problem is noted. */
export function readField<T>(matter: FrontMatter, field: string, is: (value: unknown) => value is T, what: string, required = false): T | undefined {
  const found = matter.fields.get(field)
  if (found && is(found.value)) return found.value
  if (found) complain(matter, field, `must be ${what}`)
  else if (required && matter.problems.length === 0) complain(matter, field, `is missing: it must be ${what}`)
  return undefined
}

/** Notes what is wrong with a field, at its line. */
export function complain({ file, fields, problems }: FrontMatter, field: string, says: string): void {
  problems.push(`${file}:${fields.get(field)?.line ?? 1}: '${field}' ${says}`)
}

/** A field that nobody reads would do nothing, and nobody would know. */
export function refuseOthers(matter: FrontMatter, known: readonly string[]): void {
  for (const field of matter.fields.keys()) {
    if (known.includes(field)) continue
    const meant = slipOf(field, known)
    complain(matter, field, `is no field of it${meant === undefined ? '' : ` (did you mean '${meant}'?)`}; there are ${known.join(', ')}`)
  }
}

export const isText =
  (longest: number) =>
  (value: unknown): value is string =>
    typeof value === 'string' && value.trim() !== '' && value.length <= longest
