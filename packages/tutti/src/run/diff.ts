/**
 * Two runs side by side: which steps were asked the same and gave the same, which were not, and what the second cost and took more than the first.
 * Pure: entries in, the comparison out, in linear time. Values are compared as they are recorded, so a large one is compared by its hash.
 */
import type { Entry } from '../journal/index.ts'
import { outcomeText, type RecordedStep, recordedSteps } from './recorded-step.ts'

/** `input`: it was asked with another input, other instructions or another model; `output`: it was asked the same and gave something else. */
export type StepChange = 'same' | 'output' | 'input' | 'added' | 'removed'

export interface StepDiff {
  readonly key: string
  readonly change: StepChange
  /** What the second run spent on it more than the first: negative is less. */
  readonly usd: number
  readonly ms: number
}

export interface RunDiff {
  /** The key of the first step that is not the same; `undefined`: all are. */
  readonly firstDivergence: string | undefined
  /** In the order of the journals: those of the first run, those added where they were. */
  readonly steps: readonly StepDiff[]
  /** What the second run spent more than the first, over all its steps. */
  readonly usd: number
  readonly ms: number
  toString(): string
}

/** @example diffRuns(entriesOfA, entriesOfB).firstDivergence */
export function diffRuns(a: Iterable<Entry>, b: Iterable<Entry>): RunDiff {
  const before = recordedSteps(a)
  const after = recordedSteps(b)
  const steps = keysOfBoth(before, after).map((key) => compare(key, before.get(key), after.get(key)))
  const micro = sumOf(after, 'microUsd') - sumOf(before, 'microUsd')
  const ms = sumOf(after, 'ms') - sumOf(before, 'ms')
  const firstDivergence = steps.find(({ change }) => change !== 'same')?.key
  const diff = { firstDivergence, steps, usd: micro / 1_000_000, ms }
  return Object.defineProperty(diff, 'toString', { value: () => sayDiff(diff) })
}

type Steps = ReadonlyMap<string, RecordedStep>

/** The keys of the first run in its order; those that only the second has stand before the step that followed them there. */
function keysOfBoth(before: Steps, after: Steps): readonly string[] {
  const merged: string[] = []
  const later = [...after.keys()]
  const placeOf = new Map(later.map((key, i) => [key, i]))
  let next = 0
  const addUpTo = (end: number): void => {
    for (; next < end; next++) {
      const key = later[next] as string
      if (!before.has(key)) merged.push(key)
    }
  }
  for (const key of before.keys()) {
    addUpTo(placeOf.get(key) ?? 0)
    merged.push(key)
  }
  addUpTo(later.length)
  return merged
}

function compare(key: string, before: RecordedStep | undefined, after: RecordedStep | undefined): StepDiff {
  const usd = ((after?.microUsd ?? 0) - (before?.microUsd ?? 0)) / 1_000_000
  const ms = (after?.ms ?? 0) - (before?.ms ?? 0)
  return { key, change: changeOf(before, after), usd, ms }
}

function changeOf(before: RecordedStep | undefined, after: RecordedStep | undefined): StepChange {
  if (!before) return 'added'
  if (!after) return 'removed'
  if (before.kind !== after.kind || before.fingerprint !== after.fingerprint || before.tunable !== after.tunable) return 'input'
  return outcomeText(before) === outcomeText(after) ? 'same' : 'output'
}

function sumOf(steps: Steps, name: 'microUsd' | 'ms'): number {
  let total = 0
  for (const step of steps.values()) total += step[name]
  return total
}

const signs: Readonly<Record<StepChange, string>> = { same: ' ', output: '~', input: '≠', added: '+', removed: '-' }

/** What changed, a line a step; what did not is counted. */
function sayDiff({ steps, usd, ms }: Omit<RunDiff, 'toString'>): string {
  const changed = steps.filter(({ change }) => change !== 'same')
  const same = steps.length - changed.length
  const lines = changed.map((step) => `${signs[step.change]} ${step.key}  ${[step.change, more(step)].filter(Boolean).join(', ')}`)
  return [...lines, `${changed.length} of ${steps.length} steps changed, ${same} are the same; ${more({ usd, ms }) || 'same cost, same time'}`].join('\n')
}

/** `+$0.000120, -40 ms`; nothing where nothing changed. */
function more({ usd, ms }: { readonly usd: number; readonly ms: number }): string {
  const money = usd === 0 ? '' : `${usd > 0 ? '+' : '-'}$${Math.abs(usd).toFixed(6)}`
  const time = ms === 0 ? '' : `${ms > 0 ? '+' : '-'}${Math.abs(ms)} ms`
  return [money, time].filter(Boolean).join(', ')
}
