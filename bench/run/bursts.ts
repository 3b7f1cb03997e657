/** Much at once: a map over 1,000 items, and 1,000 runs that wait for slow work. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as after } from 'node:timers/promises'
import type { JournalStore } from '../../packages/tutti/src/journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow } from '../../packages/tutti/src/run/index.ts'
import type { Report } from '../figure.ts'
import { medians, stopwatch } from '../measure.ts'
import { insertBare, rowsOf } from './bare-loop.ts'
import { onFile } from './steady.ts'

export async function burstFigures(folder: string, report: Report): Promise<void> {
  const map = await medians(15, () =>
    onFile(folder, 'sync', async (store, path) => {
      const ms = await fanOut(store, 1_000)
      return { ms, bare: insertBare(`${path}.bare`, 'sync', rowsOf(path), 512).wallMs }
    }),
  )
  report({
    name: 'a map over 1,000 durable items, sync',
    value: map.ms,
    unit: 'ms',
    limit: map.bare,
    target: { atMost: 30 },
    peer: 'LangGraph.js, SQLite',
    peerValue: 1_860,
  })
  const crowd = await medians(5, () =>
    onFile(folder, 'sync', async (store) => {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const seconds = await manyRuns(store, 1_000, 5)
      delay.disable()
      return { seconds, delayMs: delay.percentile(99) / 1e6, bare: await bareTimers(1_000, 5) }
    }),
  )
  report(
    {
      name: '1,000 runs × 5 steps × 50 ms, sync',
      value: crowd.seconds,
      unit: 's',
      limit: crowd.bare,
      target: { atMost: 0.33 },
      peer: 'Genkit, not durable',
      peerValue: 0.38,
    },
    { name: 'event-loop delay p99 meanwhile', value: crowd.delayMs, unit: 'ms', target: { atMost: 15 } },
  )
}

async function fanOut(store: JournalStore, items: number): Promise<number> {
  const engine = new EmbeddedEngine({ store, flows: [], resume: false })
  const all = Array.from({ length: items }, (_, i) => i)
  const fan = flow('fan', (_: null, run) => run.map('score', all, (item) => ({ item, score: item / 2 })))
  await engine.open()
  const read = stopwatch()
  await new EmbeddedHandle(engine, await engine.start(fan, null)).result()
  const { wallMs } = read()
  await engine.close()
  return wallMs
}

async function manyRuns(store: JournalStore, runs: number, steps: number): Promise<number> {
  const engine = new EmbeddedEngine({ store, flows: [], resume: false })
  const slow = flow('slow', async (customer: number, run) => {
    for (let i = 0; i < steps; i++) await run.step('ask', { customer, i }, () => after(50, { customer, i }))
  })
  await engine.open()
  const read = stopwatch()
  await Promise.all(Array.from({ length: runs }, async (_, customer) => new EmbeddedHandle(engine, await engine.start(slow, customer)).result()))
  const { wallMs } = read()
  await engine.close()
  return wallMs / 1_000
}

async function bareTimers(runs: number, steps: number): Promise<number> {
  const read = stopwatch()
  const one = async (): Promise<void> => {
    for (let i = 0; i < steps; i++) await after(50)
  }
  await Promise.all(Array.from({ length: runs }, one))
  return read().wallMs / 1_000
}
