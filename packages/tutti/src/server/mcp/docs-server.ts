/** `docsServer()`: the documentation installed here, for any MCP client. Nothing is a run, and nothing is asked of anybody. */
import { type DocumentedOptions, documentedFactory } from './documented.ts'
import { McpEndpoint } from './endpoint.ts'
import type { ServedMcp } from './mcp-server.ts'
import { loadServer, type McpFactory } from './server-package.ts'

/** @throws when it is first called, CONFIG_PACKAGE_MISSING */
export function docsServer(o: DocumentedOptions): ServedMcp {
  let factory: Promise<McpFactory> | undefined
  return new McpEndpoint(async (ctx) => {
    factory ??= loadServer().then((sdk) => documentedFactory(sdk, o))
    return (await factory)(ctx)
  })
}
