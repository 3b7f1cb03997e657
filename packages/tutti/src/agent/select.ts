/**
 * Tools for a question, where there are too many to show them all: found by their names, descriptions and parameters, by words and by meaning.
 * Each search is a recorded step, so that a replay shows the same tools without an embedding model.
 */
import { TuttiError } from '../errors/index.ts'
import type { ToolSpec } from '../model/index.ts'
import { canonical, checkOptions, hash128, is, type Json, type JsonSchema } from '../primitives/index.ts'
import { type Embedder, minilm, type RankedText, TextRanking } from '../retrieval/index.ts'
import type { Run, Tool } from '../run/index.ts'
import { jsonSchemaAsSchema, tool } from '../tool/index.ts'

export const FIND_TOOLS = 'find_tools'
const TOP = 10
/** Of a question: its end says what is wanted now. */
const LONGEST_QUESTION = 2_000
/** Sets of tools whose words and vectors are kept. */
const KEPT = 8

export interface ToolSelection {
  /** How many are shown at first, those that fit the question best. Default 10. With 0 and `find`, none. */
  top?: number | undefined
  /** Gives the model `find_tools`, with which it looks for others. Default true. */
  find?: boolean | undefined
  /** `'minilm'` (default): by words and by meaning, where `@tutti/embed-minilm` is installed, else by words; an embedder of your own; `false`: by words. */
  embed?: 'minilm' | Embedder | false | undefined
}

export interface Selection {
  readonly top: number
  readonly find: boolean
  readonly embed: 'minilm' | Embedder | false
}

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

/** @throws CONFIG_INVALID */
export function selectionOf(agent: string, o: ToolSelection | undefined): Selection | undefined {
  if (o === undefined) return undefined
  checkOptions<ToolSelection>(`the toolSelection of the agent '${agent}'`, o, { top: true, find: is.flag, embed: true })
  const { top = TOP, find = true, embed = 'minilm' } = o
  if (!Number.isInteger(top) || top < 0 || (top === 0 && !find))
    throw new TuttiError('CONFIG_INVALID', `the agent '${agent}' is shown ${top} tools and cannot find others`, {
      hint: 'Give toolSelection: { top: 10 }, or { top: 0, find: true }.',
    })
  return { top, find, embed }
}

/** The names of those that fit, best first. */
export async function selectTools(run: Run, tools: readonly AnyTool[], specs: readonly ToolSpec[], question: string, o: Selection): Promise<readonly string[]> {
  const asked = { question: question.slice(-LONGEST_QUESTION), top: o.top, of: digestOf(specs) }
  return run.step('tools:select', asked, async (_, { signal }) => search(tools, specs, asked.question, o.top, o, signal))
}

export function finderOf(tools: readonly AnyTool[], specs: readonly ToolSpec[], o: Selection): AnyTool {
  return tool({
    name: FIND_TOOLS,
    description: `Finds tools for a task among ${tools.length}; what it finds can be called from then on. Say in a few words what the tool should do.`,
    input: jsonSchemaAsSchema(findSchema, `the tool '${FIND_TOOLS}'`),
    effect: 'read',
    execute: async (given, { signal }) => {
      const names = await search(tools, specs, (given as { query: string }).query, o.top || TOP, o, signal)
      return names.map((name) => ({ name, description: specs.find((spec) => spec.name === name)?.description ?? '' }))
    },
  })
}

const findSchema = {
  type: 'object',
  properties: { query: { type: 'string', minLength: 1, maxLength: LONGEST_QUESTION, description: 'What the tool should do.' } },
  required: ['query'],
  additionalProperties: false,
}

/** In what `find_tools` has told. */
export const namesFound = (output: Json): readonly string[] =>
  Array.isArray(output) ? (output as readonly Json[]).flatMap((item) => (item as { name?: unknown } | null)?.name ?? []).map(String) : []

async function search(
  tools: readonly AnyTool[],
  specs: readonly ToolSpec[],
  question: string,
  top: number,
  o: Selection,
  signal: AbortSignal,
): Promise<string[]> {
  const ranking = await rankingOf(specs, o.embed)
  const places = await ranking.best(question, top, signal)
  return places.flatMap((place) => tools[place]?.name ?? [])
}

const digests = new WeakMap<readonly ToolSpec[], string>()
function digestOf(specs: readonly ToolSpec[]): string {
  const known = digests.get(specs) ?? hash128(canonical(specs.map(({ name, description, inputSchema }) => [name, description ?? '', inputSchema])))
  digests.set(specs, known)
  return known
}

/** By the digest of the tools and how they are compared; newest last. */
const rankings = new Map<string, TextRanking>()

async function rankingOf(specs: readonly ToolSpec[], embed: Selection['embed']): Promise<TextRanking> {
  const embedder = embed === 'minilm' ? await minilmIfInstalled() : embed || undefined
  const key = `${embedder?.id ?? 'words'}|${digestOf(specs)}`
  const known = rankings.get(key) ?? new TextRanking(specs.map(textOf), embedder)
  rankings.delete(key)
  rankings.set(key, known)
  const [oldest] = rankings.keys()
  if (rankings.size > KEPT && oldest !== undefined) rankings.delete(oldest)
  return known
}

async function minilmIfInstalled(): Promise<Embedder | undefined> {
  try {
    return await minilm()
  } catch (error) {
    if (TuttiError.is(error, 'RETRIEVAL_EMBEDDER_MISSING')) return undefined
    throw error
  }
}

/** What a tool is found by. */
export function textOf({ name, description, inputSchema }: ToolSpec): RankedText {
  return { name, body: [description ?? '', ...parametersOf(inputSchema)].join('\n') }
}

function parametersOf(schema: JsonSchema): string[] {
  const properties = (schema.properties ?? {}) as Record<string, { description?: unknown } | undefined>
  return Object.entries(properties).map(([name, of]) => `${name.replaceAll('_', ' ')}${typeof of?.description === 'string' ? `: ${of.description}` : ''}`)
}
