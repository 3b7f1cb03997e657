/**
 * `npm run bench -- tools --data FOLDER [--json] [--words]` (or TUTTI_DATA), over the Berkeley function-calling leaderboard: how often the right tool is among the ten that
 * are chosen out of all, how the calls it holds to be right fare with the check of arguments, and what becomes of calls that are spoilt. `limit` of recall is what the same
 * method reached over 937 of the tools without this code.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { selectionOf, textOf } from '../packages/tutti/src/agent/select.ts'
import { check, type Json, type JsonSchema, type ModelSchema } from '../packages/tutti/src/primitives/index.ts'
import { minilm, TextRanking } from '../packages/tutti/src/retrieval/index.ts'
import { jsonSchemaAsSchema } from '../packages/tutti/src/tool/index.ts'
import { reporter } from './figure.ts'

const at = process.argv.indexOf('--data')
const data = at > 0 ? process.argv[at + 1] : process.env.TUTTI_DATA
if (data === undefined) throw new Error('Say where the data sets are: --data FOLDER, or TUTTI_DATA.')
const folder = join(data, 'bfcl/berkeley-function-call-leaderboard/bfcl_eval/data')

interface Definition {
  readonly name: string
  readonly description: string
  readonly parameters: JsonSchema
}
interface Task {
  readonly id: string
  readonly question: readonly (readonly { role: string; content: string }[])[]
  readonly function: readonly Definition[]
}
type Answers = readonly { readonly [name: string]: { readonly [argument: string]: readonly Json[] } }[]

const lines = <T>(path: string): T[] =>
  readFileSync(join(folder, path), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
const sets = ['simple_python', 'multiple', 'parallel', 'parallel_multiple', 'live_simple', 'live_multiple', 'live_parallel', 'live_parallel_multiple']

/** Its types are those of Python. */
const kinds: Record<string, string> = { dict: 'object', float: 'number', tuple: 'array', any: '' }
function asJsonSchema(given: unknown): JsonSchema {
  if (typeof given !== 'object' || given === null) return {}
  const { type, properties, items, enum: choices, required, description } = given as JsonSchema
  const kind = kinds[String(type)] ?? String(type ?? '')
  return {
    ...(kind ? { type: kind } : {}),
    ...(description === undefined ? {} : { description }),
    ...(properties
      ? { properties: Object.fromEntries(Object.entries(properties as object).map(([name, of]) => [name, asJsonSchema(of)])), additionalProperties: false }
      : {}),
    ...(items ? { items: asJsonSchema(items) } : {}),
    ...(choices ? { enum: choices } : {}),
    ...(Array.isArray(required) ? { required } : {}),
  }
}

const tasks = sets.flatMap((set) => {
  const answers = new Map(lines<{ id: string; ground_truth: Answers }>(`possible_answer/BFCL_v4_${set}.json`).map(({ id, ground_truth }) => [id, ground_truth]))
  return lines<Task>(`BFCL_v4_${set}.json`).map((task) => ({ ...task, set, answers: answers.get(task.id) ?? [] }))
})
const report = reporter()
await recall()
await argumentsOf()

