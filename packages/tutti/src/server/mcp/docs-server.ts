/** `docsServer()`: the documentation installed here, for any MCP client. Nothing is a run, and nothing is asked of anybody. */
import { checkOptions, checkValue, is, type OptionKind } from '../../primitives/index.ts'
import { type DocumentedOptions, documentedFactory } from './documented.ts'
import { McpEndpoint } from './endpoint.ts'
import type { ServedMcp } from './mcp-server.ts'
import { loadServer, type McpFactory } from './server-package.ts'

const documentationKind: OptionKind = {
  fits: (value) => ['search', 'page', 'pages', 'packages'].every((part) => typeof (value as Record<string, unknown> | null | undefined)?.[part] === 'function'),
  hint: () => "It is what documentation() of 'tutti/retrieval' makes.",
}

/** @throws CONFIG_INVALID; when it is first called, CONFIG_PACKAGE_MISSING */
export function docsServer(o: DocumentedOptions): ServedMcp {
  checkOptions<DocumentedOptions>('docsServer()', o, { documentation: true, version: is.text, instructions: is.text })
  checkValue('the documentation of docsServer()', 'documentation', o.documentation, documentationKind)
  let factory: Promise<McpFactory> | undefined
  return new McpEndpoint(async (ctx) => {
    factory ??= loadServer().then((sdk) => documentedFactory(sdk, o))
    return (await factory)(ctx)
  })
}
