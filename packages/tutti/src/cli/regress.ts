import { TuttiError } from '../errors/index.ts'
import { type RegressGate, type RegressProgress, type RegressReport, regress } from '../eval/index.ts'
import { type Duration, durationMs } from '../primitives/index.ts'
import type { AnyFlow, EmbeddedEngine } from '../run/index.ts'
import { budgetsOf, flowsOf } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import { commandFlows } from './flows.ts'
import { findRun, type Home, homeOf, openRuns, shellWord } from './home.ts'
import { labelsOf } from './label-option.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { openSession } from './session.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface RegressCommandOptions extends CommonOptions, AppFileOptions {
  readonly last: number
  readonly run?: readonly string[] | undefined
  readonly since?: string | undefined
  readonly label?: readonly string[] | undefined
  readonly model?: string | undefined
  readonly instructions?: string | undefined
  readonly agent?: string | undefined
  readonly redo?: readonly string[] | undefined
  readonly budget?: number | undefined
  readonly budgetUsd?: number | undefined
  readonly concurrency?: number | undefined
  readonly idempotent?: boolean | undefined
  readonly failOn?: readonly string[] | undefined
  readonly id?: string | undefined
}

/** After Ctrl-C, what is under way may finish for so long. */
const GRACE_MS = 500

/** `tutti regress FLOW`: the last runs of a flow again, against the code as it is now; only what is asked otherwise is done. The exit code is that of a gate. */
export async function regressCommand(terminal: Terminal, name: string, o: RegressCommandOptions): Promise<number> {
  const gates = gatesOf(o.failOn)
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  const own = commandFlows(home)
  const flows: readonly AnyFlow[] = [own.ask, own.ingest, ...(o.app === undefined ? [] : await flowsOf(o.app, terminal.cwd))]
  const budgets = o.app === undefined ? undefined : await budgetsOf(o.app, terminal.cwd)
  const engine = openSession(terminal, home, { flows, store, budgets })
  const stop = new AbortController()
  const unlisten = terminal.onInterrupt(() => (stop.signal.aborted ? terminal.exit(exitCode.interrupted) : stop.abort()))
  try {
    const flow = flowCalled(name, flows)
    const runs = o.run && (await Promise.all(o.run.map(async (run) => (await findRun(store, run, home)).run)))
    const report = await regressed(engine, flow, { ...o, run: runs }, { signal: stop.signal, onProgress: progressOn(terminal, o) })
    return sayReport(terminal, home, report, gates, o)
  } finally {
    unlisten()
    await engine.close({ graceMs: stop.signal.aborted ? GRACE_MS : 0 })
    await own.close()
    await store.close()
  }
}

interface Watched {
  readonly signal: AbortSignal
  readonly onProgress: (progress: RegressProgress) => void
}

function regressed(engine: EmbeddedEngine, flow: AnyFlow, o: RegressCommandOptions, watched: Watched): Promise<RegressReport> {
  const { last, run: runs, instructions, agent, redo, concurrency, id } = o
  const usd = o.budget ?? o.budgetUsd
  return regress({ engine, past: engine.store, model: () => o.model }, flow, {
    ...{ last, runs, instructions, agent, redo, concurrency, id, ...watched },
    since: o.since === undefined ? undefined : sinceOf(o.since),
    labels: labelsOf(o.label),
    budget: usd === undefined ? undefined : { usd },
    idempotent: o.idempotent ? 'again' : undefined,
  })
}

function sayReport(terminal: Terminal, home: Home, report: RegressReport, gates: readonly RegressGate[], o: RegressCommandOptions): number {
  const passed = report.passed(gates)
  const next = report.left > 0 ? goOnCommand(home, report, o) : undefined
  if (o.json) printJson(terminal.out, { ...report, passed, ...(next ? { next } : {}) })
  else printLine(terminal.out, String(report))
  if (next) {
    if (!o.json) printLine(terminal.err, `Interrupted. What is finished stays; go on with:\n  ${next}`)
    return exitCode.interrupted
  }
  return passed ? exitCode.done : exitCode.failed
}

function goOnCommand({ option }: Home, { id, flow }: RegressReport, o: RegressCommandOptions): string {
  const repeated = (name: string, values: readonly string[] = []): string => values.map((value) => ` --${name} ${shellWord(value)}`).join('')
  const single = (name: string, value: string | number | undefined): string => (value === undefined ? '' : repeated(name, [String(value)]))
  const which = `${single('last', o.last)}${single('since', o.since)}${repeated('run', o.run)}${repeated('label', o.label)}`
  const changed = `${single('model', o.model)}${single('instructions', o.instructions)}${single('agent', o.agent)}${repeated('redo', o.redo)}`
  const how = `${single('budget', o.budget ?? o.budgetUsd)}${o.idempotent ? ' --idempotent' : ''}${repeated('fail-on', o.failOn)}`
  return `npx tutti regress ${shellWord(flow)} --id ${id}${single('app', o.app)}${which}${changed}${how}${option}`
}

/** On a terminal one line that is repainted; else a line a run. */
function progressOn({ err }: Terminal, { json }: CommonOptions): (progress: RegressProgress) => void {
  if (json) return () => {}
  return ({ last, done, of, usd }) => {
    const line = `${done} of ${of} runs${last ? `, ${last.run} ${last.verdict}` : ''}${usd > 0 ? `, $${usd.toFixed(6)}` : ''}`
    if (err.isTTY) err.write(`\r\u001b[2K${done === of ? '' : line}`)
    else if (last) printLine(err, line)
  }
}

/** @throws CONFIG_FLOW_UNKNOWN */
function flowCalled(name: string, flows: readonly AnyFlow[]): AnyFlow {
  const flow = flows.findLast((each) => each.name === name)
  if (flow) return flow
  throw new TuttiError('CONFIG_FLOW_UNKNOWN', `no flow '${name}' is here; there are ${flows.map((each) => `'${each.name}'`).join(', ')}`, {
    hint: `Name the module that exports '${name}': --app file.ts`,
  })
}

const allGates: readonly RegressGate[] = ['changed', 'failed', 'cost']

/** @throws CONFIG_USAGE */
function gatesOf(given: readonly string[] = ['failed']): readonly RegressGate[] {
  return given.map((name) => {
    const gate = allGates.find((each) => each === name)
    if (gate) return gate
    throw new TuttiError('CONFIG_USAGE', `--fail-on ${name} is none of ${allGates.join(', ')}`)
  })
}

/** A date, or how long ago. @throws CONFIG_USAGE */
function sinceOf(text: string): Date {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return new Date(Date.now() - durationMs(text as Duration))
  const date = new Date(text)
  if (!Number.isNaN(date.getTime())) return date
  throw new TuttiError('CONFIG_USAGE', `--since ${text} is neither a date nor a duration`, { hint: "As in '7d', or '2026-11-01'." })
}
