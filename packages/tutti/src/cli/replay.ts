import { TuttiError } from '../errors/index.ts'
import { decode } from '../primitives/index.ts'
import { type AnyFlow, replayToEnd } from '../run/index.ts'
import { flowsOf } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import { commandFlows } from './flows.ts'
import { homeOf, withRun } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { sayMs } from './quantity.ts'
import { servicesFor } from './session.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

/** `tutti replay RUN`: the code as it is now, over the record as it was. Nothing executes; another output, or another step, is JOURNAL_DIVERGED. */
export async function replay(terminal: Terminal, reference: string, o: CommonOptions & AppFileOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const { ask, ingest } = commandFlows(home)
  const flows: readonly AnyFlow[] = [ask, ingest, ...(o.app === undefined ? [] : await flowsOf(o.app, terminal.cwd))]
  return withRun(home, reference, async (store, { run, flow: name, version }) => {
    const flow = flows.find((each) => each.name === name && each.version === version) ?? flows.find((each) => each.name === name)
    if (!flow)
      throw new TuttiError('CONFIG_FLOW_UNKNOWN', `the run '${run}' is of the flow '${name}'`, {
        hint: `Name the module that exports '${name}': --app file.ts`,
      })
    const begun = performance.now()
    const { result, entries } = await replayToEnd(store, run, flow, servicesFor(terminal))
    const ms = performance.now() - begun
    const { status } = result
    if (o.json) printJson(terminal.out, { run, entries, ms: Math.round(ms), same: true, status, ...endOf(result) })
    else printLine(terminal.out, `${run}: ${ends[status]} from its ${entries} entries, in ${sayMs(ms)}; nothing was asked of anyone.`)
    return exitCode.done
  })
}

const ends = { completed: 'the same output', failed: 'the same failure', cancelled: 'cancelled at the same place' } as const

function endOf(result: Awaited<ReturnType<typeof replayToEnd>>['result']): object {
  if (result.status === 'completed') return { output: decode(result.output) }
  return result.status === 'failed' ? { error: result.error } : { reason: result.reason }
}
