/**
 * A process to be killed: starts, or goes on with, the runs it is told of, and ends when they have.
 * `alone`: it also is the person that its runs wait for. Otherwise somebody outside answers, and other processes may take the runs.
 */
import { setTimeout as after } from 'node:timers/promises'
import { TuttiError } from '../../src/errors/index.ts'
import { type SqliteOptions, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle } from '../../src/run/index.ts'
import { crashFlows } from '../../src/testing/crash-flow.ts'
import { answerTo } from '../../src/testing/person.ts'
import { AT_REST, shopFlows } from '../../src/testing/shop-flow.ts'
import { withModel } from '../../src/testing/with-model.ts'
import { worldAt } from '../../src/testing/world.ts'

export interface WorkerTask {
  readonly file: string
  readonly log: string
  /** Each named `<flow>-…`. */
  readonly runs: readonly string[]
  readonly alone: boolean
  readonly store?: SqliteOptions | undefined
  readonly maxStalls?: number | undefined
  /** The code has changed since the runs began. */
  readonly changed?: boolean | undefined
  /** A person asks for the runs to go on, also for those that are suspended. */
  readonly asked?: boolean | undefined
}

const { file, log, runs, alone, store: options, maxStalls = 1_000, changed, asked } = JSON.parse(process.argv[2] ?? '') as WorkerTask
const world = worldAt(log)
const { model, ...shop } = shopFlows(world, { changed })
const flows: readonly AnyFlow[] = [...Object.values(crashFlows(world)), ...Object.values(shop)]
const store = sqliteStore(file, options)
const engine = new EmbeddedEngine({ store, flows, resume: !alone, maxStalls, leaseMs: 2_000, restMs: 40, ...withModel(model) })
await engine.open()
// The thread that commits, where there is one, is there from now on.
await store.acquire('run_none' as RunId, 'nobody', 0, 0)
process.stdout.write('ready\n')
await Promise.all(runs.map((id, n) => seeThrough(id as RunId, n)))
await engine.close()

async function seeThrough(run: RunId, input: number): Promise<void> {
  const flow = flows.find(({ name }) => run.startsWith(`${name}-`)) as AnyFlow
  await engine.start(flow, input, { id: run })
  if (asked) await engine.activate(run)
  for (;;) {
    const outcome = await new EmbeddedHandle(engine, run).outcome()
    if (outcome.status !== 'waiting' && outcome.status !== 'queued') return
    if (!alone || outcome.status === 'queued') {
      await after(20)
      continue
    }
    for (const wait of outcome.for) {
      if (wait.signal === AT_REST) while ((await store.head(run))?.owner) await after(5)
      await engine.post(run, answerTo(run, wait, world)).catch(unlessFinished)
    }
    await after(5)
  }
}

function unlessFinished(error: unknown): void {
  if (!TuttiError.is(error, 'RUN_FINISHED')) throw error
}
