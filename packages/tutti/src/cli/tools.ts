/** `tutti tools`: which tools of MCP servers were approved, and what has changed since; `tutti tools approve` takes what they offer now. */
import { TuttiError } from '../errors/index.ts'
import { importPackage } from '../model/index.ts'
import { changesOf, type DeclaredSource, type OpenSource, type Pin, type PinChange, Pins, type SourcedTool, toolSources } from '../tool/index.ts'
import { toolsOfApp } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import { type Home, homeOf } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { inOneLine, type Paint, pad, paintFor } from './paint.ts'
import { plural } from './quantity.ts'
import { recordOf } from './say-error.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

type ToolsOptions = CommonOptions & AppFileOptions

/** One server: what was approved of it, and what it offers. */
interface Reviewed {
  readonly server: string
  readonly pinned: { readonly [tool: string]: Pin }
  /** Left out: it was not asked. */
  readonly offered?: readonly SourcedTool[] | undefined
  readonly changes: readonly PinChange[]
  /** Nobody has approved anything of it, and the first run takes all of it. */
  readonly firstUse: boolean
  readonly error?: { readonly code: string; readonly message: string } | undefined
}

/** Exit code 1 when a run would be refused: something new or changed, or a server that cannot be reached. */
export async function tools(terminal: Terminal, o: ToolsOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const pins = new Pins(home.folder)
  const reviewed = o.app === undefined ? approvedOnly(await pins.read()) : await review(terminal, home, pins, o.app)
  const refused = reviewed.filter(isRefused)
  if (o.json) printJson(terminal.out, { file: pins.path, servers: reviewed.map(jsonOf) })
  else if (reviewed.length === 0) printLine(terminal.err, `No tools were approved in ${home.folder}. With --app FILE the servers of your agents are asked.`)
  else {
    for (const line of reviewed.flatMap((each) => linesOf(each, paintFor(terminal.out)))) printLine(terminal.out, line)
    if (refused.some(({ error }) => !error)) printLine(terminal.err, `Approve: npx tutti tools approve --app ${o.app}${home.option}`)
  }
  return refused.length === 0 ? exitCode.done : exitCode.failed
}

export async function approveTools(terminal: Terminal, names: readonly string[], o: ToolsOptions): Promise<number> {
  if (o.app === undefined)
    throw new TuttiError('CONFIG_USAGE', 'what servers offer now is known to the app that names them', { hint: 'npx tutti tools approve --app app.ts' })
  const home = homeOf(terminal, o)
  const pins = new Pins(home.folder)
  const reviewed = await review(terminal, home, pins, o.app)
  const wanted = wantedOf(names, reviewed)
  const approved: { readonly server: string; readonly changes: readonly PinChange[] }[] = []
  for (const [{ server, offered, changes, error }, only] of wanted) {
    if (!offered) throw new TuttiError('TOOL_SOURCE_UNREACHABLE', error?.message ?? `the MCP server '${server}' did not say what it offers`)
    await pins.approve(server, offered, only)
    approved.push({ server, changes: changes.filter(({ tool }) => !only || only.includes(tool)) })
  }
  if (o.json) printJson(terminal.out, { file: pins.path, approved })
  else
    for (const { server, changes } of approved) {
      printLine(terminal.out, `${server}: ${changes.length === 0 ? 'nothing had changed' : changes.map(sayApproved).join(', ')}`)
    }
  return exitCode.done
}

const sayApproved = ({ tool, change }: PinChange): string => (change === 'new' || change === 'gone' ? `${tool} (${change})` : `${tool} (another ${change})`)

/** @throws CONFIG_USAGE for a name that no server has */
function wantedOf(names: readonly string[], reviewed: readonly Reviewed[]): ReadonlyMap<Reviewed, readonly string[] | undefined> {
  if (names.length === 0) return new Map(reviewed.map((each) => [each, undefined]))
  const wanted = new Map<Reviewed, readonly string[] | undefined>()
  for (const name of names) {
    const at = name.indexOf('/')
    const [server, tool] = at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)]
    const found = reviewed.find((each) => each.server === server)
    if (!found)
      throw new TuttiError('CONFIG_USAGE', `the app has no MCP server '${server}'`, {
        hint: `It has: ${reviewed.map((each) => each.server).join(', ') || 'none'}.`,
      })
    if (tool !== undefined && found.offered && !found.offered.some((each) => each.name === tool))
      throw new TuttiError('CONFIG_USAGE', `the MCP server '${server}' has no tool '${tool}'`, {
        hint: `It has: ${found.offered.map((each) => each.name).join(', ')}.`,
      })
    const before = wanted.get(found)
    wanted.set(found, tool === undefined || (wanted.has(found) && !before) ? undefined : [...(before ?? []), tool])
  }
  return wanted
}

