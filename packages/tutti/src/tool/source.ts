/** The tools of a source as the tools of an agent: what is recorded of them is what they are, in this run. */
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128, type Json, type JsonSchema } from '../primitives/index.ts'
import { checkName, type Run, type StepContext, type Tool, type ToolSource } from '../run/index.ts'
import { jsonSchemaAsSchema } from './json-schema.ts'
import type { DeclaredSource, OpenSource, SourceBody, SourcedTool } from './source.port.ts'
import { toolSourcesKey } from './sources.ts'

type Conducted = Parameters<NonNullable<SourceBody['conduct']>>[2]

/** What providers accept. */
const NAME_LENGTH = 64
const LIST_ATTEMPTS = 3

/** Declares a source. @throws CONFIG_INVALID for an id that could not stand in a name */
export function toolSource(body: SourceBody): ToolSource {
  checkName(body.id, 'source of tools')
  const declared: DeclaredSource = { '~tools': body.id, '~source': body }
  return declared
}

/** Of what a person approves: another hash is another tool. */
export const hashTool = (tool: { readonly name: string; readonly description: string; readonly inputSchema: JsonSchema }): string =>
  hash128(canonical([tool.name, tool.description, tool.inputSchema]))

/** What the model reads: the id of the source in front, never what the server calls itself; cut names end in a hash, so that they stay different. */
export function sourcedName(id: string, name: string): string {
  const whole = `${id}_${name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_')
  return whole.length <= NAME_LENGTH ? whole : `${whole.slice(0, NAME_LENGTH - 9)}_${hash128(`${id}/${name}`).slice(0, 8)}`
}

/**
 * The tools of a source, recorded in the step `tools:<id>`.
 * @throws TOOL_SOURCE_UNREACHABLE | TOOL_CHANGED | TOOL_DUPLICATE | CONFIG_INVALID
 */
// biome-ignore lint/suspicious/noExplicitAny: tools of anything
export async function toolsOf(run: Run, source: ToolSource): Promise<Tool<any, any>[]> {
  const declared = source as DeclaredSource
  const body = declared['~source']
  const opened = (): OpenSource => run['~core'].service(toolSourcesKey).open(declared)
  const listed = await run.step(`tools:${body.id}`, [body.id, body.asked ?? null], async (_, ctx) => toRecord(await opened().list(ctx)), {
    retry: { attempts: LIST_ATTEMPTS },
    timeout: body.timeout,
  })
  const names = new Map<string, string>()
  return (listed as unknown as readonly SourcedTool[]).map((tool) => {
    const name = sourcedName(body.id, tool.name)
    const other = names.get(name)
    if (other !== undefined)
      throw new TuttiError('TOOL_DUPLICATE', `the tools '${other}' and '${tool.name}' of '${body.id}' would both be called '${name}'`, {
        data: { source: body.id, tool: tool.name, other },
      })
    names.set(name, tool.name)
    return sourcedTool(body, tool, name, opened)
  })
}

/** In the order of their names: what the model sees does not change because a server lists them otherwise. */
const toRecord = (tools: readonly SourcedTool[]): Json => {
  const sorted = [...tools].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return JSON.parse(JSON.stringify(sorted)) as Json
}

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
function sourcedTool(body: SourceBody, tool: SourcedTool, name: string, opened: () => OpenSource): Tool<any, any> {
  const { conduct, shown } = body
  return {
    name,
    effect: tool.effect,
    '~tool': {
      description: tool.description,
      inputSchema: jsonSchemaAsSchema(tool.inputSchema, `the tool '${tool.name}' of '${body.id}'`),
      outputSchema: undefined,
      approve: body.approve?.(tool),
      timeout: body.timeout,
      idle: body.idle,
      named: tool.name,
      undo: undefined,
      reconcile: undefined,
      flow: undefined,
      execute: (input: unknown, ctx: StepContext) => opened().call(tool, input, ctx),
      ...(conduct ? { conduct: (input: unknown, o: Conducted) => conduct.call(body, tool, input, o) } : {}),
      ...(shown ? { shown: (outcome: unknown) => shown.call(body, tool, outcome) } : {}),
    },
    // biome-ignore lint/suspicious/noExplicitAny: its types are those of the source
  } as unknown as Tool<any, any>
}
