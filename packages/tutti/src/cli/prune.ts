import { resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { type EndedStatus, type JournalStore, type Pruned, type PruneKept, type PruneOptions, type PruneProgress, pruneRuns } from '../journal/index.ts'
import type { Duration } from '../primitives/index.ts'
import { exitCode } from './exit-code.ts'
import { findRun, type Home, homeOf, openRuns } from './home.ts'
import { labelsOf } from './label-option.ts'
import type { CommonOptions } from './options.ts'
import { plural, sayBytes } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface PruneCommandOptions extends CommonOptions {
  readonly olderThan?: string | undefined
  readonly before?: string | undefined
  readonly status?: readonly string[] | undefined
  readonly flow?: string | undefined
  readonly tenant?: string | undefined
  readonly user?: string | undefined
  readonly label?: readonly string[] | undefined
  readonly keepLast?: number | undefined
  readonly archive?: string | undefined
  readonly dryRun?: boolean | undefined
}

/** `tutti prune [RUN…]`: removes runs that have ended. Ctrl-C ends it after the slice that is under way. */
export async function prune(terminal: Terminal, references: readonly string[], o: PruneCommandOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const criteria = criteriaOf(o)
  if (references.length === 0 && Object.values(criteria).every((given) => given === undefined))
    throw new TuttiError('CONFIG_USAGE', 'nothing says which runs: this would remove every run that has ended', {
      hint: 'Name runs, or give --older-than, --before, --status, --flow, --tenant, --user, --label or --keep-last.',
    })
  const store = openRuns(home)
  const over = new AbortController()
  const stop = terminal.onInterrupt(() => over.abort())
  try {
    const runs = references.length > 0 ? await namesOf(store, references, home) : undefined
    const archive = o.archive === undefined ? undefined : resolve(terminal.cwd, o.archive)
    const see = o.json || o.dryRun ? undefined : progress(terminal)
    const pruned = await asUsage(pruneRuns(store, { ...criteria, runs, archive, dryRun: o.dryRun }, { now: Date.now(), see, signal: over.signal }))
    if (o.json) printJson(terminal.out, pruned)
    else for (const line of lines(pruned, await bytesOf(store), o)) printLine(terminal.out, line)
    return over.signal.aborted ? exitCode.interrupted : exitCode.done
  } finally {
    stop()
    await store.close()
  }
}

/** Of the file, or of the tables. */
async function bytesOf(store: JournalStore & { stats?(): Promise<{ readonly fileBytes?: number; readonly bytes?: number }> }): Promise<number | undefined> {
  const { fileBytes, bytes } = (await store.stats?.()) ?? {}
  return fileBytes ?? bytes
}

function criteriaOf({ olderThan, before, status, flow, tenant, user, label, keepLast }: PruneCommandOptions): PruneOptions {
  return {
    olderThan: olderThan as Duration | undefined,
    before: before === undefined ? undefined : dateOf(before),
    status: status as readonly EndedStatus[] | undefined,
    ...{ flow, tenant, user, keepLast },
    labels: labelsOf(label),
  }
}

async function namesOf(store: JournalStore, references: readonly string[], home: Home): Promise<string[]> {
  const runs: string[] = []
  for (const reference of references) runs.push((await findRun(store, reference, home)).run)
  return runs
}

/** @throws CONFIG_USAGE */
function dateOf(text: string): Date {
  const date = new Date(text)
  if (!Number.isNaN(date.getTime())) return date
  throw new TuttiError('CONFIG_USAGE', `'${text}' is not a date`, { hint: "As in --before 2026-01-31, or '2026-01-31T12:00:00Z'." })
}

/** What was asked for on a command line is a matter of usage. */
async function asUsage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!TuttiError.is(error, 'CONFIG_INVALID')) throw error
    throw new TuttiError('CONFIG_USAGE', error.message, { hint: error.hint, cause: error })
  }
}

/** A line each second, at most. */
function progress(terminal: Terminal): (so: PruneProgress) => void {
  let said = Date.now()
  return ({ done, of }) => {
    if (Date.now() - said < 1_000) return
    said = Date.now()
    printLine(terminal.err, `${done} of ${plural(of, 'run')}`)
  }
}

const reasons: Readonly<Record<PruneKept['why'], string>> = {
  'not-ended': 'has not ended',
  'not-found': 'is not there any more',
  forked: 'is read by a fork that has not ended',
  last: 'is one of the last',
  damaged: 'is damaged and cannot be archived',
}
const SHOWN = 10

function lines({ removed, kept, entries, bytes, dryRun }: Pruned, fileBytes: number | undefined, o: PruneCommandOptions): string[] {
  const what = `${plural(removed.length, 'run')} (${plural(entries, 'entry', 'entries')}, ${sayBytes(bytes)})`
  const where = o.archive === undefined ? '' : `; they are in ${o.archive}`
  const first = dryRun
    ? `Would remove ${what}.`
    : `Removed ${what}${removed.length > 0 ? where : ''}.${fileBytes === undefined ? '' : ` The journal is ${sayBytes(fileBytes)} now.`}`
  const named = kept.slice(0, SHOWN).map(({ run, why, by }) => `  ${run} ${reasons[why]}${by === undefined ? '' : `: ${by}`}`)
  const more = kept.length > SHOWN ? [`  and ${kept.length - SHOWN} more; --json names them all`] : []
  return kept.length === 0 ? [first] : [first, `Kept ${plural(kept.length, 'run')}:`, ...named, ...more]
}
