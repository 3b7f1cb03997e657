/** `mcpServer()`: flows, agents and tools of an app, for any MCP client. */
import { checkOptions, checkValue, type Declared, is, type Scope } from '../../primitives/index.ts'
import type { Awaitable } from '../../run/index.ts'
import { McpEndpoint, type StdioStreams } from './endpoint.ts'
import { type Exposable, exposedOf, factoryOf, type RunHost } from './exposed.ts'
import { loadServer, type McpFactory } from './server-package.ts'

export interface McpServerOptions {
  /** A flow needs an input schema that a model can be shown; an agent without one takes a prompt. */
  readonly expose: readonly Exposable[]
  /** What the server calls itself. Default 'tutti'. */
  readonly name?: string | undefined
  readonly version?: string | undefined
  /** Told to clients when they connect: what the tools are for. */
  readonly instructions?: string | undefined
  /** Over HTTP: names under which it may be called, beside those of this machine. */
  readonly hosts?: readonly string[] | undefined
  /** Over HTTP: whose runs a request starts, by its token; `undefined`: nobody's (401). Left out: anybody may call, without a scope. */
  authorize?(request: Request): Awaitable<Partial<Scope> | undefined>
}

const OPTIONS: Declared<McpServerOptions> = {
  ...{ expose: is.list, name: is.text, version: is.text, instructions: is.text, hosts: is.list, authorize: is.function },
}

export interface ServedMcp {
  /** A web-standard handler of Streamable HTTP. */
  fetch(request: Request): Promise<Response>
  /** Listens on this machine alone, unless `host` says otherwise; port 0 is any. */
  listen(port: number, host?: string): Promise<{ readonly url: string }>
  /** Speaks over standard input and output (or the streams given) until the other side is gone. */
  stdio(streams?: StdioStreams): Promise<void>
  close(): Promise<void>
}

/**
 * Exposes flows, agents and tools as MCP tools (protocol revisions 2025-11-25 and 2026-07-28). Each call is a durable run, its id in `_meta['tutti/run']`; steps are
 * progress, a cancelled call cancels its run, an error is a result with its code, an approval is asked of the person at the client. Calls that carry one
 * `_meta['tutti/idempotency-key']` are one run.
 *
 * @throws CONFIG_INVALID | TOOL_DUPLICATE; when it is first called, CONFIG_PACKAGE_MISSING
 * @example const { url } = await mcpServer(app, { expose: [desk, findOrder] }).listen(3000)
 */
export function mcpServer(app: object, o: McpServerOptions): ServedMcp {
  // Above all: an `authorize` that is spelled wrongly would let everybody in.
  checkOptions('mcpServer()', o, OPTIONS)
  checkValue('what mcpServer() exposes', 'expose', o.expose, is.list)
  const exposed = exposedOf(o.expose)
  const { name = 'tutti', version = '1.0.0', instructions, authorize } = o
  const scopeOf = (authInfo: unknown): Partial<Scope> | undefined => (authInfo as { extra?: { scope?: Partial<Scope> } } | undefined)?.extra?.scope
  const loaded = async (): Promise<McpFactory> => factoryOf(await loadServer(), app as RunHost, exposed, { name, version, instructions, scopeOf })
  let factory: Promise<McpFactory> | undefined
  return new McpEndpoint(
    async (ctx) => {
      factory ??= loaded()
      return (await factory)(ctx)
    },
    {
      hosts: o.hosts,
      ...(authorize ? { authorize: async (request) => authInfoOf(await authorize(request)) } : {}),
    },
  )
}

/** The library hands on what we found out of a caller in its own shape. */
const authInfoOf = (scope: Partial<Scope> | undefined) => scope && { token: '', clientId: scope.user ?? scope.tenant ?? '', scopes: [], extra: { scope } }
