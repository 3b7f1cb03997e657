/** What a durable step costs: CPU in `relaxed` mode, throughput in `sync` mode. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Report } from '../figure.ts'
import { median, medians } from '../measure.ts'
import { insertBare, rowsOf } from './bare-loop.ts'
import { onFile, takeSteps } from './steady.ts'

export async function stepFigures(folder: string, report: Report): Promise<void> {
  await cpuOfSteps(folder, report)
  await throughput(folder, report, { runs: 1, steps: 400 })
  await throughput(folder, report, { runs: 64, steps: 200 })
  await throughput(folder, report, { runs: 1_000, steps: 15 })
}

/** Short runs again and again; then long ones, read every 1,000 steps, to see whether what came before makes a step dearer. */
async function cpuOfSteps(folder: string, report: Report): Promise<void> {
  const runs = 64
  const short = await medians(9, () =>
    onFile(folder, 'relaxed', async (store, path) => {
      const [cost] = await takeSteps(store, { runs, steps: 100 })
      const bare = insertBare(`${path}.bare`, 'relaxed', rowsOf(path), runs)
      return { us: microsPerStep(cost?.cpuMs, runs * 100), bare: microsPerStep(bare.cpuMs, runs * 100) }
    }),
  )
  report({
    name: 'CPU per step, relaxed, 64 runs × 100 steps',
    value: short.us,
    unit: 'µs',
    limit: short.bare,
    target: { atMost: 20 },
    peer: 'LangGraph.js',
    peerValue: 880,
  })
  const stretches = await onFile(folder, 'relaxed', (store) => takeSteps(store, { runs, steps: 10_000, every: 1_000 }))
  const us = stretches.map(({ cpuMs }) => microsPerStep(cpuMs, runs * 1_000))
  report(
    {
      name: 'CPU per step, relaxed, 64 runs × 10,000 steps',
      value: median(us),
      unit: 'µs',
      limit: short.bare,
      target: { atMost: 20 },
      peer: 'Mastra, 1,000 steps',
      peerValue: 13_600,
    },
    {
      name: 'the last 3,000 of 10,000 steps against the first 3,000',
      value: median(us.slice(-3)) / median(us.slice(0, 3)),
      unit: '×',
      limit: 1,
      target: { atMost: 1.15 },
    },
  )
}

/** Steps a second with every commit on disk, beside a bare loop over the same rows right after it. */
async function throughput(folder: string, report: Report, { runs, steps }: { runs: number; steps: number }): Promise<void> {
  const measured = await medians(5, () =>
    onFile(folder, 'sync', async (store, path) => {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const [cost] = await takeSteps(store, { runs, steps })
      delay.disable()
      const bare = insertBare(`${path}.bare`, 'sync', rowsOf(path), Math.min(runs, 512))
      const perSecond = (runs * steps * 1_000) / (cost?.wallMs ?? Number.NaN)
      const barePerSecond = (rowsOf(path).length * 1_000) / bare.wallMs
      return { perSecond, barePerSecond, share: perSecond / barePerSecond, delayMs: delay.percentile(99) / 1e6 }
    }),
  )
  const what = `sync, ${runs.toLocaleString('en')} concurrent run${runs > 1 ? 's' : ''}`
  report(
    { name: `steps a second, ${what}`, value: measured.perSecond, unit: 'steps/s', limit: measured.barePerSecond },
    { name: `share of the bare loop, ${what}`, value: measured.share, unit: '×', limit: 1, target: { atLeast: 0.7 } },
    { name: `event-loop delay p99, ${what}`, value: measured.delayMs, unit: 'ms', target: { atMost: 15 } },
  )
}

const microsPerStep = (cpuMs = Number.NaN, steps: number): number => (cpuMs * 1_000) / steps