const approvedOnly = (all: Awaited<ReturnType<Pins['read']>>): readonly Reviewed[] =>
  Object.entries(all).map(([server, pinned]) => ({ server, pinned, changes: [], firstUse: false }))

async function review({ env, cwd }: Terminal, home: Home, pins: Pins, file: string): Promise<readonly Reviewed[]> {
  const all = await pins.read()
  const { sources } = await toolsOfApp(file, cwd)
  const opened = toolSources({ env, cwd, home: home.folder, importPackage: (name, subpath) => importPackage(name, cwd, subpath) })
  try {
    return await Promise.all(sources.filter((source) => source['~source'].pinned).map((source) => reviewOne(source, opened.open(source), all)))
  } finally {
    await opened.close()
  }
}

async function reviewOne(source: DeclaredSource, open: OpenSource, all: Awaited<ReturnType<Pins['read']>>): Promise<Reviewed> {
  const { id: server, pinned: policy } = source['~source']
  const known = Object.hasOwn(all, server)
  const pinned = known ? (all[server] ?? {}) : {}
  const firstUse = !known && policy === 'first-use'
  try {
    const ctx = { scope: { tenant: 'default' }, signal: AbortSignal.timeout(LONGEST_MS), heartbeat: () => {} }
    const offered = (await open.offered?.(ctx)) ?? []
    return { server, pinned, offered, changes: changesOf(pinned, offered), firstUse }
  } catch (error) {
    const { code, message } = recordOf(error)
    return { server, pinned, changes: [], firstUse, error: { code, message } }
  }
}

/** A server that says nothing for so long is taken for one that cannot be reached. */
const LONGEST_MS = 60_000

const isRefused = ({ changes, firstUse, error }: Reviewed): boolean => error !== undefined || (!firstUse && changes.some(({ change }) => change !== 'gone'))

function linesOf({ server, pinned, offered, changes, firstUse, error }: Reviewed, paint: Paint): string[] {
  const names = [...new Set([...Object.keys(pinned), ...(offered ?? []).map(({ name }) => name)])].sort()
  const width = Math.max(0, ...names.map((name) => name.length))
  const said = error
    ? paint('red', `${error.code}: ${inOneLine(error.message)}`)
    : firstUse
      ? paint('yellow', 'not seen before: the first run takes these as approved')
      : `${plural(Object.keys(pinned).length, 'tool')} approved${offered && changes.length === 0 ? ', nothing has changed' : ''}`
  return [`${paint('bold', server)}  ${said}`, ...names.flatMap((name) => toolLines(name, width, { pinned, offered, changes, firstUse }, paint))]
}

type Sides = Pick<Reviewed, 'pinned' | 'offered' | 'changes' | 'firstUse'>

/** A tool, and of one that changed what it was and what it is. */
function toolLines(name: string, width: number, { pinned, offered, changes, firstUse }: Sides, paint: Paint): string[] {
  const was = Object.hasOwn(pinned, name) ? pinned[name] : undefined
  const is = offered?.find((tool) => tool.name === name)
  const change = changes.find(({ tool }) => tool === name)?.change
  const head = `${pad(inOneLine(name), width)}  ${pad((is ?? was)?.effect ?? '', 10)}`
  const description = inOneLine((is ?? was)?.description ?? '')
  if (!change || (change === 'new' && firstUse)) return [`  ${head}  ${description}`]
  const mark = paint(change === 'gone' ? 'dim' : 'yellow', change === 'new' || change === 'gone' ? change : `another ${change}`)
  if (!was || !is) return [`! ${head}  ${mark}  ${description}`]
  const [before, now] = sidesOf(change, was, is)
  return [`! ${head}  ${mark}`, `    was  ${before}`, `    is   ${now}`]
}

function sidesOf(change: PinChange['change'], was: Pin, is: SourcedTool): readonly [string, string] {
  if (change === 'effect') return [was.effect, is.effect]
  if (change === 'schema') return [JSON.stringify(was.inputSchema), JSON.stringify(is.inputSchema)]
  return [inOneLine(was.description), inOneLine(is.description)]
}

const jsonOf = ({ server, pinned, offered, changes, firstUse, error }: Reviewed): object => ({
  server,
  approved: Object.keys(pinned),
  ...(offered ? { offered: offered.map(({ name, effect, description }) => ({ name, effect, description })), changes } : {}),
  ...(firstUse ? { firstUse } : {}),
  ...(error ? { error } : {}),
})
