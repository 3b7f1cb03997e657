/** The MCP client library: an optional peer, loaded when a server is first needed. */
import { TuttiError } from '../../errors/index.ts'
import type { SourceGround } from '../source.port.ts'

export type ClientPackage = typeof import('@modelcontextprotocol/client')
export type StdioPackage = typeof import('@modelcontextprotocol/client/stdio')
export type Client = InstanceType<ClientPackage['Client']>

const NAME = '@modelcontextprotocol/client'

/** @throws CONFIG_PACKAGE_MISSING */
export const loadClient = (ground: SourceGround): Promise<ClientPackage> => loaded<ClientPackage>(ground, '.')
/** @throws CONFIG_PACKAGE_MISSING */
export const loadStdio = (ground: SourceGround): Promise<StdioPackage> => loaded<StdioPackage>(ground, './stdio')

async function loaded<T>({ importPackage }: SourceGround, subpath: string): Promise<T> {
  const found = await importPackage(NAME, subpath)
  if (found) return found as T
  throw new TuttiError('CONFIG_PACKAGE_MISSING', `tools of an MCP server need the package ${NAME}, which is not installed`, { hint: `npm install ${NAME}@2` })
}
