/** `tutti mcp serve`: the flows, agents and tools of a module, for MCP clients. Each call is a run in the journal of this home. */
import { TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedHandle, type Flow, type RunEngine, type StartOptions } from '../run/index.ts'
import { mcpServer } from '../server/index.ts'
import { type AppTools, budgetsOf, toolsOfApp } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import { homeOf } from './home.ts'
import { listening } from './mcp-listening.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { openSession } from './session.ts'
import { printLine, type Terminal } from './terminal.ts'

interface McpServeOptions extends CommonOptions, AppFileOptions {
  readonly http?: number | undefined
  readonly expose?: readonly string[] | undefined
}

/** What is under way when the client goes may finish for so long; the rest goes on when it is next served or driven. */
const GRACE_MS = 2_000

export async function mcpServe(terminal: Terminal, o: McpServeOptions): Promise<number> {
  if (o.app === undefined)
    throw new TuttiError('CONFIG_USAGE', 'serving needs the flows and tools that are served', { hint: 'npx tutti mcp serve --app app.ts' })
  // Before the module is loaded: what it prints must not stand between the messages.
  const streams = o.http === undefined ? terminal.takeStreams() : undefined
  const home = homeOf(terminal, o)
  const app = await toolsOfApp(o.app, terminal.cwd)
  const exposed = chosen(app, o.app, o.expose)
  const engine = openSession(terminal, home, { flows: app.flows, budgets: await budgetsOf(o.app, terminal.cwd), resume: true })
  const served = mcpServer(hostOf(engine), { expose: exposed })
  const over = Promise.withResolvers<void>()
  const stop = terminal.onInterrupt(() => over.resolve())
  try {
    await engine.open()
    printLine(terminal.err, `Serves ${exposed.map(({ name }) => name).join(', ')}; runs are in ${home.place}.`)
    await Promise.race([over.promise, streams ? served.stdio(streams) : listening(terminal, served, o.http ?? 0)])
    return exitCode.done
  } finally {
    await served.close()
    await engine.close({ graceMs: GRACE_MS })
    stop()
  }
}

// biome-ignore lint/suspicious/noExplicitAny: flows of anything
type AppFlow = Flow<any, any>

/** @throws CONFIG_USAGE */
function chosen({ flows, tools }: AppTools, file: string, names: readonly string[] | undefined) {
  const all = [...(flows as readonly AppFlow[]), ...tools]
  if (all.length === 0) throw new TuttiError('CONFIG_USAGE', `${file} exports neither flows nor tools`, { hint: 'export const flows = [desk]' })
  const missing = names?.find((name) => !all.some((each) => each.name === name))
  if (missing !== undefined)
    throw new TuttiError('CONFIG_USAGE', `${file} exports no flow and no tool called '${missing}'`, {
      hint: `It has: ${all.map(({ name }) => name).join(', ')}.`,
    })
  return names ? all.filter(({ name }) => names.includes(name)) : all
}

const hostOf = (engine: RunEngine) => ({
  start: async (flow: AnyFlow, input: unknown, o: StartOptions) => new EmbeddedHandle(engine, await engine.start(flow, input as never, o)),
  get: async (id: string) => ((await engine.store.head(id as RunId)) ? new EmbeddedHandle(engine, id as RunId) : undefined),
})
