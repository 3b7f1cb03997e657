/**
 * A JSON value of a schema, out of what a person wrote and nothing else: choices are picked by similarity, text is copied, numbers and dates are taken when they
 * stand in the text. What would have to be made up is refused.
 */
import type { JsonSchema } from '../../primitives/index.ts'
import type { TextEmbedder } from '../model.port.ts'
import { cosine } from './quote.ts'
import { asWords, stemsOf } from './words.ts'

export interface Material {
  /** What the person wrote. */
  readonly text: string
  readonly instructions: string
  readonly embedder: TextEmbedder | undefined
}

export type Filled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string }

const refuse = (why: string): Filled => ({ ok: false, why })
const give = (value: unknown): Filled => ({ ok: true, value })

/** Properties that ask for what was said. */
const copies = /question|query|text|input|message|prompt|request|said|content/i

export async function fill(schema: JsonSchema, material: Material, name = 'the answer', root: JsonSchema = schema): Promise<Filled> {
  const at = resolveRef(schema, root)
  if ('const' in at) return give(at.const)
  const choices = choicesOf(at, root)
  if (choices) return choose(choices, at, material)
  if (allowsNull(at)) {
    const filled = await fill(withoutNull(at, root), material, name, root)
    return filled.ok ? filled : give(null)
  }
  switch (at.type) {
    case 'object':
      return fillObject(at, material, root)
    case 'string':
      return fillString(at, material.text, name)
    case 'number':
      return onlyOne(material.text.match(/(?<![\w.,-])-?\d+(?:\.\d+)?(?![\w-]|[.,]\d)/g), `a number for ${name}`, Number)
    case 'integer':
      return onlyOne(material.text.match(/(?<![\w.,-])-?\d+(?![\w-]|[.,]\d)/g), `a whole number for ${name}`, Number)
    default:
      return refuse(`${name} would have to be made up`)
  }
}

async function fillObject(schema: JsonSchema, material: Material, root: JsonSchema): Promise<Filled> {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>
  const required = new Set((schema.required ?? []) as string[])
  const value: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(properties)) {
    const filled = await fill(property, material, `'${name}'`, root)
    if (filled.ok) value[name] = filled.value
    else if (required.has(name)) return filled
  }
  return Object.keys(value).length > 0 ? give(value) : refuse('the schema has nothing that could be taken from the text')
}

function fillString(schema: JsonSchema, text: string, name: string): Filled {
  if (schema.format === 'date' || schema.format === 'date-time') {
    const pattern = schema.format === 'date' ? /\b\d{4}-\d{2}-\d{2}\b/g : /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})/g
    return onlyOne(text.match(pattern), `a date for ${name}`, (found) => found)
  }
  if (typeof schema.format === 'string') return refuse(`${name} would have to be made up`)
  if (typeof schema.pattern === 'string')
    return onlyOne(text.match(new RegExp(schema.pattern.replace(/^\^|\$$/g, ''), 'g')), `a text of the pattern of ${name}`, (found) => found)
  return copies.test(name) ? give(text) : refuse(`${name} would have to be written`)
}

/** Taken only when the text leaves no choice. */
function onlyOne<T>(found: readonly string[] | null, what: string, read: (text: string) => T): Filled {
  const distinct = [...new Set(found ?? [])]
  if (distinct.length === 1) return give(read(distinct[0] as string))
  return refuse(distinct.length === 0 ? `the text holds no ${what.replace(/^an? /, '')}` : `the text holds more than one candidate: ${what}`)
}

interface Choice {
  readonly value: unknown
  readonly says: string
}

/** An enum, or alternatives that are constants, each with its own description. */
function choicesOf(schema: JsonSchema, root: JsonSchema): Choice[] | undefined {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => ({ value, says: asWords(String(value)) }))
  const alternatives = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined
  const constants = alternatives?.map((each) => resolveRef(each, root))
  if (!constants || constants.length === 0 || !constants.every((each) => 'const' in each)) return undefined
  return constants.map((each) => ({ value: each.const, says: `${asWords(String(each.const))} ${String(each.description ?? each.title ?? '')}`.trim() }))
}

/** Choices that mean 'none of the others'. */
const leftover = /^(other|others|none|unknown|else|otherwise|misc|general|rest|default)$/i
/** Below this cosine a text is about none of the choices. Measured on short questions against one or two words. */
const leastCosine = 0.25

async function choose(choices: readonly Choice[], schema: JsonSchema, { text, instructions, embedder }: Material): Promise<Filled> {
  const real = choices.filter(({ value }) => !leftover.test(String(value)))
  const rest = choices.find(({ value }) => leftover.test(String(value)))
  const explained = real.map((choice) => explain(choice, `${String(schema.description ?? '')}\n${instructions}`))
  const asked = new Set(stemsOf(text))
  const byWords = explained.map((says) => new Set(stemsOf(says).filter((stem) => asked.has(stem))).size)
  const byMeaning = await similarities(text, explained, embedder)
  const scores = explained.map((_says, index) => (byMeaning[index] ?? 0) + 0.25 * Math.min(2, byWords[index] ?? 0))
  const best = scores.indexOf(Math.max(...scores))
  const near = (byWords[best] ?? 0) > 0 || (byMeaning[best] ?? 0) >= leastCosine
  if (best >= 0 && near) return give(real[best]?.value)
  if (rest) return give(rest.value)
  return best >= 0 && embedder
    ? give(real[best]?.value)
    : refuse(`the text is like none of the choices ${real.map(({ value }) => JSON.stringify(value)).join(', ')}`)
}

/** A choice with the lines that speak of it: 'order: where a parcel is' in a description or in the instructions. */
function explain({ value, says }: Choice, context: string): string {
  const name = new RegExp(`(?<![\\p{L}\\p{N}])${String(value).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\p{L}\\p{N}])`, 'iu')
  const lines = context.split(/[\n.;]+/).filter((line) => name.test(line) && line.length < 300)
  return [says, ...lines.slice(0, 3)].join('. ')
}

async function similarities(text: string, explained: readonly string[], embedder: TextEmbedder | undefined): Promise<readonly number[]> {
  if (!embedder || explained.length === 0) return explained.map(() => 0)
  const [asked, ...vectors] = await embedder.embed([text, ...explained])
  return vectors.map((vector) => (asked ? cosine(asked, vector) : 0))
}

const allowsNull = (schema: JsonSchema): boolean =>
  (Array.isArray(schema.type) && schema.type.includes('null')) ||
  (((schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined)?.some(({ type }) => type === 'null') ?? false)

function withoutNull(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (Array.isArray(schema.type)) return { ...schema, type: schema.type.find((type) => type !== 'null') }
  const rest = ((schema.anyOf ?? schema.oneOf) as JsonSchema[]).filter(({ type }) => type !== 'null').map((each) => resolveRef(each, root))
  return rest.length === 1 ? (rest[0] as JsonSchema) : { ...schema, type: undefined, anyOf: rest, oneOf: undefined }
}

/** References within the schema only. */
function resolveRef(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let at = schema
  for (let depth = 0; typeof at.$ref === 'string' && at.$ref.startsWith('#') && depth < 16; depth++) {
    const path = at.$ref.slice(1).split('/').filter(Boolean)
    at = path.reduce<JsonSchema>((inner, key) => (inner[key.replaceAll('~1', '/').replaceAll('~0', '~')] ?? {}) as JsonSchema, root)
  }
  return at
}
