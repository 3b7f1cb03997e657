/**
 * Agents that are written in files: Markdown, whose front matter says what the agent is and whose text is its instructions. Read once, when it is declared; what is code (tools, an output
 * schema, hooks) is given beside it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { exhaustionPolicies } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { Memory } from '../memory/index.ts'
import type { Prompt } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import { checkOptions, type Declared, is, type ModelSchema, type OutOf } from '../primitives/index.ts'
import type { Flow, Tool, ToolSource } from '../run/index.ts'
import { isTool } from '../tool/index.ts'
import { agent } from './agent.ts'
import { complain, type FrontMatter, isText, readField, readFrontMatter, refuseOthers } from './front-matter.ts'
import type { AgentHooks } from './hooks.ts'
import type { ToolSelection } from './select.ts'
import { folderOf } from './skill-folder.ts'

const FIELDS = ['name', 'description', 'model', 'tools', 'limits', 'skills']
const COUNTS = ['turns', 'toolCalls', 'repeats', 'usd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls']
const LONGEST_TEXT = 10_000

export interface AgentFileOptions {
  /** What the file may pick from, by name; sources by their id. A tool that no file names is given to none. */
  // biome-ignore lint/suspicious/noExplicitAny: tools of anything
  tools?: readonly (Tool<any, any> | ToolSource)[] | undefined
  /** For a file that names none. */
  model?: ModelLike | undefined
  plan?: boolean | undefined
  results?: { longest?: number | undefined } | undefined
  toolSelection?: ToolSelection | undefined
  // biome-ignore lint/suspicious/noExplicitAny: memory of anything
  memory?: Memory<any> | undefined
  version?: string | undefined
  hooks?: AgentHooks | undefined
}

const OPTIONS: Declared<AgentFileOptions & { output?: ModelSchema | undefined }> = {
  ...{ tools: is.list, model: true, plan: is.flag, results: is.object, toolSelection: is.object },
  ...{ memory: true, version: is.text, hooks: true, output: is.schema },
}

/**
 * Declares the agent of a Markdown file. Its front matter: `name`; optional `description`, `model` (one, or a list: a chain), `tools` (names of those given here; left out: none), `limits`,
 * `skills` (a folder, from where the file is). The text below is its instructions.
 *
 * @param path from the folder of the process, or a file URL: `new URL('desk.md', import.meta.url).href`
 * @throws CONFIG_INVALID naming file, line and field of all that is wrong
 * @example const desk = agentFrom('agents/desk.md', { tools: [findOrder, refund] })
 */
export function agentFrom<OS extends ModelSchema>(path: string, o: AgentFileOptions & { output: OS }): Flow<Prompt, OutOf<OS>>
export function agentFrom(path: string, o?: AgentFileOptions & { output?: undefined }): Flow<Prompt, string>
export function agentFrom(path: string, o: AgentFileOptions & { output?: ModelSchema | undefined } = {}): Flow<Prompt, unknown> {
  checkOptions('agentFrom()', o, OPTIONS)
  const { tools: given = [], model, output, ...rest } = o
  const matter = readFrontMatter(path, textOf(path))
  const file = readAgent(matter, given)
  if (matter.problems.length > 0)
    throw new TuttiError('CONFIG_INVALID', `an agent cannot be made of its file:\n${matter.problems.join('\n')}`, {
      hint: `Mend what is named. The fields are ${FIELDS.join(', ')}; the text below them is its instructions.`,
      data: { file: path, problems: matter.problems },
    })
  const { skills, ...said } = file
  const beside = dirname(folderOf(path))
  return agent({
    ...rest,
    ...said,
    model: file.model ?? model,
    ...(skills === undefined ? {} : { skills: isAbsolute(skills) ? skills : join(beside, skills) }),
    ...(output ? { output } : {}),
  } as unknown as Parameters<typeof agent>[0]) as Flow<Prompt, unknown>
}

/**
 * The agents of all Markdown files of a folder, by the names of the files. `README.md` is none.
 * @throws CONFIG_INVALID as `agentFrom`, for a folder without any, and for two of one name
 */
export function agentsFrom(folder: string, o: AgentFileOptions = {}): Flow<Prompt, string>[] {
  const files = filesIn(folder)
  if (files.length === 0) throw new TuttiError('CONFIG_INVALID', `there are no agents in ${folder}`, { hint: 'Each is a Markdown file in it.' })
  const found = new Map<string, string>()
  return files.map((file) => {
    const path = folder.startsWith('file:') ? `${folder.replace(/\/$/, '')}/${encodeURIComponent(file)}` : join(folder, file)
    const made = agentFrom(path, o)
    const other = found.get(made.name)
    if (other !== undefined)
      throw new TuttiError('CONFIG_INVALID', `the agents of ${other} and ${file} are both called '${made.name}'`, { hint: 'Rename one of them.' })
    found.set(made.name, file)
    return made
  })
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folderOf(folder))
      .filter((file) => /\.md$/i.test(file) && !/^(\.|readme\.md$)/i.test(file))
      .sort()
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `the folder of agents cannot be read: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a folder with Markdown files.',
    })
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(folderOf(path), 'utf8')
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', `the file of an agent cannot be read: ${(cause as Error).message}`, { cause, hint: 'Name a Markdown file.' })
  }
}

type Given = NonNullable<AgentFileOptions['tools']>

function readAgent(matter: FrontMatter, given: Given) {
  if (matter.fields.size > 0) refuseOthers(matter, FIELDS)
  const name = readField(matter, 'name', isText(LONGEST_TEXT), 'text', true)
  const description = readField(matter, 'description', isText(LONGEST_TEXT), 'text')
  const model = readField(matter, 'model', isModel, "a model, as 'provider/model', or a list of them")
  const skills = readField(matter, 'skills', isText(LONGEST_TEXT), 'a folder')
  const limits = readField(matter, 'limits', isLimits, `numbers above zero for ${COUNTS.join(', ')}, and onExhausted: ${exhaustionPolicies.join(', ')}`)
  const tools = pick(matter, given)
  return { name, description, model, skills, limits, tools, ...(matter.body ? { instructions: matter.body } : {}) }
}

/** The tools that the file names. */
function pick(matter: FrontMatter, given: Given): Given {
  const names = readField(matter, 'tools', isNames, 'names of tools')
  if (names === undefined) return []
  const list = typeof names === 'string' ? names.split(',').map((name) => name.trim()) : names
  const named = new Map(given.map((each) => [isTool(each) ? each.name : each['~tools'], each] as const))
  return [...new Set(list)].flatMap((name) => {
    const found = named.get(name)
    if (!found) complain(matter, 'tools', `names '${name}', and it may pick from ${[...named.keys()].join(', ') || 'none'}`)
    return found ?? []
  })
}

const isModelId = (value: unknown): value is ModelLike & string => typeof value === 'string' && /^[^/\s]+\/\S+$/.test(value)
const isModel = (value: unknown): value is ModelLike => isModelId(value) || (Array.isArray(value) && value.length > 0 && value.every(isModelId))
const isNames = (value: unknown): value is string | string[] =>
  isText(LONGEST_TEXT)(value) || (Array.isArray(value) && value.every((name) => isText(LONGEST_TEXT)(name)))

function isLimits(value: unknown): value is NonNullable<Parameters<typeof agent>[0]['limits']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([name, limit]) => {
    if (name === 'onExhausted') return exhaustionPolicies.includes(limit as never)
    if (name === 'repeats' && limit === false) return true
    return COUNTS.includes(name) && typeof limit === 'number' && Number.isFinite(limit) && limit > 0 && (name === 'usd' || Number.isInteger(limit))
  })
}
