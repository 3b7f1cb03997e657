/** Why an output came to be, as a person reads it. */
import type { RunWhy, StepWhy } from './run-why.port.ts'

/** So many lines of a chain, and of what steps cost, are written out. */
const MOST = 24

export function sayWhy(why: Omit<RunWhy, 'toString'>): string {
  return [...headLines(why), '', ...timeLines(why), ...moneyLines(why)].join('\n')
}

function headLines({ key, flow, end, steps, forkOf }: Omit<RunWhy, 'toString'>): readonly string[] {
  const counted = steps.length === 1 ? '1 step' : `${steps.length} steps`
  const what = key ?? (end.status === 'failed' ? 'the failure' : end.status === 'completed' ? 'the output' : 'what there is so far')
  const rests = `${what} rests on ${counted}`
  const taken = steps.filter(({ reused }) => reused !== undefined).length
  return [
    ...(key === undefined && end.status !== 'completed' ? [`${flow ?? 'the run'} ${sayEnd(end)}`] : []),
    ...(key === undefined && end.at !== undefined ? [`it failed in ${end.at}`] : []),
    ...(key === undefined && end.open.length > 0 ? [`left open: ${end.open.slice(0, 5).join(', ')}${end.open.length > 5 ? ', …' : ''}`] : []),
    taken > 0 ? `${rests}, ${taken} of them taken over from ${forkOf}` : rests,
  ]
}

const sayEnd = ({ status, why }: RunWhy['end']): string =>
  status === 'unfinished' ? 'has not ended' : `${status === 'cancelled' ? 'was cancelled' : status}: ${why}`

function timeLines({ time }: Omit<RunWhy, 'toString'>): readonly string[] {
  const { path, ms, workedMs, waitedMs, sleptMs, lostMs, wallMs } = time
  const parts = [
    ['worked', workedMs],
    ['waited for people', waitedMs],
    ['slept', sleptMs],
    ['lost to attempts that failed', lostMs],
    ['between steps', Math.max(0, wallMs - ms)],
  ] as const
  const told = parts.filter(([, spent]) => spent > 0).map(([name, spent]) => `${name} ${sayMs(spent)}`)
  return [`the longest way to it, ${sayMs(ms)} of ${sayMs(Math.max(ms, wallMs))}:`, ...chainLines(path), ...(told.length > 0 ? [`  ${told.join(', ')}`] : [])]
}

function chainLines(path: readonly StepWhy[]): readonly string[] {
  const width = Math.min(48, Math.max(0, ...path.map(({ key }) => key.length)))
  const line = (step: StepWhy): string => `  ${step.key.padEnd(width)}  ${sayMs(step.ms).padStart(7)}  ${about(step)}`.trimEnd()
  if (path.length <= MOST) return path.map(line)
  const half = MOST / 2
  return [...path.slice(0, half).map(line), `  … ${path.length - MOST} more …`, ...path.slice(-half).map(line)]
}

function about({ kind, usd, attempts, lostMs, doubtMs, who, gave, reused }: StepWhy): string {
  const what = kind === 'wait' ? `waited for '${who}'` : kind === 'timer' ? 'slept' : kind === 'model' ? (who ?? kind) : kind === 'code' ? '' : kind
  return [
    what,
    ...(usd > 0 ? [`$${usd.toFixed(6)}`] : []),
    ...(attempts ? [`${attempts} attempts, ${sayMs(lostMs ?? 0)} lost`] : []),
    ...(doubtMs ? [`in doubt for ${sayMs(doubtMs)}`] : []),
    ...(reused ? ['taken over'] : []),
    ...(gave === undefined || gave === '' ? [] : [gave]),
  ]
    .filter(Boolean)
    .join('  ')
}

function moneyLines({ money }: Omit<RunWhy, 'toString'>): readonly string[] {
  const { path, usd, totalUsd, steps } = money
  if (totalUsd === 0) return []
  const lines = steps.slice(0, MOST / 2).map(({ key, usd: of, share }) => `  ${`${(share * 100).toFixed(0)} %`.padStart(5)}  $${of.toFixed(6)}  ${key}`)
  if (steps.length > MOST / 2) lines.push(`  … and ${steps.length - MOST / 2} more`)
  const chain =
    path.length > 1 && path.length < steps.length
      ? [
          `  the dearest way to it, $${usd.toFixed(6)}: ${path
            .slice(-6)
            .map(({ key }) => key)
            .join(' → ')}`,
        ]
      : []
  return ['', `what it cost, $${totalUsd.toFixed(6)}:`, ...lines, ...chain]
}

/** `12 ms`, `4.2 s`, `3 m 12 s`, `2 d 5 h`. */
function sayMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.round(ms / 60_000)
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} m ${Math.floor((ms % 60_000) / 1_000)} s`
  return minutes < 1_440 ? `${Math.floor(minutes / 60)} h ${minutes % 60} m` : `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`
}
