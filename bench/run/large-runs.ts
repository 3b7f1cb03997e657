/** What it takes to go on with a run of 10 and of 100 MB: both grow with the journal and no faster. Each in a process of its own, because memory is of a process. */
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedEngine, flow } from '../../packages/tutti/src/run/index.ts'
import type { Report } from '../figure.ts'
import { medians } from '../measure.ts'
import { openFile } from './steady.ts'

const RESULT_BYTES = 10_000

export async function largeRunFigures(folder: string, report: Report): Promise<void> {
  const small = await goneOnWith(folder, 1_000)
  const large = await goneOnWith(folder, 10_000)
  report(
    { name: 'resume of 1,000 steps × 10 kB, 10 MB', value: small.ms, unit: 'ms', limit: small.bareMs },
    { name: 'resume of 10,000 steps × 10 kB, 100 MB', value: large.ms, unit: 'ms', limit: large.bareMs },
    { name: 'a step of it, against one of 1,000', value: large.ms / small.ms / 10, unit: '×', limit: 1, target: { atMost: 1.25 } },
    { name: 'memory at its peak, 10 MB', value: small.peakMB, unit: 'MB', limit: small.barePeakMB },
    { name: 'memory at its peak, 100 MB', value: large.peakMB, unit: 'MB', limit: large.barePeakMB, target: { atMost: 300 } },
  )
}

export const largeRun = (steps: number, last: () => unknown) =>
  flow('large', async (_: null, run) => {
    for (let i = 0; i < steps; i++) await run.step('read', { page: i }, ({ page }) => `page ${page} `.padEnd(RESULT_BYTES, 'tutti '))
    await run.step('last', last)
  })

async function goneOnWith(folder: string, steps: number): Promise<Record<'ms' | 'bareMs' | 'peakMB' | 'barePeakMB', number>> {
  const killed = join(folder, `large-${steps}.db`)
  const run = await leaveUnfinished(killed, steps)
  let copies = 0
  return medians(5, () => {
    const path = join(folder, `large-${steps}-${++copies}.db`)
    copyFileSync(killed, path)
    const resumed = inProcess('resume', path, run, steps)
    const bare = inProcess('bare', killed, run, steps)
    return { ms: resumed.ms, peakMB: resumed.peakMB, bareMs: bare.ms, barePeakMB: bare.peakMB }
  })
}

async function leaveUnfinished(path: string, steps: number): Promise<string> {
  const engine = new EmbeddedEngine({ store: openFile(path, 'relaxed'), flows: [], resume: false })
  const reached = Promise.withResolvers<void>()
  const last = (): Promise<void> => {
    reached.resolve()
    return new Promise(() => {})
  }
  const run = await engine.start(largeRun(steps, last), null)
  await reached.promise
  await engine.close({ graceMs: 0 })
  return run
}

function inProcess(how: 'resume' | 'bare', path: string, run: string, steps: number): { readonly ms: number; readonly peakMB: number } {
  const child = join(import.meta.dirname, 'large-run-child.ts')
  const output = execFileSync(process.execPath, ['--conditions=tutti-source', '--disable-warning=ExperimentalWarning', child, how, path, run, String(steps)])
  return JSON.parse(String(output)) as { ms: number; peakMB: number }
}
