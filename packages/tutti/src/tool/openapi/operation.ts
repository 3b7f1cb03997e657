/** One operation of an OpenAPI document as a tool: what a model gives for it, and how that becomes a request. */
import { TuttiError } from '../../errors/index.ts'
import type { Effect } from '../../journal/index.ts'
import type { Json, JsonSchema } from '../../primitives/index.ts'
import type { SourcedTool } from '../source.port.ts'
import { hashTool } from '../source.ts'

/** The document, with what it refers to in its place. */
export interface ApiDocument {
  readonly openapi?: string
  readonly servers?: readonly { readonly url: string; readonly variables?: Readonly<Record<string, { readonly default: string }>> }[]
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header' | 'cookie'
  readonly required?: boolean
  readonly description?: string
  readonly schema?: JsonSchema
  readonly style?: string
  readonly content?: unknown
}
interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly required?: boolean
    readonly description?: string
    readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>
  }
  readonly servers?: ApiDocument['servers']
}

/** What a call needs beside its arguments; recorded with the tool. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly server: string
  /** By the name that the model reads. */
  readonly parameters: readonly { readonly argument: string; readonly name: string; readonly in: Parameter['in'] }[]
  /** The media type of the argument `body`. */
  readonly body?: 'application/json' | 'application/x-www-form-urlencoded' | undefined
}

const methods = ['get', 'head', 'put', 'delete', 'post', 'patch', 'options'] as const
const effects: Readonly<Record<string, Effect>> = {
  get: 'read',
  head: 'read',
  options: 'read',
  put: 'idempotent',
  delete: 'idempotent',
  post: 'once',
  patch: 'once',
}

/** @throws CONFIG_INVALID for one that is not there, or that this version cannot call; the message names it */
export function toolsIn(id: string, document: ApiDocument, only: readonly string[], own: Readonly<Record<string, Effect>>): SourcedTool[] {
  const found = operationsOf(document)
  return only.map((wanted) => {
    const one = found.find(({ name, at }) => name === wanted || at === wanted)
    if (!one)
      throw new TuttiError('CONFIG_INVALID', `the API '${id}' has no operation '${wanted}'`, {
        hint: `Name it by its operationId, or as 'GET /path'. It has: ${
          found
            .slice(0, 40)
            .map(({ name }) => name)
            .join(', ') || 'none'
        }.`,
      })
    const description = [one.operation.summary, one.operation.description].filter(Boolean).join('\n') || one.at
    const { inputSchema, parameters, body } = argumentsOf(id, one.at, one.operation, one.shared)
    const said = { name: one.name, description, inputSchema }
    const route: Route = {
      method: one.method.toUpperCase(),
      path: one.path,
      server: serverOf(one.operation.servers ?? document.servers),
      parameters,
      ...(body ? { body } : {}),
    }
    return { ...said, hash: hashTool(said), effect: own[one.name] ?? own[one.at] ?? effects[one.method] ?? 'once', with: route as unknown as Json }
  })
}

interface Found {
  readonly name: string
  /** `GET /path` */
  readonly at: string
  readonly method: string
  readonly path: string
  readonly operation: Operation
  readonly shared: readonly Parameter[]
}

function operationsOf({ paths = {} }: ApiDocument): Found[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method): Found[] => {
      const operation = item?.[method] as Operation | undefined
      if (!operation) return []
      const at = `${method.toUpperCase()} ${path}`
      return [{ name: operation.operationId ?? at, at, method, path, operation, shared: (item?.parameters ?? []) as readonly Parameter[] }]
    }),
  )
}

