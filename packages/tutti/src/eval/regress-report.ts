/** What a regression over past runs found: run by run, and in all with how sure that is. Pure. */
import type { RegressGate, RegressReport, RegressVerdict } from './regress-report.port.ts'
import { sayRegress } from './say-regress.ts'
import { meanOf, pairedChance, shareOf } from './statistics.ts'

export type RegressFacts = Pick<RegressReport, 'id' | 'flow' | 'runs' | 'left' | 'spent'>

export function reportOf(facts: RegressFacts): RegressReport {
  const { runs } = facts
  const counts: Record<RegressVerdict, number> = { same: 0, diverged: 0, changed: 0, failed: 0, mended: 0, incomparable: 0, unpaid: 0 }
  for (const { verdict } of runs) counts[verdict]++
  const comparable = runs.length - counts.incomparable - counts.unpaid
  // A run that failed stopped on its way: what it cost says nothing of the other.
  const pairs = runs.filter(({ verdict }) => verdict === 'same' || verdict === 'diverged' || verdict === 'changed')
  const scores = runs.flatMap(({ score }) => (score === undefined ? [] : [score]))
  const report = {
    ...facts,
    counts,
    unchanged: shareOf(counts.same + counts.diverged, comparable),
    usd: meanOf(pairs.map(({ usd }) => usd)),
    ms: meanOf(pairs.map(({ ms }) => ms)),
    score: scores.length === 0 ? undefined : { ...meanOf(scores), chance: pairedChance(scores) },
  }
  const passed = (failOn: readonly RegressGate[] = ['failed']): boolean => comparable > 0 && !failOn.some((gate) => isStopped(report, gate))
  return Object.defineProperties(report as typeof report & Pick<RegressReport, 'passed'>, {
    passed: { value: passed },
    toString: { value: () => sayRegress(report) },
  })
}

function isStopped({ counts, usd, runs }: Pick<RegressReport, 'counts' | 'usd' | 'runs'>, gate: RegressGate): boolean {
  if (gate === 'failed') return counts.failed > 0
  if (gate === 'cost') return usd.low > 0
  // A run that would pay another amount, or ask a person something new, goes another way, wherever that ends.
  return counts.failed + counts.changed + counts.mended > 0 || runs.some((run) => run.verdict === 'incomparable' && run.firstDivergence !== undefined)
}
