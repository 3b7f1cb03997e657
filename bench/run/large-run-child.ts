/** One process that goes on with a large run, or only reads and parses the same rows: `resume|bare PATH RUN STEPS`. Prints its milliseconds and its peak of memory. */
import { DatabaseSync } from 'node:sqlite'
import type { RunId } from '../../packages/tutti/src/primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle } from '../../packages/tutti/src/run/index.ts'
import { stopwatch } from '../measure.ts'
import { largeRun } from './large-runs.ts'
import { openFile } from './steady.ts'

const [how, path = '', run, steps] = process.argv.slice(2)
const ms = how === 'resume' ? await resumed() : readBare()
console.log(JSON.stringify({ ms, peakMB: process.resourceUsage().maxRSS / 1_024 }))

async function resumed(): Promise<number> {
  const engine = new EmbeddedEngine({ store: openFile(path, 'sync'), flows: [largeRun(Number(steps), () => 'done')], resume: false })
  await engine.open()
  const read = stopwatch()
  await engine.activate(run as RunId)
  const { status } = await new EmbeddedHandle(engine, run as RunId).outcome()
  const { wallMs } = read()
  await engine.close()
  if (status !== 'completed') throw new Error(`the run is ${status}`)
  return wallMs
}

/** Keeps the entries, as whoever replays them must, and of the large values one at a time. */
function readBare(): number {
  const db = new DatabaseSync(path, { readOnly: true })
  const read = stopwatch()
  const entries = db
    .prepare('SELECT body FROM entries ORDER BY n')
    .all()
    .map(({ body }) => JSON.parse(body as string) as unknown)
  for (const { body } of db.prepare('SELECT body FROM blobs ORDER BY id').iterate()) JSON.parse(body as string)
  const { wallMs } = read()
  db.close()
  if (entries.length < Number(steps)) throw new Error(`there are ${entries.length} entries`)
  return wallMs
}
