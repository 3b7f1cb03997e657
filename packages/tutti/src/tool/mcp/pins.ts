/**
 * What a person has approved: the tools of each server, pinned by the hash of their name, description and schema, in a file that can be reviewed and committed.
 *
 * Owns: `tools.lock.json` in the folder of tutti. Without a folder (a test) pins are kept in memory.
 * Invariants: 1. a tool that is not in the file, or is there with another hash or effect, is never shown to a model. 2. The file is replaced as a whole.
 * On a crash the file is the old one or the new one.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TuttiError } from '../../errors/index.ts'
import type { Effect } from '../../journal/index.ts'
import type { JsonSchema } from '../../primitives/index.ts'
import type { SourcedTool } from '../source.port.ts'

const FILE = 'tools.lock.json'

export interface Pin {
  readonly hash: string
  readonly effect: Effect
  readonly description: string
  readonly inputSchema: JsonSchema
}
/** By server, then by tool. */
export type Pinned = { readonly [server: string]: { readonly [tool: string]: Pin } }

export interface PinChange {
  readonly tool: string
  /** `new`: nobody has approved it. `gone`: it was approved, and the server has it no more. */
  readonly change: 'new' | 'gone' | 'description' | 'schema' | 'effect'
}

export class Pins {
  readonly #path: string | undefined
  #kept: Pinned = {}

  constructor(home: string | undefined) {
    this.#path = home === undefined ? undefined : join(home, FILE)
  }

  get path(): string | undefined {
    return this.#path
  }

  /** @throws CONFIG_INVALID when the file is none of ours */
  async read(): Promise<Pinned> {
    if (this.#path === undefined) return this.#kept
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return {}
      throw error
    }
    try {
      return (JSON.parse(text) as { servers: Pinned }).servers
    } catch (cause) {
      throw new TuttiError('CONFIG_INVALID', `${this.#path} is not a file of approved tools: ${(cause as Error).message}`, {
        cause,
        hint: 'Restore it; without it the tools of every server are taken as they are.',
      })
    }
  }

  /** Writes down what `server` offers now: all of it, or only `tools`, beside what was approved before. */
  async approve(server: string, offered: readonly SourcedTool[], tools?: readonly string[]): Promise<void> {
    const pinned = await this.read()
    const taken = offered.filter(({ name }) => tools === undefined || tools.includes(name)).map((tool) => [tool.name, pinOf(tool)] as const)
    const before = tools === undefined ? [] : Object.entries(pinned[server] ?? {})
    const entries = Object.fromEntries([...new Map([...before, ...taken])].sort(([a], [b]) => (a < b ? -1 : 1)))
    await this.#write({ ...pinned, [server]: entries })
  }

  async #write(servers: Pinned): Promise<void> {
    this.#kept = servers
    if (this.#path === undefined) return
    const sorted = Object.fromEntries(Object.entries(servers).sort(([a], [b]) => (a < b ? -1 : 1)))
    const text = `${JSON.stringify({ version: 1, servers: sorted }, null, 2)}\n`
    const beside = `${this.#path}.${process.pid}`
    await mkdir(dirname(this.#path), { recursive: true })
    await writeFile(beside, text)
    await rename(beside, this.#path)
  }
}

const pinOf = ({ hash, effect, description, inputSchema }: SourcedTool): Pin => ({ hash, effect, description, inputSchema })

/** What differs between what was approved of a server and what it offers. */
export function changesOf(pinned: { readonly [tool: string]: Pin }, offered: readonly SourcedTool[]): readonly PinChange[] {
  const names = new Set(offered.map(({ name }) => name))
  const changed = offered.flatMap((tool): PinChange[] => {
    const pin = Object.hasOwn(pinned, tool.name) ? pinned[tool.name] : undefined
    if (!pin) return [{ tool: tool.name, change: 'new' }]
    if (pin.hash === tool.hash) return pin.effect === tool.effect ? [] : [{ tool: tool.name, change: 'effect' }]
    return [{ tool: tool.name, change: pin.description === tool.description ? 'schema' : 'description' }]
  })
  return [...changed, ...Object.keys(pinned).flatMap((tool): PinChange[] => (names.has(tool) ? [] : [{ tool, change: 'gone' }]))]
}

/**
 * What is offered, when all of it was approved.
 * @throws TOOL_CHANGED
 */
export async function approvedTools(pins: Pins, server: string, offered: readonly SourcedTool[], pin: 'first-use' | 'approved'): Promise<void> {
  const pinned = await pins.read()
  const known = Object.hasOwn(pinned, server) ? pinned[server] : undefined
  if (!known && pin === 'first-use') return pins.approve(server, offered)
  const changes = changesOf(known ?? {}, offered).filter(({ change }) => change !== 'gone')
  if (changes.length === 0) return
  throw new TuttiError('TOOL_CHANGED', `the tools of the MCP server '${server}' are not those that were approved: ${changes.map(sayChange).join('; ')}`, {
    data: { source: server, changes: changes.map(({ tool, change }) => ({ tool, change })) },
    hint: `Read them with \`tutti tools --app FILE\`, then \`tutti tools approve ${server} --app FILE\`, or leave them out with \`only\`.`,
  })
}

function sayChange({ tool, change }: PinChange): string {
  if (change === 'new') return `'${tool}' is new`
  if (change === 'gone') return `'${tool}' is gone`
  return `'${tool}' has another ${change}`
}
