import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { exportRun, type JournalStore } from '../journal/index.ts'
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
    const bytes = await exportTo(store, run, path)
    if (o.json) printJson(terminal.out, { run, file: path, bytes })
    else printLine(terminal.err, `${run} is in ${o.output} (${sayBytes(bytes)}).`)
    return exitCode.done
  })
}

/** Writes a run to a file, which is there whole and on disk, or not at all. Its bytes. @throws CONFIG_USAGE when it cannot be written */
export async function exportTo(store: JournalStore, run: RunId, path: string): Promise<number> {
  const partial = `${path}.${process.pid}.part`
  let bytes = 0
  const file = opened(partial)
  try {
    for await (const line of exportRun(store, run)) bytes += writeSync(file, line)
    fsyncSync(file)
    renameSync(partial, path)
    return bytes
  } finally {
    closeSync(file)
    rmSync(partial, { force: true })
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (cause) {
    throw new TuttiError('CONFIG_USAGE', `the file cannot be written: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a file in a folder that exists and may be written.',
    })
  }
}
