/**
 * Rows of a statement as one array a column: so a statement has one text, however many rows it is given.
 *
 * The arrays are written here as Postgres reads them (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO): the driver would look at every number and name for what
 * must be escaped. A column of `line`s, JSON texts, which never hold a line break, is one text that the server cuts: every quotation mark of a journal would have to be
 * escaped here, and understood there.
 */
type Type = 'text' | 'int' | 'bigint' | 'bool' | 'line'
type Types = Readonly<Record<string, Type>>

export interface Columns {
  readonly rows: number
  readonly values: readonly string[]
}

export interface OpenColumns<Row> extends Columns {
  add(row: Row): void
}

export function columnsOf<T extends Types>(types: T): OpenColumns<{ readonly [C in keyof T]: unknown }> {
  const columns = Object.entries(types).map(([name, type]) => ({ name, type, items: [] as string[] }))
  return {
    get values() {
      return columns.map(({ type, items }) => (type === 'line' ? items.join('\n') : `{${items.join(',')}}`))
    },
    get rows() {
      return columns[0]?.items.length ?? 0
    },
    add(row) {
      for (const { name, type, items } of columns) items.push(itemOf(row[name], type))
    },
  }
}

function itemOf(value: unknown, type: Type): string {
  if (type === 'line') return value as string
  if (value === null || value === undefined) return 'NULL'
  return type === 'text' ? quoted(value as string) : `${value}`
}

const quoted = (text: string): string => `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`

/** `unnest($1::text[], …)`: the rows again, from the parameter `first` on. */
export const unnested = (types: Types, first: number): string =>
  `unnest(${Object.values(types)
    .map((type, i) => (type === 'line' ? `string_to_array($${first + i}::text, E'\\n')` : `$${first + i}::${type}[]`))
    .join(', ')})`
