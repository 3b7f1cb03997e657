import { setTimeout as sleep } from 'node:timers/promises'
import type { EntryOf, JournalStore, RunHead } from '../journal/index.ts'
import type { RunEngine } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { findRun, type Home, homeOf, isEnded, nextCommand, openRuns } from './home.ts'
import type { CommonOptions } from './options.ts'
import { inOneLine } from './paint.ts'
import { engineReaching } from './run-reach.ts'
import { saySuspension, suspensionOf } from './suspension.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface PauseOptions extends CommonOptions {
  readonly reason: string
}

/** How long a process that drives the run is given to finish what is under way, before the command ends; the message stays. */
const PATIENCE_MS = 3_000

/** `tutti pause RUN`: the run stands still until `tutti resume` or `tutti cancel`. One that nobody drives is suspended here, whatever flow it is of. */
export async function pause(terminal: Terminal, reference: string, o: PauseOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  let engine: RunEngine | undefined
  try {
    const before = await findRun(store, reference, home)
    engine = engineReaching(before, store, terminal)
    await engine.pause(before.run, o.reason)
    const head = await untilStill(async () => (await store.head(before.run)) ?? before)
    const suspension = await suspensionOf(store, head)
    const deadline = isEnded(head) ? undefined : await deadlineOf(store, head)
    if (o.json)
      printJson(terminal.out, { run: head.run, status: head.status, why: suspension?.why, reason: suspension?.reason, deadline: deadline?.toISOString() })
    else for (const line of says(home, head, before.status === 'suspended', suspension, deadline)) printLine(terminal.out, line)
    return exitCode.done
  } finally {
    await engine?.close({ graceMs: 0 })
    await store.close()
  }
}

async function untilStill(look: () => Promise<RunHead>): Promise<RunHead> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    const head = await look()
    if (head.status === 'suspended' || isEnded(head) || Date.now() > until) return head
    await sleep(50)
  }
}

async function deadlineOf(store: JournalStore, { run }: RunHead): Promise<Date | undefined> {
  for await (const entry of store.read(run)) return entry.type === 'run.started' && entry.deadline !== undefined ? new Date(entry.deadline) : undefined
  return undefined
}

function says(home: Home, head: RunHead, already: boolean, suspension: EntryOf<'run.suspended'> | undefined, deadline: Date | undefined): string[] {
  const { run, status, owner } = head
  if (isEnded(head)) return [`${run} has ${status === 'cancelled' ? 'been cancelled' : status} in the meantime.`]
  const next = `Go on with: ${nextCommand(home, 'resume', run)}`
  const clock = deadline ? [`Its deadline keeps running: ${deadline.toISOString()}.`] : []
  if (already && suspension) return [`${run} stands still already: ${saySuspension(suspension)}.`, ...clock, next]
  if (status === 'suspended') return [`${run} is paused.`, ...clock, next]
  return [`${run} will be paused once what is under way is recorded; ${inOneLine(owner ?? 'whoever takes it up')} drives it.`, ...clock]
}
