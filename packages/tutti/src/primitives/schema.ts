/** Standard Schema (https://standardschema.dev) and its JSON Schema part: the only thing tutti knows of a schema library. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { type ErrorCode, TuttiError } from '../errors/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: a schema of anything
export type Schema<I = any, O = any> = StandardSchemaV1<I, O>
/** A schema that a model can be shown: Standard Schema with its JSON Schema part (zod, arktype; valibot through `toStandardJsonSchema`). */
// biome-ignore lint/suspicious/noExplicitAny: a schema of anything
export type ModelSchema<I = any, O = any> = StandardSchemaV1<I, O> & StandardJSONSchemaV1<I, O>
// biome-ignore lint/suspicious/noExplicitAny: the other side does not matter
export type InOf<S> = S extends StandardSchemaV1<infer I, any> ? I : never
// biome-ignore lint/suspicious/noExplicitAny: the other side does not matter
export type OutOf<S> = S extends StandardSchemaV1<any, infer O> ? O : never

export type JsonSchema = Record<string, unknown>

/** By shape: whatever library made it. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as Partial<Schema>)['~standard']?.validate === 'function'
}

/** What to give where something else was given than a schema. */
export function schemaHint(option: string, given: unknown): string {
  const words = typeof given === 'object' && given !== null ? Object.keys(given) : []
  if (words.includes('jsonSchema')) return `It is a Standard Schema, and this wraps JSON Schema: write ${option}: z.fromJSONSchema(it.jsonSchema), of zod.`
  if (words.some((word) => ['$schema', '$ref', 'type', 'properties', 'enum', 'anyOf', 'oneOf', 'allOf'].includes(word)))
    return `It is a Standard Schema, and this is JSON Schema: write ${option}: z.fromJSONSchema({ … }), of zod.`
  return `It is a Standard Schema, as zod, arktype and valibot make them: ${option}: z.object({ … }).`
}

/** One thing a schema did not accept: `at` is the path, as in `items.3.price`; empty for the whole value. */
export interface Complaint {
  readonly at: string
  readonly says: string
}

export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly complaints: readonly Complaint[] }

/** At once, unless the schema has to wait for something. */
export function check<O>(schema: Schema<unknown, O>, value: unknown): Checked<O> | Promise<Checked<O>> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(checkedOf) : checkedOf(result)
}

function checkedOf<O>(result: StandardSchemaV1.Result<O>): Checked<O> {
  if (!result.issues) return { ok: true, value: result.value }
  return { ok: false, complaints: result.issues.map((issue) => ({ at: pathOf(issue), says: issue.message })) }
}

/** @throws `code`, with every complaint in the message and in `data`. */
export async function validate<O>(schema: Schema<unknown, O>, value: unknown, code: ErrorCode, what: string): Promise<O> {
  const checked = await check(schema, value)
  if (checked.ok) return checked.value
  throw new TuttiError(code, `${what} does not fit its schema: ${sayComplaints(checked.complaints)}`, {
    data: checked.complaints.map(({ at, says }) => ({ at, says })),
  })
}

export const sayComplaints = (complaints: readonly Complaint[]): string => complaints.map(({ at, says }) => (at ? `${at}: ${says}` : says)).join('; ')

/**
 * The JSON Schema (2020-12) a model is shown.
 * @throws CONFIG_INVALID when the schema has no JSON Schema part, or cannot be expressed in it.
 */
export function jsonSchemaOf(schema: Schema, side: 'input' | 'output'): JsonSchema {
  const standard = schema['~standard'] as Partial<StandardJSONSchemaV1['~standard']> & { vendor: string }
  if (!standard.jsonSchema) {
    const hint =
      standard.vendor === 'valibot'
        ? 'Wrap it: toStandardJsonSchema(schema) from @valibot/to-json-schema.'
        : 'Use a schema library with the JSON Schema part of Standard Schema (zod 4.2+, arktype 2.1.28+).'
    throw new TuttiError('CONFIG_INVALID', `a schema of ${standard.vendor} cannot be shown to a model: it has no JSON Schema part`, { hint })
  }
  try {
    return standard.jsonSchema[side]({ target: 'draft-2020-12' }) as JsonSchema
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `a schema of ${standard.vendor} cannot be expressed as JSON Schema: ${(cause as Error).message}`, {
      cause,
      hint: 'Leave out transforms, dates, maps and bigints in what a model is shown.',
    })
  }
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  return (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.')
}
