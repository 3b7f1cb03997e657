/** A process that ingests a folder and kills itself on the way, for the crash test: says each step that was recorded by then. */

import { sqlite, tutti } from '../index.ts'
import { index } from './index.ts'

const [journal, path, root, steps] = process.argv.slice(2) as [string, string, string, string]
const docs = index('docs', { path, root, embed: false })
await using app = tutti({ flows: [docs.ingest], store: sqlite(journal), resume: false })
const run = await app.start(docs.ingest, { from: 'docs' }, { id: 'ingest' })
let recorded = 0
for await (const event of run.events()) {
  if (event.type !== 'step.completed') continue
  process.stdout.write(`${event.key}\n`)
  if (++recorded === Number(steps)) process.kill(process.pid, 'SIGKILL')
}
