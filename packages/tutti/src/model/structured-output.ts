/**
 * How a model is asked for JSON of a schema, and how its answer is read back: in the provider's JSON mode, through a tool it is made to call, or by
 * instructions alone.
 *
 * Invariants: whatever the mode, a conversation holds the answer as text, so that the next model of a chain may be asked in another one; what is sent for one
 * schema is the same bytes every turn (M10); the answer is not checked here: what a provider promises of it is not believed.
 */
import type { Json, JsonSchema } from '../primitives/index.ts'
import type { ModelRequest, OutputMode, RawAnswer } from './model.port.ts'
import { parseOutput } from './output.ts'

export interface OutputPlan {
  readonly mode: OutputMode
  /** In JSON mode: the package does not pass the schema on, so the instructions say it. */
  readonly inInstructions: boolean
  readonly name: string
  /** As it is sent. */
  readonly schema: JsonSchema
  /** It is no object, so it is asked for as the one property of one. */
  readonly isWrapped: boolean
  /** It leaves something open that a provider's strict mode wants closed. */
  readonly isLoose: boolean
}

export interface OutputWay {
  readonly mode: OutputMode
  readonly inInstructions: boolean
  readonly anyRoot: boolean
}

/** The property a wrapped answer stands in. */
const wrapper = 'answer'

export function planOutput({ name, schema }: NonNullable<ModelRequest['output']>, tools: ModelRequest['tools'], way: OutputWay): OutputPlan {
  const { mode, inInstructions, anyRoot } = way
  const taken = new Set(tools?.map((tool) => tool.name))
  let free = name.slice(0, 60)
  while (taken.has(free)) free += '_'
  if (mode === 'prompt' || inInstructions) return { mode, inInstructions: true, name: free, schema, isWrapped: false, isLoose: true }
  const isWrapped = schema.type !== 'object' && !anyRoot
  const sent = once(isWrapped ? wrappedSchemas : closedSchemas, schema, isWrapped ? wrap : closed)
  return { mode, inInstructions, name: free, schema: sent, isWrapped, isLoose: isLoose(sent) }
}

export const schemaInstruction = ({ schema }: OutputPlan): string =>
  `Answer with JSON alone, no other text, that fits this JSON Schema:\n${JSON.stringify(schema)}`

const wrappedSchemas = new WeakMap<JsonSchema, JsonSchema>()
const closedSchemas = new WeakMap<JsonSchema, JsonSchema>()

function once(made: WeakMap<JsonSchema, JsonSchema>, schema: JsonSchema, make: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const known = made.get(schema) ?? make(schema)
  made.set(schema, known)
  return known
}

function wrap(schema: JsonSchema): JsonSchema {
  const { $defs, $schema: _, ...inner } = schema
  const moved = mapSchema(inner, (node) => (typeof node.$ref === 'string' ? { ...node, $ref: movedRef(node.$ref) } : node))
  const whole = { type: 'object', properties: { [wrapper]: moved }, required: [wrapper], ...($defs === undefined ? {} : { $defs }) }
  return closed(whole)
}

/** References to the root, and into it, follow it to where it stands now. */
const movedRef = (ref: string): string =>
  ref === '#' || (ref.startsWith('#/') && !ref.startsWith('#/$defs/')) ? `#/properties/${wrapper}${ref.slice(1)}` : ref

/**
 * What the strict modes of providers want and schema libraries leave out: objects that say they hold nothing else, and `anyOf` for `oneOf`. Both say no less of
 * what is a right answer; the schema itself checks it afterwards.
 */
function closed(schema: JsonSchema): JsonSchema {
  const { $schema: _, ...rest } = schema
  // The parts of an intersection know nothing of one another's properties.
  if (JSON.stringify(rest).includes('"allOf"')) return rest
  return mapSchema(rest, ({ oneOf, ...node }) => ({
    ...node,
    ...(oneOf === undefined ? {} : { anyOf: oneOf }),
    ...(node.properties !== undefined && node.additionalProperties === undefined ? { additionalProperties: false } : {}),
  }))
}

/** Keywords under which schemas stand: one or a list; by name. */
const inner: ReadonlySet<string> = new Set(['items', 'prefixItems', 'additionalProperties', 'anyOf', 'oneOf', 'allOf', 'not', 'contains', 'if', 'then', 'else'])
const named: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'patternProperties'])

/** The schema with `change` made to every schema in it, from the outside in. */
function mapSchema(schema: JsonSchema, change: (node: JsonSchema) => JsonSchema): JsonSchema {
  const each = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(each)
    return typeof value === 'object' && value !== null ? mapSchema(value as JsonSchema, change) : value
  }
  return Object.fromEntries(
    Object.entries(change(schema)).map(([keyword, value]) => {
      if (inner.has(keyword)) return [keyword, each(value)]
      if (!named.has(keyword) || typeof value !== 'object' || value === null) return [keyword, value]
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, node]) => [name, each(node)]))]
    }),
  )
}

/** Somewhere an object has a property that may be left out, or properties that are not named. */
function isLoose(schema: JsonSchema): boolean {
  let loose = false
  mapSchema(schema, (node) => {
    const names = typeof node.properties === 'object' && node.properties !== null ? Object.keys(node.properties) : []
    const required = new Set(Array.isArray(node.required) ? (node.required as readonly unknown[]) : [])
    if ((node.type === 'object' && node.additionalProperties !== false) || node.allOf !== undefined) loose = true
    if (names.some((name) => !required.has(name)) || node.default !== undefined) loose = true
    return node
  })
  return loose
}

/** The value that stands in what was written, so far. */
export function unwrapped(value: Json | undefined, plan: OutputPlan): Json | undefined {
  if (!plan.isWrapped) return value
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { readonly [name: string]: Json })[wrapper] : undefined
}

/** The answer with its JSON told apart, where that is not simply its text. `called`: what the model wrote as the input of the answering tool. */
export function withOutput(answer: RawAnswer, plan: OutputPlan | undefined, called: string | undefined): RawAnswer {
  if (!plan || (called === undefined && !plan.isWrapped)) return answer
  const text = called ?? answer.outputText ?? answer.message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const parsed = plan.isWrapped ? parseOutput(text) : undefined
  const value = parsed?.ok ? unwrapped(parsed.value, plan) : undefined
  const told = value === undefined ? (called === undefined ? {} : { outputText: called }) : { outputText: JSON.stringify(value) }
  const asksForMore = answer.message.parts.some((part) => part.type === 'tool-call')
  return { ...answer, ...told, finish: called !== undefined && !asksForMore && answer.finish === 'tool-calls' ? 'stop' : answer.finish }
}
