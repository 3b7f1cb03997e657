/** Rows of a statement as one array a column: so a statement has one text, however many rows it is given. */
export interface Columns {
  readonly rows: number
  readonly values: readonly (readonly unknown[])[]
}

export interface OpenColumns<Row> extends Columns {
  add(row: Row): void
}

type Types = Readonly<Record<string, string>>

export function columnsOf<T extends Types>(types: T): OpenColumns<{ readonly [C in keyof T]: unknown }> {
  const names = Object.keys(types)
  const values: unknown[][] = names.map(() => [])
  return {
    values,
    get rows() {
      return values[0]?.length ?? 0
    },
    add(row) {
      for (let i = 0; i < names.length; i++) (values[i] as unknown[]).push(row[names[i] as string])
    },
  }
}

/** `unnest($1::text[], …)`: the rows again, from the parameter `first` on. */
export const unnested = (types: Types, first: number): string =>
  `unnest(${Object.values(types)
    .map((type, i) => `$${first + i}::${type}[]`)
    .join(', ')})`
