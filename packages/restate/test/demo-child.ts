/** The demo's flow in a process of its own, as anybody would start it: `ingest` reads the documentation, `ask QUESTION` answers; where it runs, the environment says. */
import { tutti } from 'tutti'
import { installedPackages } from 'tutti/retrieval'
import { desk, shelves } from '../../../demo/desk.ts'

const [what, question = ''] = process.argv.slice(2)
const { ingest } = shelves['command line'].index
const app = tutti({ flows: [desk, ingest], resume: false })
if (what === 'ingest') {
  const packages = await installedPackages('.', { all: true })
  await app.run(ingest, { from: packages.filter(({ name }) => name === 'commander').map(({ dir }) => dir) })
} else {
  const { id, output } = await app.run(desk, question, { budget: { usd: 0.05 }, deadline: '60s' })
  process.stdout.write(JSON.stringify({ id, proofs: output.proofs.length, ok: output.proofs.every(({ ok }) => ok) }))
}
await app.close()
