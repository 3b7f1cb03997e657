/** JSON Schema that came from elsewhere, as a schema: checked by Ajv, shown as it is. Nothing is fetched: a `$ref` to another place is refused. */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { TuttiError } from '../errors/index.ts'
import type { JsonSchema, ModelSchema } from '../primitives/index.ts'

// Unknown keywords and formats are remarks for the model, and every complaint is told, so that one repair mends all.
const options: Options = { strict: false, allErrors: true, validateFormats: false, addUsedSchema: false }

/**
 * @param what named in the error
 * @throws CONFIG_INVALID when it is no JSON Schema that can be checked on this machine alone
 */
export function jsonSchemaAsSchema(schema: JsonSchema, what: string): ModelSchema {
  const check = compile(schema, what)
  return {
    '~standard': {
      version: 1,
      vendor: 'json-schema',
      validate: (value) => (check(value) ? { value } : { issues: (check.errors ?? []).map(issueOf) }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  }
}

function compile(schema: JsonSchema, what: string): ValidateFunction {
  const { $id: _, ...rest } = schema
  const earlier = typeof rest.$schema === 'string' && /draft-0[4-7]/.test(rest.$schema)
  const { $schema: __, ...plain } = rest
  try {
    return earlier ? new Ajv(options).compile(plain) : new Ajv2020(options).compile(plain)
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `the schema of ${what} cannot be used: ${(cause as Error).message}`, {
      cause,
      hint: 'Leave the tool out, or have its schema mended: it must be JSON Schema that refers to nothing outside itself.',
    })
  }
}

function issueOf({ instancePath, message, params, keyword }: ErrorObject): { message: string; path: readonly string[] } {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const { additionalProperty, allowedValues } = params as { additionalProperty?: string; allowedValues?: readonly unknown[] }
  if (keyword === 'additionalProperties') return { path, message: `there is no '${additionalProperty}'` }
  if (allowedValues) return { path, message: `must be one of ${allowedValues.map((value) => JSON.stringify(value)).join(', ')}` }
  return { path, message: message ?? keyword }
}
