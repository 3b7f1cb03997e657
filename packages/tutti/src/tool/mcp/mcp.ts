/** `mcp()`: the tools of an MCP server, as those of an agent. */
import { TuttiError } from '../../errors/index.ts'
import { canonical, checkOptions, checkValue, type Declared, type Duration, durationMs, is, type Json, sayGiven } from '../../primitives/index.ts'
import type { Run, ToolSource } from '../../run/index.ts'
import { useTool } from '../call.ts'
import type { DeclaredSource, SourceBody } from '../source.port.ts'
import { toolSource, toolsOf } from '../source.ts'
import { checkApprove, checkEffects } from '../source-options.ts'
import { converse } from './conversation.ts'
import { isCommand, isPerUser, type McpCommand, type McpOptions, type McpServer, type McpUrl } from './options.ts'
import { type McpOutcome, shownOutcome } from './outcome.ts'
import { Pins } from './pins.ts'
import { OpenServer } from './server.ts'

const IDLE: Duration = '60s'
const OPTIONS: Declared<McpOptions> = {
  ...{ only: is.list, approve: true, effects: true, timeout: true, idle: true, pin: true, elicitation: is.flag },
  ...{ sampling: true, roots: is.list, resources: is.flag, prompts: is.flag, protocol: is.oneOf('2025-11-25', '2026-07-28') },
}
const COMMAND: Declared<McpCommand> = { command: is.text, args: is.list, env: is.object, cwd: is.text }
const URL_OPTIONS: Declared<McpUrl> = { url: true, headers: is.objectOrFunction, auth: is.objectOrFunction }

export interface McpSource extends ToolSource {
  /**
   * Calls one of its tools from a flow, as a recorded step (and one for the list of its tools, the first time in a scope). Answers what a model would be told.
   * @throws TOOL_UNKNOWN | TOOL_INPUT_INVALID | TOOL_FAILED | TOOL_IN_DOUBT
   */
  call(run: Run, tool: string, input: { readonly [argument: string]: Json }): Promise<Json>
}

/**
 * The tools of an MCP server, reached over stdio or Streamable HTTP (protocol revisions 2025-11-25 and 2026-07-28). An agent that has it among its tools asks for
 * the list when its loop begins; the model reads `<id>_<name>`.
 *
 * @param id what stands before the names of its tools; never what the server calls itself
 * @throws CONFIG_INVALID
 * @example agent({ name: 'desk', tools: [mcp('files', { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', 'docs'] })] })
 */
export function mcp(id: string, server: McpServer, options: McpOptions = {}): McpSource {
  checkServer(id, server)
  checkOptions(`mcp('${id}')`, options, OPTIONS)
  checkEffects(`mcp('${id}')`, options.effects)
  checkApprove(`mcp('${id}')`, options.approve)
  checkChoices(`mcp('${id}')`, options)
  for (const name of ['timeout', 'idle'] as const) if (options[name] !== undefined) durationMs(options[name], `the ${name} of mcp('${id}')`)
  const declaration = { id, server, options }
  const { only, effects, resources, prompts, approve } = options
  const body: SourceBody = {
    id,
    asked: { only: only ?? null, effects: effects ?? null, resources: resources === true, prompts: prompts === true } as Json,
    key: hasCode(server) || typeof options.sampling === 'object' ? undefined : `mcp:${canonical([id, server, options])}`,
    pinned: options.pin === false ? undefined : (options.pin ?? 'first-use'),
    timeout: options.timeout,
    idle: options.idle ?? IDLE,
    approve: (tool) => (Array.isArray(approve) ? approve.includes(tool.name) : approve === true),
    conduct: (tool, input, o) => converse(declaration, tool, input, o),
    shown: (_, outcome) => shownOutcome(outcome as McpOutcome),
    open: (ground) => new OpenServer(declaration, ground, new Pins(ground.home)),
  }
  const source = toolSource(body)
  return { ...source, call: (run, tool, input) => callNamed(run, source as DeclaredSource, tool, input) }
}

async function callNamed(run: Run, source: DeclaredSource, name: string, input: unknown): Promise<Json> {
  const { id } = source['~source']
  const tools = await toolsOf(run, source)
  const found = tools.find((tool) => tool['~tool'].named === name)
  if (!found) {
    const names = tools.map((tool) => tool['~tool'].named).join(', ')
    throw new TuttiError('TOOL_UNKNOWN', `the MCP server '${id}' has no tool '${name}'`, {
      data: { source: id, tool: name },
      hint: `It has: ${names || 'none'}.`,
    })
  }
  return useTool(run, found, input, found.name)
}

/** A word in the place of false, or of a model. @throws CONFIG_INVALID */
function checkChoices(whose: string, { pin, sampling }: McpOptions): void {
  if (pin !== undefined && pin !== false) checkValue(`the pin of ${whose}`, 'pin', pin, is.oneOf('first-use', 'approved'))
  if (
    typeof sampling === 'string'
      ? sampling.includes('/')
      : sampling === undefined || typeof sampling === 'boolean' || is.objectOrFunction.fits(sampling) || is.list.fits(sampling)
  )
    return
  throw new TuttiError('CONFIG_INVALID', `the sampling of ${whose} is ${sayGiven(sampling)}`, {
    hint: "It is true, false, or a model: sampling: 'openai/gpt-5-mini'.",
  })
}

/** Two declarations with functions in them cannot be told to be the same: each has a connection of its own. */
const hasCode = (server: McpServer): boolean => isPerUser(server) || (!isCommand(server) && server.auth !== undefined)

function checkServer(id: string, server: McpServer): void {
  const who = `the MCP server '${id}'`
  checkValue(who, 'server', server, is.object)
  if (isCommand(server)) return checkOptions(who, server, COMMAND)
  const url = (server as { url?: unknown } | undefined)?.url
  if (typeof url !== 'string' || !/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new TuttiError('CONFIG_INVALID', `${who} has neither a command nor a URL: ${JSON.stringify(url ?? null)}`, {
      hint: "{ command: 'npx', args: [ … ] }, or { url: 'https://…/mcp' }",
    })
  checkOptions(who, server, URL_OPTIONS)
}
