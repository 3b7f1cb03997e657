import { explainRun } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

/** `tutti why RUN [STEP]`: what stands behind an output, and which chain of steps took the longest and cost the most. Reads only. */
export async function why(terminal: Terminal, reference: string, step: string | undefined, o: CommonOptions): Promise<number> {
  const home = homeOf(terminal, o)
  return withRun(home, reference, async (store, { run }) => {
    const found = await explainRun(store, run, step)
    if (o.json) printJson(terminal.out, { run, ...found })
    else printLine(terminal.out, String(found))
    return exitCode.done
  })
}
