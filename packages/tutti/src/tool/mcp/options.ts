/** How an MCP server is reached, and what is taken of it. */
import type { Effect } from '../../journal/index.ts'
import type { ModelLike } from '../../model/model.port.ts'
import type { Duration, Scope } from '../../primitives/index.ts'
import type { Awaitable } from '../../run/index.ts'
import type { McpAuth } from './oauth.ts'

/** A server that is a program of this machine, spoken to over its standard input and output. */
export interface McpCommand {
  readonly command: string
  readonly args?: readonly string[] | undefined
  /** Beside HOME, PATH, SHELL, TERM and the like: nothing else of the environment is handed on. */
  readonly env?: Record<string, string> | undefined
  /** Default: that of this process. */
  readonly cwd?: string | undefined
}

/** A server that is reached over Streamable HTTP. With a function each user of a tenant has a connection, and a cache, of their own. */
export interface McpUrl {
  readonly url: string
  readonly headers?: Record<string, string> | ((scope: Readonly<Scope>) => Awaitable<Record<string, string>>) | undefined
  readonly auth?: McpAuth | ((scope: Readonly<Scope>) => Awaitable<McpAuth>) | undefined
}

export type McpServer = McpCommand | McpUrl

export interface McpOptions {
  /** Only these tools, by the server's names. Default: all. One that the server does not have is an error. */
  readonly only?: readonly string[] | undefined
  /** A person is asked before each call, or before those of the tools named. */
  readonly approve?: boolean | readonly string[] | undefined
  /** What its tools do to the world, for all or by name. Default: what the server says of each (`readOnlyHint`, `idempotentHint`), else `'once'`. */
  readonly effects?: Effect | { readonly [tool: string]: Effect } | undefined
  /** Of one call, in all. Default: none but the run's deadline. */
  readonly timeout?: Duration | undefined
  /** A call that makes no progress for so long is given up. Default 60 s. */
  readonly idle?: Duration | undefined
  /**
   * What becomes of a tool that nobody has approved. `'first-use'` (default): what a server offers when it is first seen is taken, and written down; what is new or other
   * from then on is refused with TOOL_CHANGED. `'approved'`: nothing is taken before `tutti tools approve`. `false`: everything is taken.
   */
  readonly pin?: 'first-use' | 'approved' | false | undefined
  /** The server may ask a person in the midst of a call: the run waits, for days if need be, for `toolQuestion`. Default false. */
  readonly elicitation?: boolean | undefined
  /** The server may ask a model, at the expense of the run's budget: the app's (true), or this one. Default false. */
  readonly sampling?: boolean | ModelLike | undefined
  /** Folders that the server is told of, as file URLs or paths. */
  readonly roots?: readonly string[] | undefined
  /** What the server has to read is reachable too: two more tools, `list_resources` and `read_resource`. Default false. */
  readonly resources?: boolean | undefined
  /** The server's prompts are reachable too: `list_prompts` and `get_prompt`. Default false. */
  readonly prompts?: boolean | undefined
  /** Default: the newest that the server speaks. */
  readonly protocol?: '2025-11-25' | '2026-07-28' | undefined
}

export const isCommand = (server: McpServer): server is McpCommand => 'command' in server

/** Whether each user has a connection of their own. */
export const isPerUser = (server: McpServer): boolean => !isCommand(server) && (typeof server.headers === 'function' || typeof server.auth === 'function')
