/** A process that ingests a folder and is killed on the way, for the crash test: says each document it has taken in. */

import { sqlite, tutti } from '../index.ts'
import { index } from './index.ts'

const [journal, path, root] = process.argv.slice(2) as [string, string, string]
const docs = index('docs', { path, root, embed: false })
await using app = tutti({ flows: [docs.ingest], store: sqlite(journal), resume: false })
const run = await app.start(docs.ingest, { from: 'docs' }, { id: 'ingest' })
for await (const event of run.events()) if (event.type === 'step.completed') process.stdout.write(`${event.key}\n`)
