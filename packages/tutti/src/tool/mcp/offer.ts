/** What a server offers, as tools: its own, and, where asked for, what it has to read and its prompts. */
import type { Tool } from '@modelcontextprotocol/client'
import { TuttiError } from '../../errors/index.ts'
import type { Effect } from '../../journal/index.ts'
import type { Json, JsonSchema } from '../../primitives/index.ts'
import type { SourcedTool } from '../source.port.ts'
import { hashTool } from '../source.ts'
import type { Client } from './client-package.ts'
import type { McpOptions } from './options.ts'
import type { McpOutcome } from './outcome.ts'

/** What a tool that is none of the server's own does. */
type ExtraKind = 'list_resources' | 'read_resource' | 'list_prompts' | 'get_prompt'
type With = { readonly outputSchema?: Json; readonly extra?: ExtraKind }

export function offeredTools(id: string, tools: readonly Tool[], options: McpOptions): readonly SourcedTool[] {
  const { only } = options
  const missing = only?.find((name) => !tools.some((tool) => tool.name === name))
  if (missing !== undefined)
    throw new TuttiError('CONFIG_INVALID', `the MCP server '${id}' has no tool '${missing}'`, {
      data: { source: id, tool: missing },
      hint: `It has: ${tools.map(({ name }) => name).join(', ') || 'none'}.`,
    })
  const chosen = only ? tools.filter(({ name }) => only.includes(name)) : tools
  return [...chosen.map((tool) => offered(tool, options)), ...extrasOf(options)]
}

function offered({ name, description = '', inputSchema, outputSchema, annotations }: Tool, { effects }: McpOptions): SourcedTool {
  const said: Effect = annotations?.readOnlyHint ? 'read' : annotations?.idempotentHint ? 'idempotent' : 'once'
  const effect = typeof effects === 'string' ? effects : ((effects && Object.hasOwn(effects, name) ? effects[name] : undefined) ?? said)
  const plain = { name, description, inputSchema: inputSchema as JsonSchema }
  const more: With = outputSchema ? { outputSchema: outputSchema as Json } : {}
  return { ...plain, effect, hash: hashTool(plain), with: more as Json }
}

/** As the library wants it: so that a resumed run calls with the schema that it began with. */
export const definitionOf = ({ name, description, inputSchema, with: more }: SourcedTool): Tool => ({
  name,
  description,
  inputSchema: inputSchema as Tool['inputSchema'],
  ...((more as With | undefined)?.outputSchema ? { outputSchema: (more as With).outputSchema as Tool['outputSchema'] } : {}),
})

const text = (description: string): JsonSchema => ({ type: 'string', description })
const object = (properties: Record<string, JsonSchema>, required: readonly string[] = []): JsonSchema => ({ type: 'object', properties, required })

function extrasOf({ resources, prompts }: McpOptions): SourcedTool[] {
  const extra = (kind: ExtraKind, description: string, inputSchema: JsonSchema): SourcedTool => {
    const plain = { name: kind, description, inputSchema }
    return { ...plain, effect: 'read', hash: hashTool(plain), with: { extra: kind } }
  }
  return [
    ...(resources
      ? [
          extra('list_resources', 'Lists what can be read: the URI, name and description of each.', object({})),
          extra('read_resource', 'Reads one resource.', object({ uri: text('As list_resources gives it.') }, ['uri'])),
        ]
      : []),
    ...(prompts
      ? [
          extra('list_prompts', 'Lists the prompts there are, and their arguments.', object({})),
          extra(
            'get_prompt',
            'Gives the text of a prompt.',
            object({ name: text('As list_prompts gives it.'), arguments: { type: 'object', additionalProperties: { type: 'string' } } }, ['name']),
          ),
        ]
      : []),
  ]
}

export const extraOf = (tool: SourcedTool): ExtraKind | undefined => (tool.with as With | undefined)?.extra

/** Carries out a tool that is none of the server's own. */
export async function callExtra(
  client: Client,
  kind: ExtraKind,
  input: unknown,
  o: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<McpOutcome> {
  const { uri = '', name = '', arguments: given = {} } = input as { uri?: string; name?: string; arguments?: Record<string, string> }
  if (kind === 'list_resources') {
    const { resources } = await client.listResources(undefined, o)
    const { resourceTemplates } = await client.listResourceTemplates(undefined, o).catch(() => ({ resourceTemplates: [] }))
    return listed([...resources, ...resourceTemplates])
  }
  if (kind === 'list_prompts') return listed((await client.listPrompts(undefined, o)).prompts)
  if (kind === 'read_resource') {
    const { contents } = await client.readResource({ uri }, o)
    return { result: { content: contents.map((resource) => ({ type: 'resource', resource })) } as unknown as Json }
  }
  const { messages, description } = await client.getPrompt({ name, arguments: given }, o)
  return { result: { content: messages.map(({ content }) => content), ...(description ? { _meta: { description } } : {}) } as unknown as Json }
}

const listed = (items: readonly unknown[]): McpOutcome => ({ result: { content: [], structuredContent: items } as unknown as Json })
