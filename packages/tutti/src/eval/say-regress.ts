/** The report of a regression as a person reads it. */
import { sayChange } from '../run/index.ts'
import type { RegressedRun, RegressReport, RegressVerdict } from './regress-report.port.ts'
import type { Mean, Share } from './statistics.ts'

const words: Readonly<Record<RegressVerdict, string>> = {
  same: 'the same',
  diverged: 'the same by other steps',
  changed: 'changed',
  failed: 'failed',
  mended: 'mended',
  incomparable: 'not comparable',
  unpaid: 'beyond the budget',
}
const signs: Readonly<Record<RegressVerdict, string>> = { same: ' ', diverged: '≈', changed: '~', failed: '✗', mended: '✓', incomparable: '?', unpaid: '$' }

/** So many runs are written out; `runs` has all. */
const MOST_RUNS = 30
const MOST_PLACES = 3

export function sayRegress(report: Omit<RegressReport, 'passed' | 'toString'>): string {
  const { runs, counts, flow, id, left } = report
  const told = runs.filter(({ verdict }) => verdict !== 'same')
  const lines = told.slice(0, MOST_RUNS).flatMap(runLines)
  if (told.length > MOST_RUNS) lines.push(`… and ${told.length - MOST_RUNS} more`)
  const found = (Object.keys(words) as RegressVerdict[]).filter((verdict) => counts[verdict] > 0).map((verdict) => `${counts[verdict]} ${words[verdict]}`)
  return [
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    `${flow}: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}: ${found.join(', ')}${left > 0 ? `; ${left} not looked at yet` : ''}  (${id})`,
    ...figureLines(report),
  ].join('\n')
}

function runLines({ run, fork, verdict, why, firstDivergence, output }: RegressedRun): readonly string[] {
  const at = firstDivergence === undefined ? '' : `, first other step: ${firstDivergence}`
  const places = output.slice(0, MOST_PLACES).map((change) => `    ${sayChange(change)}`)
  if (output.length > MOST_PLACES) places.push(`    … and ${output.length - MOST_PLACES} more places`)
  const look = fork !== undefined && verdict !== 'unpaid' ? [`    tutti diff ${run} ${fork}`] : []
  return [`${signs[verdict]} ${run}  ${words[verdict]}${at}`, ...(why === undefined ? [] : [`    ${why}`]), ...places, ...look]
}

function figureLines({ unchanged, usd, ms, score, runs, spent }: Omit<RegressReport, 'passed' | 'toString'>): readonly string[] {
  const [reused, executed] = [sumOf(runs, 'reused'), sumOf(runs, 'executed')]
  return [
    `  end as they did  ${sayShare(unchanged)}`,
    `  cost of a run    ${sayMean(usd, sayUsd)}`,
    `  time of a run    ${sayMean(ms, sayMs)}`,
    ...(score ? [`  score            ${sayMean(score, sayScore)}, by chance with p = ${score.chance.toFixed(3)}`] : []),
    `  ${reused} steps taken over, ${executed} done; this cost $${spent.usd.toFixed(6)}, ${spent.modelCalls} model calls`,
  ]
}

const sumOf = (runs: readonly RegressedRun[], name: 'reused' | 'executed'): number => runs.reduce((total, run) => total + run[name], 0)

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

function sayShare({ share, low, high, of }: Share): string {
  return of === 0 ? 'nothing could be compared' : `${percent(share)} of ${of} (95 %: ${percent(low)} to ${percent(high)})`
}

function sayMean({ mean, low, high, of }: Mean, say: (value: number) => string): string {
  if (of === 0) return 'nothing could be compared'
  if (mean === 0 && low === 0 && high === 0) return `the same, in each of ${of}`
  return `${say(mean)}${of === 1 ? ' (one pair: no interval)' : ` (95 %: ${say(low)} to ${say(high)})`}`
}

/** Nothing has a sign that is nothing once it is rounded. */
const signed = (value: number, digits: number, say: (text: string) => string): string => {
  const text = Math.abs(value).toFixed(digits)
  return `${Number(text) === 0 ? '' : value > 0 ? '+' : '-'}${say(text)}`
}
const sayUsd = (usd: number): string => signed(usd, 6, (text) => `$${text}`)
const sayMs = (ms: number): string => signed(ms, 0, (text) => `${text} ms`)
const sayScore = (score: number): string => signed(score, 3, (text) => text)
