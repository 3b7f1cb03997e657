/** A comparison of two runs as a person reads it. */
import type { RunDiff, StepChange, StepDiff } from './run-diff.port.ts'
import { sayChange, type ValueChange } from './value-change.ts'

const signs: Readonly<Record<StepChange, string>> = { same: ' ', output: '~', input: '≠', added: '+', removed: '-' }
/** So many steps, and so many places of one value, are written out; `steps` has all. */
const MOST_STEPS = 50
const MOST_PLACES = 5

/** What changed, a line a step, below it what it gave else; what did not is counted. */
export function sayDiff({ steps, usd, ms, input, output, flow, firstDivergence }: Omit<RunDiff, 'toString'>): string {
  const changed = steps.filter(({ change }) => change !== 'same')
  const lines = changed.slice(0, MOST_STEPS).flatMap((step) => stepLines(step, step.key === firstDivergence && changed.length > 1))
  if (changed.length > MOST_STEPS) lines.push(`… and ${changed.length - MOST_STEPS} more`)
  const taken = steps.filter(({ reused }) => reused).length
  const counted = `${changed.length} of ${steps.length} steps changed, ${steps.length - changed.length} are the same`
  return [
    ...(flow === undefined ? [] : [`flow: ${flow}`]),
    ...placeLines('the input', input),
    ...lines,
    ...placeLines('the output', output),
    `${counted}${taken > 0 ? ` (${taken} taken over)` : ''}; ${sayMore({ usd, ms }) || 'same cost, same time'}`,
  ].join('\n')
}

function stepLines(step: StepDiff, isFirst: boolean): readonly string[] {
  const { key, change, asked, values = [] } = step
  const how = change === 'input' ? `other ${asked}` : change
  const about = [how, sayMore(step), isFirst ? 'here they part' : ''].filter(Boolean).join(', ')
  return [`${signs[change]} ${key}  ${about}`, ...valueLines(values)]
}

const placeLines = (what: string, changes: readonly ValueChange[]): readonly string[] => (changes.length === 0 ? [] : [what, ...valueLines(changes)])

function valueLines(changes: readonly ValueChange[]): readonly string[] {
  const lines = changes.slice(0, MOST_PLACES).map((change) => `    ${sayChange(change)}`)
  return changes.length > MOST_PLACES ? [...lines, `    … and ${changes.length - MOST_PLACES} more places`] : lines
}

/** `+$0.000120, -40 ms`; nothing where nothing changed. */
function sayMore({ usd, ms }: { readonly usd: number; readonly ms: number }): string {
  const money = usd === 0 ? '' : `${usd > 0 ? '+' : '-'}$${Math.abs(usd).toFixed(6)}`
  const time = ms === 0 ? '' : `${ms > 0 ? '+' : '-'}${Math.abs(ms)} ms`
  return [money, time].filter(Boolean).join(', ')
}
