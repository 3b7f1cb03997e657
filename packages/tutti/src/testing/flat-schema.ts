/** Schemas of texts and of flat objects, so that flows for tests need no library for them. */
import type { ModelSchema, Schema } from '../primitives/index.ts'

type Kind = 'string' | 'number' | 'boolean'

/** An object with exactly these fields required. */
export function flatSchema<T>(fields: { readonly [name in keyof T]: Kind }): ModelSchema<T, T> {
  const names = Object.keys(fields) as (keyof T & string)[]
  const json = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: fields[name] }])), required: names }
  return {
    '~standard': {
      version: 1,
      vendor: 'tutti',
      jsonSchema: { input: () => json, output: () => json },
      validate: (value) => {
        const given = value as { readonly [name: string]: unknown }
        const wrong = typeof value === 'object' && value !== null ? names.filter((name) => typeof given[name] !== fields[name]) : ['']
        return wrong.length > 0 ? { issues: wrong.map((name) => ({ message: 'is not what it is to be', path: [name] })) } : { value: value as T }
      },
    },
  }
}

export const textSchema: Schema<string, string> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => (typeof value === 'string' ? { value } : { issues: [{ message: 'is no text' }] }),
  },
}