/** All tools of all sets, by name; the questions of the two sets in which one of several is to be picked. */
async function recall(): Promise<void> {
  const picked = tasks.filter(({ set }) => set === 'multiple' || set === 'live_multiple')
  const byName = new Map<string, Definition>()
  for (const { function: tools } of tasks) for (const tool of tools) if (!byName.has(tool.name)) byName.set(tool.name, tool)
  const tools = [...byName.values()]
  const texts = tools.map(({ name, description, parameters }) => textOf({ name, description, inputSchema: parameters }))
  const questions = picked.map(({ question, answers }) => ({
    asked: question.flat().findLast(({ role }) => role === 'user')?.content ?? '',
    right: Object.keys(answers[0] ?? {})[0] ?? '',
  }))
  report({ name: 'tools to choose from', value: tools.length, unit: '' }, { name: 'questions', value: questions.length, unit: '' })
  const { top = 10 } = selectionOf('bench', {}) ?? {}
  const share = async (ranking: TextRanking): Promise<number> => {
    let found = 0
    for (const { asked, right } of questions) if ((await ranking.best(asked, top)).some((place) => tools[place]?.name === right)) found++
    return found / questions.length
  }
  report({ name: 'recall@10, words', value: await share(new TextRanking(texts, undefined)), unit: '', limit: 0.756 })
  if (process.argv.includes('--words')) return
  const embedder = await minilm()
  const both = new TextRanking(texts, embedder)
  const begun = performance.now()
  await both.best('to embed them all', top)
  report({ name: 'all tools embedded, once a process', value: performance.now() - begun, unit: 'ms' })
  report({ name: 'recall@10, words and meaning', value: await share(both), unit: '', limit: 0.852, target: { atLeast: 0.85 } })
  await embedder.close()
}

/** Each right call, checked; then spoilt in each way that applies, checked, and mended from nothing but what the check said. */
async function argumentsOf(): Promise<void> {
  const count = { right: 0, fits: 0, spoilt: 0, refused: 0, named: 0, mended: 0 }
  for (const { function: tools, answers } of tasks) {
    for (const [name, given] of answers.flatMap((call) => Object.entries(call))) {
      const definition = tools.find((tool) => tool.name === name)
      if (!definition) continue
      const schema = asJsonSchema(definition.parameters)
      const compiled = jsonSchemaAsSchema(schema, definition.name)
      const input = Object.fromEntries(Object.entries(given).flatMap(([argument, [first]]) => (first === '' || first === undefined ? [] : [[argument, first]])))
      count.right++
      if (!(await check(compiled, input)).ok) continue
      count.fits++
      for (const one of spoiled(input, schema)) await spoil(compiled, input, one)
    }
  }
  const { right, fits, spoilt, refused, named, mended } = count
  report(
    { name: 'right calls', value: right, unit: '' },
    { name: 'right calls that pass the check', value: fits / right, unit: '' },
    { name: 'spoilt calls', value: spoilt, unit: '' },
    { name: 'spoilt calls refused', value: refused / spoilt, unit: '', target: { atLeast: 0.99 } },
    { name: 'spoilt calls refused with the argument named', value: named / spoilt, unit: '', target: { atLeast: 0.99 } },
    { name: 'spoilt calls mended by the argument named', value: mended / spoilt, unit: '', target: { atLeast: 0.99 } },
  )

  async function spoil(schema: ModelSchema, input: Readonly<Record<string, Json>>, { at, value }: { at: string; value: Record<string, Json> }): Promise<void> {
    count.spoilt++
    const checked = await check(schema, value)
    if (checked.ok) return
    count.refused++
    if (!checked.complaints.some((complaint) => complaint.at === at || complaint.says.includes(`'${at}'`))) return
    count.named++
    // A model would mend what is complained of, and nothing else: here its right value is put back.
    const { [at]: _, ...rest } = value
    if ((await check(schema, at in input ? { ...rest, [at]: input[at] } : rest)).ok) count.mended++
  }
}

/** A required argument left out, one of another type, one outside its choices, one that does not exist. */
function spoiled(input: Readonly<Record<string, Json>>, schema: JsonSchema): { at: string; value: Record<string, Json> }[] {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>
  const made: { at: string; value: Record<string, Json> }[] = [{ at: 'no_such_argument', value: { ...input, no_such_argument: 1 } }]
  for (const [at, value] of Object.entries(input)) {
    if ((schema.required as readonly string[] | undefined)?.includes(at))
      made.push({ at, value: Object.fromEntries(Object.entries(input).filter(([name]) => name !== at)) })
    const { type, enum: choices } = properties[at] ?? {}
    if (type) made.push({ at, value: { ...input, [at]: typeof value === 'string' ? 17 : 'not of that type' } })
    if (choices) made.push({ at, value: { ...input, [at]: 'none of the choices' } })
  }
  return made
}
