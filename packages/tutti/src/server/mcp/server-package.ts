/** The MCP server library: optional peers, loaded when something is first served. */
import { TuttiError } from '../../errors/index.ts'
import { importPackage } from '../../model/index.ts'

export type ServerPackage = typeof import('@modelcontextprotocol/server')
export type StdioServerPackage = typeof import('@modelcontextprotocol/server/stdio')
export type NodePackage = typeof import('@modelcontextprotocol/node')
export type McpFactory = Parameters<ServerPackage['createMcpHandler']>[0]

/** @throws CONFIG_PACKAGE_MISSING */
export const loadServer = (): Promise<ServerPackage> => loaded('@modelcontextprotocol/server')
/** @throws CONFIG_PACKAGE_MISSING */
export const loadStdioServer = (): Promise<StdioServerPackage> => loaded('@modelcontextprotocol/server', './stdio')
/** @throws CONFIG_PACKAGE_MISSING */
export const loadNode = (): Promise<NodePackage> => loaded('@modelcontextprotocol/node')

async function loaded<T>(name: string, subpath = '.'): Promise<T> {
  const found = await importPackage(name, process.cwd(), subpath)
  if (found) return found as T
  throw new TuttiError('CONFIG_PACKAGE_MISSING', `serving MCP needs the package ${name}, which is not installed`, { hint: `npm install ${name}@2` })
}
