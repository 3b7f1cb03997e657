import { TuttiError } from '../errors/index.ts'
import type { AnyFlow } from '../run/index.ts'
import { budgetsOf, flowsOf } from './app-file.ts'
import { drive } from './drive.ts'
import { finish } from './finish.ts'
import { commandFlows } from './flows.ts'
import { findRun, homeOf, openRuns } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { openSession } from './session.ts'
import { shortened } from './show.ts'
import { printLine, type Terminal } from './terminal.ts'

export interface ForkCommandOptions extends CommonOptions, AppFileOptions {
  readonly at?: string | undefined
  readonly output?: string | undefined
  readonly model?: string | undefined
  readonly instructions?: string | undefined
  readonly agent?: string | undefined
  readonly redo?: readonly string[] | undefined
  /** USD */
  readonly budget?: number | undefined
}

/** `tutti fork RUN --at KEY`: a new run from the record of another, with something changed, driven to its end. */
export async function fork(terminal: Terminal, reference: string, o: ForkCommandOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  const own = commandFlows(home)
  const flows: readonly AnyFlow[] = [own.ask, own.ingest, ...(o.app === undefined ? [] : await flowsOf(o.app, terminal.cwd))]
  const budgets = o.app === undefined ? undefined : await budgetsOf(o.app, terminal.cwd)
  const engine = openSession(terminal, home, { flows, store, budgets })
  try {
    const { run, flow: name } = await findRun(store, reference, home)
    const flow = flows.find((each) => each.name === name)
    if (!flow)
      throw new TuttiError('CONFIG_FLOW_UNKNOWN', `the run '${run}' is of the flow '${name}'`, {
        hint: `Name the module that exports '${name}': --app file.ts`,
      })
    const { at, instructions, model, agent, redo } = o
    const budget = o.budget === undefined ? undefined : { usd: o.budget }
    const output = o.output === undefined ? undefined : jsonOf(o.output)
    const forked = await engine.fork(run, flow, { at, instructions, model, agent, redo, budget, output })
    const driven = await drive<unknown>(engine, forked, terminal, { quiet: o.json })
    return finish(terminal, home, driven, {
      json: o.json,
      print: (output) => {
        printLine(terminal.err, `${forked}, forked from ${run}: npx tutti diff ${run} ${forked}${home.option}`)
        if (output !== undefined) printLine(terminal.out, shortened(output, 2))
      },
    })
  } finally {
    await engine.close({ graceMs: 0 })
    await own.close()
    await store.close()
  }
}

/** @throws CONFIG_USAGE */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TuttiError('CONFIG_USAGE', `--output is not JSON: ${text}`, { hint: 'Quote it for your shell: --output \'"text"\'.' })
  }
}
