import { setTimeout as sleep } from 'node:timers/promises'
import { TuttiError } from '../errors/index.ts'
import { messageId, type RunHead } from '../journal/index.ts'
import { isHosted, type RunEngine } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { commandFlows } from './flows.ts'
import { findRun, homeOf, isEnded, openRuns, standingOf } from './home.ts'
import type { CommonOptions } from './options.ts'
import { engineReaching } from './run-reach.ts'
import { openSession } from './session.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface CancelOptions extends CommonOptions {
  readonly reason: string
}

/** How long a process that drives the run is given to take note, before the command ends; the message stays. */
const PATIENCE_MS = 3_000

/** `tutti cancel RUN`: leaves the message where whoever drives the run finds it; a run of the command's own that nobody drives is ended here. */
export async function cancel(terminal: Terminal, reference: string, o: CancelOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  const flows = commandFlows(home)
  let engine: RunEngine | undefined
  try {
    const found = await findRun(store, reference, home)
    const { run } = found
    engine = engineReaching(found, store, terminal, () => openSession(terminal, home, { flows: [flows.ask, flows.ingest], store }))
    await engine.post(run, { id: messageId(), type: 'cancel', reason: o.reason })
    const look = async (): Promise<RunHead | undefined> => store.head(run)
    let head = await untilEnded(look)
    const held = head && !isEnded(head) && isHosted(head.owner) ? await heldUp(engine, run) : undefined
    if (held === 'freed') head = await untilEnded(look)
    if (o.json) printJson(terminal.out, { run, status: head?.status, ...(TuttiError.is(held) && { heldUpBy: held.toJSON() }) })
    else printLine(terminal.out, TuttiError.is(held) ? `${run} is to be cancelled, and is once a worker has it: ${held.message}` : says(run, head))
    return exitCode.done
  } finally {
    await engine?.close({ graceMs: 0 })
    await flows.close()
    await store.close()
  }
}

/** What an engine elsewhere has where nobody answers is brought to where somebody does. Answers why not. */
async function heldUp(engine: RunEngine, run: RunHead['run']): Promise<TuttiError | 'freed'> {
  try {
    await engine.activate(run)
    return 'freed'
  } catch (error) {
    if (TuttiError.is(error)) return error
    throw error
  }
}

async function untilEnded(look: () => Promise<RunHead | undefined>): Promise<RunHead | undefined> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    const head = await look()
    if (!head || isEnded(head) || Date.now() > until) return head
    await sleep(50)
  }
}

function says(run: string, head: RunHead | undefined): string {
  if (!head || head.status === 'cancelled') return `${run} is cancelled.`
  if (isEnded(head)) return `${run} has ${head.status} in the meantime.`
  return standingOf(head) === 'running'
    ? `${run} was told to end; ${head.owner} drives it.`
    : `${run} will be cancelled when an app with its flow '${head.flow}' opens this store.`
}
