import { resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { exportRun, exportToFile, type JournalStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { sayBytes } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface ExportOptions extends CommonOptions {
  /** Default: standard output. */
  readonly output?: string | undefined
}

/** `tutti export RUN`: one run as one file, for another store or for safe keeping. */
export async function exportCommand(terminal: Terminal, reference: string, o: ExportOptions): Promise<number> {
  if (o.json && o.output === undefined)
    throw new TuttiError('CONFIG_USAGE', '--json needs -o FILE', { hint: 'Without -o the run itself is written to standard output.' })
  return withRun(homeOf(terminal, o), reference, async (store, { run }) => {
    if (o.output === undefined) {
      for await (const line of exportRun(store, run)) terminal.out.write(line)
      return exitCode.done
    }
    const path = resolve(terminal.cwd, o.output)
    const bytes = await written(store, run, path)
    if (o.json) printJson(terminal.out, { run, file: path, bytes })
    else printLine(terminal.err, `${run} is in ${o.output} (${sayBytes(bytes)}).`)
    return exitCode.done
  })
}

async function written(store: JournalStore, run: RunId, path: string): Promise<number> {
  try {
    return await exportToFile(store, run, path)
  } catch (cause) {
    if (!TuttiError.is(cause, 'JOURNAL_ARCHIVE_FAILED')) throw cause
    throw new TuttiError('CONFIG_USAGE', cause.message, { cause, hint: 'Name a file in a folder that exists and may be written.' })
  }
}
