/**
 * `npm run bench -- queue [--json]`: what standing in a queue costs. Ten thousand runs through a concurrency of 64, beside as many that 64 callers start
 * one after the other without a queue; the same with many tenants, and with a line four times as long, which must not cost more a run.
 */
import { EmbeddedEngine, EmbeddedHandle, flow, type QueueOptions } from '../packages/tutti/src/run/index.ts'
import { reporter } from './figure.ts'
import { inFolder, medians, stopwatch } from './measure.ts'
import { onFile } from './run/steady.ts'

const RUNS = 10_000
const AT_ONCE = 64

type Store = Parameters<Parameters<typeof onFile>[2]>[0]

const step = async (n: number, run: { step(name: string, input: number, work: (n: number) => number): Promise<number> }): Promise<number> =>
  run.step('double', n, (x) => 2 * x)

async function unqueued(store: Store): Promise<number> {
  const engine = new EmbeddedEngine({ store, flows: [], resume: false })
  const plain = flow('plain', step)
  await engine.open()
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < RUNS) await new EmbeddedHandle(engine, await engine.start(plain, next++)).result()
  }
  const read = stopwatch()
  await Promise.all(Array.from({ length: AT_ONCE }, caller))
  const { cpuMs } = read()
  await engine.close()
  return (cpuMs * 1_000) / RUNS
}

async function queued(store: Store, runs: number, tenants: number, queue: QueueOptions): Promise<number> {
  let left = runs
  const { promise, resolve } = Promise.withResolvers<void>()
  const job = flow('job', { queue }, async (n: number, run) => {
    await step(n, run)
    if (--left === 0) resolve()
  })
  const engine = new EmbeddedEngine({ store, flows: [job] })
  await engine.open()
  const read = stopwatch()
  await Promise.all(Array.from({ length: runs }, (_, n) => engine.start(job, n, { scope: { tenant: `t${n % tenants}` } })))
  await promise
  const { cpuMs } = read()
  await engine.close()
  return (cpuMs * 1_000) / runs
}

await inFolder(async (folder) => {
  const report = reporter()
  const bare = await medians(3, () => onFile(folder, 'relaxed', async (store) => ({ us: await unqueued(store) })))
  const through = (runs: number, tenants: number, queue: QueueOptions) =>
    medians(3, () => onFile(folder, 'relaxed', async (store) => ({ us: await queued(store, runs, tenants, queue) })))
  const one = await through(RUNS, 1, { concurrency: AT_ONCE })
  const tenants = await through(RUNS, 100, { concurrency: AT_ONCE, perTenant: 2, rate: '1000000/h' })
  const long = await through(4 * RUNS, 1, { concurrency: AT_ONCE })
  report(
    { name: 'a run of one step, no queue, 64 callers', value: bare.us, unit: 'µs CPU' },
    { name: 'a run of one step, queued behind 10,000, concurrency 64', value: one.us, unit: 'µs CPU', limit: bare.us, target: { atMost: bare.us * 2 } },
    { name: 'the same, 100 tenants with 2 each, and a rate', value: tenants.us, unit: 'µs CPU', limit: bare.us },
    { name: 'queued behind 40,000, against behind 10,000', value: long.us / one.us, unit: '×', limit: 1, target: { atMost: 1.5 } },
  )
})
