/** A process that starts its share of the runs of one queue and drives whatever the queue lets through, until it is killed or told to stop. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { sqliteStore } from '../../src/journal/index.ts'
import { EmbeddedEngine, flow } from '../../src/run/index.ts'

export interface QueueTask {
  readonly file: string
  readonly log: string
  /** Names of the runs it starts, the first letter is the tenant. */
  readonly runs: readonly string[]
  /** How long a run takes here. */
  readonly ms: number
}

const { file, log, runs, ms } = JSON.parse(process.argv[2] ?? '') as QueueTask
const lines = openSync(log, 'a')
const say = (what: string, tenant: string): void => void writeSync(lines, `${process.pid} ${what} ${tenant}\n`)
const job = flow('job', { queue: { concurrency: 3, perTenant: 2 } }, async (name: string, run) => {
  await run.step('work', name, async () => {
    say('begins', run.scope.tenant)
    await later(ms)
    say('ends', run.scope.tenant)
  })
  return name
})
const engine = new EmbeddedEngine({ store: sqliteStore(file), flows: [job] })
await engine.open()
await Promise.all(runs.map((id) => engine.start(job, id, { id, scope: { tenant: id.slice(0, 1) } })))
// An app that drives nothing at the moment would let its process end.
const staying = setInterval(() => {}, 1_000)
process.once('SIGTERM', () => {
  clearInterval(staying)
  engine.close().then(() => closeSync(lines))
})
