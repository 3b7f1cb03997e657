/** What is paid without any work being done: importing tutti, and runs that wait. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { z } from 'zod'
import { EmbeddedEngine, EmbeddedHandle, flow, signal } from '../../packages/tutti/src/run/index.ts'
import type { Report } from '../figure.ts'
import { bytesInUse, median } from '../measure.ts'
import { openFile } from './steady.ts'

export async function standingFigures(folder: string, report: Report): Promise<void> {
  const waiting = await waitingRuns(join(folder, 'waiting.db'), 1_000)
  report({ name: 'memory of 1,000 waiting runs', value: waiting / 1e6, unit: 'MB', target: { atMost: 5 } })
  const tutti = importMs('tutti')
  if (tutti === undefined) console.error("skipped: `import 'tutti'`, which does not resolve here (npm run build)")
  else
    report({
      name: "import 'tutti'",
      value: tutti,
      unit: 'ms',
      limit: importMs('data:text/javascript,'),
      target: { atMost: 100 },
      peer: 'ai 7 + zod',
      peerValue: 110,
    })
}

/** Bytes they take once they rest. */
async function waitingRuns(path: string, runs: number): Promise<number> {
  const engine = new EmbeddedEngine({ store: openFile(path, 'relaxed'), flows: [], restMs: 100 })
  const approval = signal('approval', z.object({ ok: z.boolean() }))
  const ask = flow('ask', async (customer: number, run) => {
    await run.step('draft', { customer }, () => 'A refund of 20 EUR for order 17.')
    return run.wait(approval)
  })
  await new EmbeddedHandle(engine, await engine.start(ask, 0)).outcome()
  await after(300)
  const before = bytesInUse()
  await Promise.all(Array.from({ length: runs }, async (_, customer) => new EmbeddedHandle(engine, await engine.start(ask, customer)).outcome()))
  await after(500)
  const bytes = bytesInUse() - before
  await engine.close()
  return bytes
}

/** In a process of its own, from before the import to after it; `undefined` when it cannot be imported. */
function importMs(specifier: string): number | undefined {
  const program = `const began = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - began)`
  try {
    return median(
      Array.from({ length: 5 }, () =>
        Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })),
      ),
    )
  } catch {
    return undefined
  }
}
