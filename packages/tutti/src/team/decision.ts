/** What a manager is asked to decide, as a schema: a few fields, each of which is required. */
import type { JsonSchema, ModelSchema } from '../primitives/index.ts'

export type Field =
  | { readonly type: 'yes-or-no' | 'text' | 'list'; readonly says: string }
  /** One of these, or null. */
  | { readonly type: 'one-of'; readonly of: readonly string[]; readonly says: string }

export function decision<T>(fields: { readonly [K in keyof T]: Field }): ModelSchema<T, T> {
  const entries = Object.entries(fields) as [string, Field][]
  const shown: JsonSchema = {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, field]) => [name, shownField(field)])),
    required: entries.map(([name]) => name),
    additionalProperties: false,
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'tutti',
      validate: (value) => {
        const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
        const issues = entries.flatMap(([name, field]) => {
          const wrong = complaint(field, given[name])
          return wrong === undefined ? [] : [{ message: wrong, path: [name] }]
        })
        return issues.length > 0 ? { issues } : { value: Object.fromEntries(entries.map(([name]) => [name, given[name]])) as T }
      },
      jsonSchema: { input: () => shown, output: () => shown },
    },
  }
}

function shownField(field: Field): JsonSchema {
  const description = field.says
  switch (field.type) {
    case 'yes-or-no':
      return { type: 'boolean', description }
    case 'text':
      return { type: 'string', description }
    case 'list':
      return { type: 'array', items: { type: 'string' }, description }
    case 'one-of':
      return { enum: [...field.of, null], description }
  }
}

function complaint(field: Field, value: unknown): string | undefined {
  switch (field.type) {
    case 'yes-or-no':
      return typeof value === 'boolean' ? undefined : 'expected true or false'
    case 'text':
      return typeof value === 'string' ? undefined : 'expected a text'
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'expected a list of texts'
    case 'one-of':
      return value === null || field.of.includes(value as string) ? undefined : `expected one of ${field.of.join(', ')}, or null`
  }
}
