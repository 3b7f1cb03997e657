/** JSON Schema as the TypeScript that a model reads best: what a tool takes, in the words of the language it is to write. */
import type { JsonSchema } from '../../primitives/index.ts'

const DEEPEST = 6
const WORD = /^[A-Za-z_$][\w$]*$/

/** One line: the type of a value that fits. What cannot be said so is `unknown`. */
export function typeOf(schema: unknown, depth = 0): string {
  if (typeof schema !== 'object' || schema === null || depth > DEEPEST) return 'unknown'
  const { type, enum: choices, const: only, anyOf, oneOf, items, properties, additionalProperties } = schema as JsonSchema
  if (only !== undefined) return JSON.stringify(only)
  if (Array.isArray(choices)) return choices.map((choice) => JSON.stringify(choice)).join(' | ') || 'never'
  const either = anyOf ?? oneOf
  if (Array.isArray(either)) return [...new Set(either.map((one) => typeOf(one, depth + 1)))].join(' | ')
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one }, depth + 1)).join(' | ')
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'number':
    case 'integer':
      return 'number'
    case 'array':
      return `Array<${typeOf(items, depth + 1)}>`
    default:
      return properties || type === 'object' ? objectType(schema as JsonSchema, properties, additionalProperties, depth) : 'unknown'
  }
}

function objectType({ required }: JsonSchema, properties: unknown, rest: unknown, depth: number): string {
  const needed = new Set(Array.isArray(required) ? required : [])
  const fields = Object.entries((properties ?? {}) as Record<string, JsonSchema>).map(([name, of]) => {
    const said = typeof of?.description === 'string' ? `/* ${inOneLine(of.description)} */ ` : ''
    return `${said}${WORD.test(name) ? name : JSON.stringify(name)}${needed.has(name) ? '' : '?'}: ${typeOf(of, depth + 1)}`
  })
  if (fields.length > 0) return `{ ${fields.join('; ')} }`
  return typeof rest === 'object' && rest !== null ? `Record<string, ${typeOf(rest, depth + 1)}>` : 'Record<string, unknown>'
}

/** A comment that a description cannot end. */
export const inOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('*/', '* /').trim()
