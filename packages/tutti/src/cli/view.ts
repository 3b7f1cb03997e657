/** Where the progress of a run is shown: in place on a terminal, line by line elsewhere, nowhere when it is not wanted. */
import { LiveView } from './live-view.ts'
import type { RunPicture } from './picture.ts'
import { PlainView } from './plain-view.ts'
import type { Terminal } from './terminal.ts'
import type { View, ViewOptions } from './view.port.ts'

/** A view of the run that `picture` grows into; it writes on standard error. */
export function viewFor(terminal: Terminal, picture: RunPicture, o: ViewOptions = {}): View {
  if (o.quiet) return { see() {}, say() {}, close() {} }
  const { err, env } = terminal
  const canRepaint = err.isTTY === true && !env.CI && env.TERM !== 'dumb'
  return canRepaint ? new LiveView(err, picture, o) : new PlainView(err, picture)
}