function argumentsOf(
  id: string,
  at: string,
  operation: Operation,
  shared: readonly Parameter[],
): { inputSchema: JsonSchema; parameters: Route['parameters']; body: Route['body'] } {
  const properties: Record<string, JsonSchema> = {}
  const required: string[] = []
  const own = operation.parameters ?? []
  const all = [...shared.filter((each) => !own.some((other) => other.name === each.name && other.in === each.in)), ...own]
  const twice = (name: string): boolean => name === 'body' || all.filter((each) => each.name === name).length > 1
  const parameters = all.map((parameter) => {
    checkParameter(id, at, parameter)
    const argument = twice(parameter.name) ? `${parameter.in}_${parameter.name}` : parameter.name
    properties[argument] = { ...plainSchema(parameter.schema ?? {}), ...(parameter.description ? { description: parameter.description } : {}) }
    if (parameter.required || parameter.in === 'path') required.push(argument)
    return { argument, name: parameter.name, in: parameter.in }
  })
  const body = bodyOf(id, at, operation)
  if (body) properties.body = body.schema
  if (body && operation.requestBody?.required) required.push('body')
  return { inputSchema: { type: 'object', properties, required, additionalProperties: false }, parameters, body: body?.type }
}

function checkParameter(id: string, at: string, { name, in: place, style, content }: Parameter): void {
  const usual = { path: ['simple'], query: ['form', 'deepObject'], header: ['simple'], cookie: ['form'] }[place]
  if (content || (style !== undefined && !usual.includes(style)))
    throw cannot(id, at, `its parameter '${name}' is written ${content ? 'as a document' : `in the style '${style}'`}`)
}

function bodyOf(id: string, at: string, { requestBody }: Operation): { type: NonNullable<Route['body']>; schema: JsonSchema } | undefined {
  if (!requestBody) return undefined
  const types = Object.entries(requestBody.content ?? {})
  const json = types.find(([type]) => /^application\/(.+\+)?json\b/.test(type))
  const form = types.find(([type]) => type.startsWith('application/x-www-form-urlencoded'))
  const [, found] = json ?? form ?? []
  if (!found) throw cannot(id, at, `its body is ${types.map(([type]) => type).join(' or ') || 'of no type'}, and this version sends JSON and forms`)
  const described = requestBody.description ? { description: requestBody.description } : {}
  return { type: json ? 'application/json' : 'application/x-www-form-urlencoded', schema: { ...described, ...plainSchema(found.schema ?? {}) } }
}

const cannot = (id: string, at: string, why: string): TuttiError =>
  new TuttiError('CONFIG_INVALID', `the operation '${at}' of '${id}' cannot be called: ${why}`, {
    hint: 'Leave it out of `only`, or wrap it in a tool() of your own.',
  })

function serverOf(servers: ApiDocument['servers']): string {
  const [first] = servers ?? []
  return (first?.url ?? '').replaceAll(/\{([^}]+)\}/g, (whole, name: string) => first?.variables?.[name]?.default ?? whole)
}

/** OpenAPI 3.0 says some things otherwise than JSON Schema: `nullable`, and limits that are true or false. What only reading shows is left out of what is given. */
export function plainSchema(given: unknown): JsonSchema {
  if (typeof given !== 'object' || given === null) return {}
  if (Array.isArray(given)) return given.map(plainSchema) as unknown as JsonSchema
  const {
    nullable,
    exclusiveMinimum,
    exclusiveMaximum,
    example: _,
    xml: __,
    discriminator: ___,
    externalDocs: ____,
    readOnly: _____,
    writeOnly: ______,
    ...rest
  } = given as JsonSchema
  const made: JsonSchema = {}
  for (const [key, value] of Object.entries(rest)) made[key] = typeof value === 'object' && value !== null && !kept.has(key) ? deep(key, value) : value
  if (exclusiveMinimum === true) made.exclusiveMinimum = made.minimum
  else if (typeof exclusiveMinimum === 'number') made.exclusiveMinimum = exclusiveMinimum
  if (exclusiveMaximum === true) made.exclusiveMaximum = made.maximum
  else if (typeof exclusiveMaximum === 'number') made.exclusiveMaximum = exclusiveMaximum
  if (nullable !== true) return made
  if (made.type === undefined) return { anyOf: [made, { type: 'null' }] }
  return { ...made, type: [made.type, 'null'].flat(), ...(Array.isArray(made.enum) ? { enum: [...made.enum, null] } : {}) }
}

/** Values, not schemas. */
const kept: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'required', 'type'])

function deep(key: string, value: object): unknown {
  if (key !== 'properties' && key !== 'patternProperties' && key !== '$defs') return plainSchema(value)
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, typeof schema === 'object' ? plainSchema(schema) : schema]))
}
