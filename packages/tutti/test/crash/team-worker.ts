/** A process to be killed: starts, or goes on with, a run of every topology, all at once, and writes down every history that a model is shown. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { sqliteStore } from '../../src/journal/index.ts'
import { hashFraction, type RunId } from '../../src/primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle } from '../../src/run/index.ts'
import type { ScriptedModel } from '../../src/testing/scripted.ts'
import { type Asked, type Topology, topologies } from '../../src/testing/topologies.ts'
import { withModel } from '../../src/testing/with-model.ts'

export interface TeamTask {
  readonly file: string
  readonly log: string
  /** One for each topology, in their order. */
  readonly runs: readonly string[]
}

/** What a model was shown, in which process. */
export interface Shown {
  readonly run: string
  readonly model: string
  readonly pid: number
  readonly prompt: unknown
}

/** How long a model thinks, so that a process has a life in which it can be killed. */
const MOST_MS = 24

const { file, log, runs } = JSON.parse(process.argv[2] ?? '') as TeamTask
const lines = openSync(log, 'a')

/** Writes down what it is shown before it answers: a process that is killed meanwhile has shown it all the same. */
function listened(run: string): Asked {
  return (model) => {
    const hear = async ({ prompt }: Asking): Promise<void> => {
      const shown: Shown = { run, model: model.modelId, pid: process.pid, prompt }
      writeSync(lines, `${JSON.stringify(shown)}\n`)
      process.stdout.write('asked\n')
      await later(2 + MOST_MS * hashFraction(`${model.modelId} ${prompt.length}`))
    }
    return {
      ...model,
      doGenerate: async (asking: Asking) => hear(asking).then(() => model.doGenerate(asking)),
      doStream: async (asking: Asking) => hear(asking).then(() => model.doStream(asking)),
    }
  }
}
type Asking = Parameters<ScriptedModel['doGenerate']>[0]

const made = Object.values(topologies).map((make, i) => [runs[i] as RunId, make(listened(runs[i] as string))] as const)
const engine = new EmbeddedEngine({
  store: sqliteStore(file),
  flows: made.map(([, { flow }]) => flow),
  maxStalls: 1_000,
  leaseMs: 2_000,
  ...withModel(undefined),
})
await engine.open()
process.stdout.write('ready\n')
await Promise.all(made.map(([run, topology]) => seeThrough(run, topology)))
await engine.close()
closeSync(lines)

async function seeThrough(run: RunId, { flow, output }: Topology): Promise<void> {
  await engine.start(flow, 'the task', { id: run })
  const outcome = await new EmbeddedHandle(engine, run).outcome()
  const is = outcome.status === 'completed' ? outcome.output : outcome.status
  if (is !== output) throw new Error(`${run} came to ${JSON.stringify(is)}, not to ${JSON.stringify(output)}`)
}
