/** Values as Python writes them, so that what it recorded can be compared to the byte. */
import { createHash } from 'node:crypto'

/** `json.dumps`: a space after each comma and colon, and everything beyond ASCII escaped. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return ascii(JSON.stringify(value))
  return `{${Object.entries(value)
    .map(([key, each]) => `${ascii(JSON.stringify(key))}: ${pythonJson(each)}`)
    .join(', ')}}`
}

const ascii = (text: string): string => text.replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** tau-bench's hash of a database: sha256 of the text of nested tuples, in the order of their keys. */
export const databaseHash = (database: object): string => createHash('sha256').update(tuples(database)).digest('hex')

/** What never changes is written once: keep it frozen. */
const known = new WeakMap<object, string>()

function tuples(value: unknown): string {
  if (typeof value !== 'object' || value === null || !Object.isFrozen(value)) return written(value)
  const text = known.get(value) ?? written(value)
  known.set(value, text)
  return text
}

function written(value: unknown): string {
  if (value === null) return 'None'
  if (value === true || value === false) return value ? 'True' : 'False'
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return tuple(value.map(tuples))
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return tuple(entries.map(([key, each]) => `(${quoted(key)}, ${tuples(each)})`))
}

const tuple = (items: readonly string[]): string => (items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`)

/** `repr`: in single quotes, unless there is one in it and no double one. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return text.includes("'") && !text.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`
}
