/** Runs that nothing goes on with because the code they are pinned to is gone: neither the command's own flows nor, with `--app`, those of a module. */
import type { JournalStore } from '../journal/index.ts'
import { EmbeddedEngine, type StrandedRun } from '../run/index.ts'
import { flowsOf } from './app-file.ts'
import { commandFlows } from './flows.ts'
import type { Home } from './home.ts'
import type { AppFileOptions } from './options.ts'
import { inOneLine } from './paint.ts'
import { sayAgo } from './quantity.ts'
import type { Terminal } from './terminal.ts'

/** Newest first. @throws CONFIG_USAGE when the module cannot be loaded */
export async function strandedIn(store: JournalStore, home: Home, { cwd }: Pick<Terminal, 'cwd'>, { app }: AppFileOptions): Promise<readonly StrandedRun[]> {
  const flows = commandFlows(home)
  const own = app === undefined ? [] : await flowsOf(app, cwd)
  const engine = new EmbeddedEngine({ store, flows: [flows.ask, flows.ingest, ...own], resume: false })
  try {
    return await engine.stranded()
  } finally {
    await engine.close({ graceMs: 0 })
    await flows.close()
  }
}

/** `run_…  desk version 1 (here: 2)  waiting, started 3 d ago`. */
export function sayStranded({ id, flow, version, status, startedAt, registered }: StrandedRun): string {
  const here = registered.length === 0 ? 'not here' : `here: ${registered.join(', ')}`
  return `${id}  ${inOneLine(flow)} version ${inOneLine(version)} (${inOneLine(here)})  ${status}, started ${sayAgo(Date.now() - startedAt.getTime())}`
}
