import type { ServedMcp } from '../server/index.ts'
import { printLine, type Terminal } from './terminal.ts'

/** Listens until somebody else ends it. */
export async function listening(terminal: Terminal, served: ServedMcp, port: number): Promise<never> {
  const { url } = await served.listen(port)
  printLine(terminal.err, `Listens at ${url}. Ctrl-C ends.`)
  return new Promise<never>(() => {})
}
