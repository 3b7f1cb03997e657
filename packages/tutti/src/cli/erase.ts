import { type Erased, eraseSubject } from '../journal/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, openRuns } from './home.ts'
import type { CommonOptions } from './options.ts'
import { plural, sayBytes } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface EraseCommandOptions extends CommonOptions {
  readonly tenant: string
  readonly user?: string | undefined
  readonly force?: boolean | undefined
}

/** `tutti erase --tenant T [--user U]`: removes all runs of theirs, and the keys they were sealed with. */
export async function erase(terminal: Terminal, { tenant, user, force, ...o }: EraseCommandOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openRuns(home)
  try {
    const erased = await eraseSubject(store, { tenant, user, force }, { now: Date.now })
    if (o.json) printJson(terminal.out, erased)
    else for (const line of lines(erased)) printLine(terminal.out, line)
    return exitCode.done
  } finally {
    await store.close()
  }
}

function lines({ runs, entries, bytes, keys, damaged, schedules }: Erased): string[] {
  const first = `Erased ${plural(runs.length, 'run')} (${plural(entries, 'entry', 'entries')}, ${sayBytes(bytes)}), and overwrote what they left in the file.`
  const second =
    keys > 0
      ? `Destroyed ${plural(keys, 'data key')}: copies of the journal file cannot be read any more, unless its key file was copied too.`
      : 'It was not encrypted: copies of the file, and archives, still hold what they held.'
  const third =
    damaged.length > 0
      ? [`Nobody can tell whose ${plural(damaged.length, 'damaged run')} ${damaged.length === 1 ? 'is' : 'are'}: ${damaged.slice(0, 5).join(', ')}`]
      : []
  const gone =
    schedules.length > 0 ? [`Removed ${plural(schedules.length, 'schedule')}: ${schedules.join(', ')}. One that code declares comes back with it.`] : []
  return [first, second, ...gone, ...third]
}
