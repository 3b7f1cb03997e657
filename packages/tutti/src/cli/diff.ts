import { compareRuns } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { findRun, homeOf, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

/** `tutti diff A B`: which steps of two runs are not the same, and what the second cost and took more. Reads only. */
export async function diff(terminal: Terminal, first: string, second: string, o: CommonOptions): Promise<number> {
  const home = homeOf(terminal, o)
  return withRun(home, first, async (store, a) => {
    const b = await findRun(store, second, home)
    const compared = await compareRuns(store, a.run, b.run)
    if (o.json) printJson(terminal.out, { a: a.run, b: b.run, ...compared })
    else printLine(terminal.out, String(compared))
    return exitCode.done
  })
}
