import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { importRun } from '../journal/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, isEnded, nextCommand, openStore } from './home.ts'
import type { CommonOptions } from './options.ts'
import { plural } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

/** `tutti import FILE`: puts an exported run into this store, whole or not at all. */
export async function importCommand(terminal: Terminal, file: string, o: CommonOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const store = openStore(home)
  try {
    const done = await importRun(store, linesOf(resolve(terminal.cwd, file)))
    const { run, status, entries, imported } = done
    if (o.json) printJson(terminal.out, done)
    else
      printLine(
        terminal.out,
        imported ? `${run} is here: ${status}, ${plural(entries, 'entry', 'entries')}.` : `${run} was here already, just as it is in the file.`,
      )
    if (!o.json) printLine(terminal.out, nextCommand(home, isEnded(done) ? 'show' : 'resume', run))
    return exitCode.done
  } finally {
    await store.close()
  }
}

/** Split at line feeds alone: a text may hold other line ends. @throws CONFIG_USAGE when it cannot be read */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const part of createReadStream(path, 'utf8')) {
      const lines = (rest + part).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (cause) {
    throw TuttiError.is(cause)
      ? cause
      : new TuttiError('CONFIG_USAGE', `the file cannot be read: ${(cause as Error).message}`, {
          cause,
          hint: 'Name a file that `tutti export` or `tutti prune --archive` wrote.',
        })
  }
  yield rest
}
