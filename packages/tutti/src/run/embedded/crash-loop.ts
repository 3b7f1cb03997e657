/** A run that brings its process down again and again: it is suspended, and waits for a person. */
import { TuttiError } from '../../errors/index.ts'
import { failpoint } from '../../primitives/index.ts'
import { EmbeddedActivation } from './activation.ts'
import type { LiveRunOptions } from './live-run.ts'
import type { Standing } from './standings.ts'

export async function stopCrashLoop(o: LiveRunOptions): Promise<Standing> {
  const { run, flow, stalls, record } = o
  const error = new TuttiError('RUN_CRASH_LOOP', `the run '${run}' was activated ${stalls} times and got no further than entry ${record.at(-1)?.seq ?? 0}`, {
    data: { run, flow: flow.name },
  })
  failpoint('crash loop found, not suspended', run)
  const activation = new EmbeddedActivation(o)
  await activation.stop(error).catch(() => {})
  return activation.last ? { type: 'ended', last: activation.last } : { type: 'stopped', error }
}
