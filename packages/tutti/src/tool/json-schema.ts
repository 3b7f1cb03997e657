/** JSON Schema that came from elsewhere, as a schema: checked by Ajv, shown as it is. Nothing is fetched: a `$ref` to another place is refused. */
import { createRequire } from 'node:module'
import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128, type JsonSchema, type ModelSchema } from '../primitives/index.ts'

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

/** Compiling costs a millisecond, and the tools of a source come with every run: what was compiled is known by its object, else by what it says. */
const known = new WeakMap<JsonSchema, ValidateFunction>()
const compiled = new Map<string, ValidateFunction>()
const MOST_KNOWN = 2_000

function compile(schema: JsonSchema, what: string): ValidateFunction {
  const byObject = known.get(schema)
  if (byObject) return byObject
  const said = hash128(canonical(schema))
  const check = compiled.get(said) ?? compileAnew(schema, what)
  if (compiled.size >= MOST_KNOWN) compiled.clear()
  compiled.set(said, check)
  known.set(schema, check)
  return check
}

function compileAnew(schema: JsonSchema, what: string): ValidateFunction {
  const { $id: _, ...rest } = schema
  const earlier = typeof rest.$schema === 'string' && /draft-0[4-7]/.test(rest.$schema)
  const { $schema: __, ...plain } = rest
  try {
    return checker(earlier).compile(plain)
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `the schema of ${what} cannot be used: ${(cause as Error).message}`, {
      cause,
      hint: 'Leave the tool out, or have its schema mended: it must be JSON Schema that refers to nothing outside itself.',
    })
  }
}

const require = createRequire(import.meta.url)

/** Loaded when a schema is first checked: most apps declare theirs in another way. One for each, so that none sees the definitions of another. */
function checker(earlier: boolean): Ajv {
  if (earlier) return new (require('ajv') as { Ajv: typeof Ajv }).Ajv(options)
  return new (require('ajv/dist/2020.js') as { Ajv2020: typeof Ajv2020 }).Ajv2020(options)
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
