import { TuttiError } from '../errors/index.ts'
import { type JournalStore, joinValue, type RunHead } from '../journal/index.ts'
import { decode, type Json } from '../primitives/index.ts'
import { EmbeddedEngine, type RunEngine } from '../run/index.ts'
import { exitCodeOfAnswer, printAnswer } from './answer.ts'
import { budgetsOf, flowsOf } from './app-file.ts'
import { approveHere } from './approve-here.ts'
import { CorpusProgress } from './corpus-progress.ts'
import { type Driven, drive } from './drive.ts'
import { exitCode } from './exit-code.ts'
import { finish, footer } from './finish.ts'
import { type Answer, type AskInput, commandFlows, type Ingested } from './flows.ts'
import { findRun, type Home, homeOf, isEnded, nextCommand, openRuns } from './home.ts'
import { ingestedLines } from './ingest.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { paintFor } from './paint.ts'
import { engineReaching } from './run-reach.ts'
import { openSession } from './session.ts'
import { shortened } from './show.ts'
import { columnsOf, printJson, printLine, type Terminal } from './terminal.ts'
import { treeLines } from './tree.ts'

export type ResumeOptions = CommonOptions & AppFileOptions

/** `tutti resume RUN`: drives a run from where it stopped to its end; whoever sits at the terminal is asked for the approvals it waits for. */
export async function resume(terminal: Terminal, reference: string, o: ResumeOptions): Promise<number> {
  for (let of = reference; ; ) {
    const { run, code, waits } = await goOn(terminal, of, o)
    if (!(await approveHere(terminal, run, waits, o))) return code
    of = run
  }
}

interface Rest {
  readonly run: string
  readonly code: number
  readonly waits: readonly { readonly signal: string; readonly key: string; readonly data?: Json | undefined }[]
}

async function goOn(terminal: Terminal, reference: string, o: ResumeOptions): Promise<Rest> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  const flows = commandFlows(home)
  const own = o.app === undefined ? [] : await flowsOf(o.app, terminal.cwd)
  const budgets = o.app === undefined ? undefined : await budgetsOf(o.app, terminal.cwd)
  let engine: RunEngine | undefined
  try {
    const head = await findRun(store, reference, home)
    if (isEnded(head)) return { run: head.run, code: sayEnded(terminal, home, head, o), waits: [] }
    engine = engineReaching(head, store, terminal, () => openSession(terminal, home, { flows: [flows.ask, flows.ingest, ...own], store, budgets }))
    await activate(engine, head, own.length > 0)
    if (!o.json && head.status === 'suspended' && (await store.head(head.run))?.lastSeq === head.lastSeq)
      printLine(terminal.err, 'No worker has taken it up yet. It was told to go on, and does so as soon as one does; Ctrl-C ends this.')
    const input = await inputOf(store, head)
    const driven = await drive<unknown>(engine, head.run, terminal, { quiet: o.json, ...new CorpusProgress(store) })
    const { outcome, interrupted } = driven
    const waits = outcome.status === 'waiting' && !interrupted ? outcome.for : []
    return { run: head.run, code: finishRun(terminal, home, driven, input, o), waits }
  } finally {
    await engine?.close({ graceMs: 0 })
    await flows.close()
    await store.close()
  }
}

/** @throws CONFIG_FLOW_UNKNOWN with the way to name the flow's module; RUN_BUSY; RUN_VERSION_MISMATCH */
async function activate(engine: RunEngine, { run, flow }: RunHead, hasApp: boolean): Promise<void> {
  try {
    await engine.activate(run)
  } catch (error) {
    // Its workers have the flows, not this command.
    if (!(engine instanceof EmbeddedEngine)) throw error
    if (TuttiError.is(error, 'RUN_VERSION_MISMATCH')) throw new TuttiError(error.code, error.message, { ...mismatch(hasApp), data: error.data, cause: error })
    if (!TuttiError.is(error, 'CONFIG_FLOW_UNKNOWN')) throw error
    const hint = hasApp ? `The module of --app does not export '${flow}'.` : `Name the module that exports '${flow}': --app file.ts`
    throw new TuttiError('CONFIG_FLOW_UNKNOWN', `the run '${run}' is of the flow '${flow}', which is not one of the command's own`, { hint, cause: error })
  }
}

const mismatch = (hasApp: boolean): { hint: string } => ({
  hint: `Export that version too from the module of --app, beside the new one${hasApp ? '' : ', and name it: --app file.ts'}. \`tutti runs --stranded\` lists every run like this one.`,
})

async function inputOf(store: JournalStore, { run }: RunHead): Promise<unknown> {
  for await (const entry of store.read(run)) {
    return entry.type === 'run.started' ? decode(await joinValue(entry.input, (hash) => store.blob(hash))) : undefined
  }
  return undefined
}

/** The command's own flows say their output as they do when they were not interrupted. */
function finishRun(terminal: Terminal, home: Home, driven: Driven<unknown>, input: unknown, { json }: ResumeOptions): number {
  const { picture } = driven
  if (picture.flow === 'tutti.ask') {
    const { root } = input as AskInput
    return finish(terminal, home, driven as Driven<Answer>, {
      json,
      print: (answer) => printAnswer(terminal, home, answer, picture, root),
      exitCode: exitCodeOfAnswer,
    })
  }
  const print = (output: unknown): void => {
    if (picture.flow === 'tutti.ingest') {
      for (const line of ingestedLines(output as Ingested)) printLine(terminal.out, line)
      return
    }
    const paint = paintFor(terminal.err)
    for (const line of treeLines(picture, { paint, columns: columnsOf(terminal.err), now: Date.now() })) printLine(terminal.err, line)
    printLine(terminal.err, paint('dim', footer(picture)))
    if (output !== undefined) printLine(terminal.out, shortened(output, 2))
  }
  return finish(terminal, home, driven, { json, print })
}

/** Nothing to do is not a failure. */
function sayEnded(terminal: Terminal, home: Home, { run, status }: RunHead, { json }: ResumeOptions): number {
  if (json) printJson(terminal.out, { run, status })
  else printLine(terminal.err, `${run} has already ${status === 'cancelled' ? 'been cancelled' : status}: ${nextCommand(home, 'show', run)}`)
  return exitCode.done
}
