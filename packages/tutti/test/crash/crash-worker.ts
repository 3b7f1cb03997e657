/** A process to be killed: starts, or goes on with, the runs it is told of, and ends when they have. */
import { sqliteStore } from '../../src/journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle } from '../../src/run/index.ts'
import { crashFlows, executionLog } from './crash-flow.ts'

export interface WorkerTask {
  readonly file: string
  readonly log: string
  readonly runs: readonly string[]
}

const { file, log, runs } = JSON.parse(process.argv[2] ?? '') as WorkerTask
const { work, tight } = crashFlows(executionLog(log))
const engine = new EmbeddedEngine({ store: sqliteStore(file), flows: [work, tight], resume: false, maxStalls: 1_000 })
await engine.open()
process.stdout.write('ready\n')
await Promise.all(
  runs.map(async (id, n) => {
    await engine.start(id.startsWith('tight') ? tight : work, n, { id })
    await new EmbeddedHandle(engine, id as never).outcome()
  }),
)
await engine.close()
