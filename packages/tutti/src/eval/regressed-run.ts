/** One past run against the fork that was made of it: how the two ends compare. Reads two journals. */
import { type Entry, isTerminal, type JournalStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { compareRuns, type RunOutcome, readRun, recordedSteps } from '../run/index.ts'
import type { RegressedRun, RegressVerdict } from './regress-report.port.ts'

/** @param isShort that the budget of the regression may have ended it, not its own */
export async function judge(store: JournalStore, run: RunId, fork: RunId, outcome: RunOutcome<unknown>, isShort: boolean): Promise<RegressedRun> {
  const [before, after] = [await readRun(store, run), await readRun(store, fork)]
  const { firstDivergence, usd, ms, output } = await compareRuns(store, run, fork)
  const done = [...recordedSteps(after).values()].filter(({ kind, outcome: end }) => end !== undefined && kind !== 'wait' && kind !== 'timer')
  const reused = done.filter((step) => step.reused !== undefined).length
  const counted = { run, fork, firstDivergence, output, reused, executed: done.length - reused, usd, ms }
  const unpaid = isShort && after.some((entry) => entry.type === 'step.failed' && entry.error.code.startsWith('BUDGET_'))
  const why = unpaid ? undefined : whyNot(after, outcome)
  if (why !== undefined) return { ...counted, verdict: 'incomparable', why, output: [] }
  const verdict = unpaid ? 'unpaid' : verdictOf(before, after, output.length === 0, firstDivergence)
  const error = verdict === 'failed' || verdict === 'unpaid' ? (outcome as { readonly error?: Error }).error : undefined
  return { ...counted, verdict, ...(error ? { why: error.message, output: [] } : {}) }
}

/** What stood in the way of a comparison. */
function whyNot(after: readonly Entry[], outcome: RunOutcome<unknown>): string | undefined {
  for (const entry of after) {
    if (entry.type !== 'step.failed' || entry.reused) continue
    if (entry.error.code === 'RUN_FORK_ONCE') return `would repeat an effect: ${entry.error.message}`
    if (entry.error.code === 'TOOL_IN_DOUBT') return entry.error.message
  }
  if (outcome.status === 'waiting') {
    const [wait] = outcome.for
    return wait ? `waits at '${wait.key}' for '${wait.signal}', which nobody has answered` : 'sleeps, where the run before did not'
  }
  return outcome.status === 'cancelled' ? 'the fork was cancelled' : undefined
}

function verdictOf(before: readonly Entry[], after: readonly Entry[], isSame: boolean, firstDivergence: string | undefined): RegressVerdict {
  const [was, is] = [before, after].map((entries) => entries.findLast(isTerminal)?.type)
  if (was === 'run.completed' && is !== 'run.completed') return 'failed'
  if (was !== 'run.completed' && is === 'run.completed') return 'mended'
  if (!isSame) return 'changed'
  return firstDivergence === undefined ? 'same' : 'diverged'
}
