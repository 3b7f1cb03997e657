/** How a run ends, from how its flow ended and what happened to it meanwhile. */
import { recordError } from '../errors/index.ts'
import type { RunResult } from './engine.port.ts'
import type { FlowEnd, Pump } from './pump.ts'

/** A cancelled run is cancelled whatever its flow made of it, unless the deadline did it: that is a failure. */
export function resultOf(end: FlowEnd, { cancelled, reached, gathered }: Pump): RunResult {
  const partial = gathered ?? (typeof reached === 'function' ? reached() : reached)
  if (cancelled?.code === 'RUN_CANCELLED') return { status: 'cancelled', reason: cancelled.message }
  if (cancelled) return { status: 'failed', error: recordError(cancelled), partial }
  if (end.ok) return { status: 'completed', output: end.value }
  return { status: 'failed', error: recordError(end.error, 'RUN_FAILED'), partial }
}
