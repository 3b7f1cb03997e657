/**
 * A worker of the engine conformance suite, in a process of its own: it begins the runs that it is told of, drives whatever its engine gives it, and ends when it is asked to.
 *
 * ```ts
 * await engineWorker(({ url }) => ({ store: postgres(url) }))   // a program of yours; the suite starts it
 * ```
 * It says on its standard output, a line each: `ready`, `begun RUN`, `goes on RUN`, `refused RUN CODE` of a start, `fenced CODE` of an append, and at its end `memory BYTES`.
 */
import type { EngineMaker } from '../configured.ts'
import { TuttiError } from '../errors/index.ts'
import type { JournalStore } from '../journal/index.ts'
import { type Clock, type RunId, systemClock } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, type RunEngine } from '../run/index.ts'
import { crashFlows } from './crash-flow.ts'
import { engineFlows, type FlowChoice } from './engine-flows.ts'
import { bound } from './failpoint-store.ts'
import { type KillAt, killAt, traceFailpoints } from './kill-at.ts'
import { shopFlows } from './shop-flow.ts'
import { withModel } from './with-model.ts'
import { worldAt } from './world.ts'

export interface WorkerOrder extends Omit<FlowChoice, 'world'> {
  /** A file that gets a line for each effect before it is carried out. */
  readonly log: string
  /** Each named `<flow>-…`. */
  readonly begin: readonly { readonly id: string; readonly input: number }[]
  /** A person asks for these to go on. */
  readonly goOn?: readonly string[] | undefined
  readonly leaseMs?: number | undefined
  readonly killAt?: KillAt | undefined
  /** A file that gets a line for each failpoint that is passed. */
  readonly trace?: string | undefined
  /** How far its clock is ahead. */
  readonly aheadMs?: number | undefined
}

/** What a worker stands on. Without an engine it is one itself. */
export interface WorkerGround {
  readonly store: JournalStore
  readonly engine?: EngineMaker | undefined
}

/** @param groundOf makes it from what the set-up says of its place */
export async function engineWorker<P>(groundOf: (place: P) => WorkerGround): Promise<void> {
  const { place, order } = JSON.parse(process.argv[2] ?? '') as { readonly place: P; readonly order: WorkerOrder }
  if (order.killAt) killAt(order.killAt)
  if (order.trace) traceFailpoints(order.trace)
  const { flows, engine } = engineOf(groundOf(place), order)
  await engine.open()
  say('ready')
  process.once('SIGTERM', () => {
    say(`memory ${process.resourceUsage().maxRSS * 1024}`)
    void engine.close({ graceMs: 0 }).then(() => process.exit(0))
  })
  // Whoever only waits for runs from elsewhere is not to end.
  setInterval(() => {}, 60_000)
  await Promise.all([
    ...order.begin.map(({ id, input }) => begin(engine, flows, id, input)),
    ...(order.goOn ?? []).map((run) => engine.activate(run as RunId).then(() => say(`goes on ${run}`))),
  ])
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function engineOf({ store, engine }: WorkerGround, order: WorkerOrder): { readonly flows: readonly AnyFlow[]; readonly engine: RunEngine } {
  const world = worldAt(order.log)
  const { model, queued, ...shop } = shopFlows(world)
  const flows: readonly AnyFlow[] = [...Object.values(crashFlows(world)), ...Object.values(shop), ...engineFlows({ ...order, world })]
  const clock = clockAhead(order.aheadMs ?? 0)
  const told = telling(store)
  const { services } = withModel(model)
  if (engine) return { flows, engine: engine.make({ store: told, flows, schedules: [], clock, resume: true, servicesOf: () => services }) }
  return { flows, engine: new EmbeddedEngine({ store: told, flows, clock, services, maxStalls: 1_000, leaseMs: order.leaseMs ?? 2_000, restMs: 40 }) }
}

async function begin(engine: RunEngine, flows: readonly AnyFlow[], id: string, input: number): Promise<void> {
  const flow = flows.findLast(({ name }) => id.startsWith(`${name}-`)) as AnyFlow
  await engine.start(flow, input, { id }).then(
    () => say(`begun ${id}`),
    (error) => say(`refused ${id} ${TuttiError.is(error) ? error.code : error}`),
  )
}

/** Says which appends were refused. */
function telling(store: JournalStore): JournalStore {
  const append: JournalStore['append'] = (commit) =>
    store.append(commit).catch((error) => {
      say(`fenced ${TuttiError.is(error) ? error.code : error}`)
      throw error
    })
  return { ...bound(store), append, parts: store.parts, limits: store.limits }
}

const clockAhead = (ms: number): Clock => ({
  now: () => systemClock.now() + ms,
  alarm: (at, fire, o) => systemClock.alarm(at - ms, fire, o),
})
