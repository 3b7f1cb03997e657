/**
 * Two runs side by side: which steps were asked the same and gave the same, which were not and how, and what the second cost and took more than the first.
 * Pure: entries in, the comparison out, in linear time. Steps are compared as they are recorded, so large values by their hash; where values differ is
 * looked for in those that `load` has. A step that a fork took over counts as in the run it is from: no difference in money or time.
 */
import { type Entry, isBlobRef, type RunForked, type RunStarted, type Value } from '../journal/index.ts'
import { decode, type Json } from '../primitives/index.ts'
import { inPlace, type LoadedValue } from './loaded-value.ts'
import { outcomeText, type RecordedStep, recordedSteps, valueGiven } from './recorded-step.ts'
import type { RunDiff, StepChange, StepDiff } from './run-diff.port.ts'
import { sayDiff } from './say-diff.ts'
import { valueChanges } from './value-change.ts'

/** @example diffRuns(entriesOfA, entriesOfB).firstDivergence */
export function diffRuns(a: Iterable<Entry>, b: Iterable<Entry>, load: LoadedValue = inPlace): RunDiff {
  const [before, after] = [new Side(a, load), new Side(b, load)]
  const steps = keysOfBoth(before.steps, after.steps).map((key) => compare(key, before, after))
  const diff = {
    firstDivergence: steps.find(({ change }) => change !== 'same')?.key,
    steps,
    usd: Math.round(steps.reduce((total, { usd }) => total + usd * 1_000_000, 0)) / 1_000_000,
    ms: steps.reduce((total, { ms }) => total + ms, 0),
    input: before.text(before.input) === after.text(after.input) ? [] : valueChanges(before.value(before.input), after.value(after.input)),
    output: before.endText() === after.endText() ? [] : valueChanges(before.end(), after.end()),
    flow: before.flow === after.flow ? undefined : `${before.flow} → ${after.flow}`,
  }
  return Object.defineProperty(diff, 'toString', { value: () => sayDiff(diff) })
}

/** One of the two runs. */
class Side {
  readonly steps: ReadonlyMap<string, RecordedStep>
  readonly input: Value | undefined
  readonly flow: string | undefined
  readonly isFork: boolean
  readonly #last: Entry | undefined
  readonly #load: LoadedValue

  constructor(entries: Iterable<Entry>, load: LoadedValue) {
    let started: RunStarted | undefined
    let forked: RunForked | undefined
    let last: Entry | undefined
    const seen = function* (): Iterable<Entry> {
      for (const entry of entries) {
        if (entry.type === 'run.started') started = entry
        else if (entry.type === 'run.forked') forked = entry
        if (entry.type.startsWith('run.')) last = entry
        yield entry
      }
    }
    this.steps = recordedSteps(seen())
    this.input = started?.input
    this.flow = started && `${started.flow} ${started.version}`
    this.isFork = forked !== undefined
    this.#last = last
    this.#load = load
  }

  text(value: Value | undefined): string {
    return JSON.stringify(value ?? null)
  }

  /** What is shown of a recorded value. */
  value(value: Value | undefined): unknown {
    if (value === undefined) return undefined
    const json = this.#load(value)
    return json === undefined && isBlobRef(value) ? `(${value.bytes} bytes, ${value['~blob'].slice(0, 8)})` : decode(json as Json)
  }

  given(step: RecordedStep | undefined): unknown {
    if (!step?.outcome) return undefined
    const value = valueGiven(step)
    return value === undefined ? outcomeText(step) : this.value(value)
  }

  endText(): string {
    const last = this.#last
    return last?.type === 'run.completed' ? this.text(last.output) : String(this.end())
  }

  end(): unknown {
    const last = this.#last
    if (last?.type === 'run.completed') return this.value(last.output)
    if (last?.type === 'run.failed') return `failed: ${last.error.code}: ${last.error.message}`
    return last?.type === 'run.cancelled' ? `cancelled: ${last.reason}` : undefined
  }
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

function compare(key: string, a: Side, b: Side): StepDiff {
  const [before, after] = [a.steps.get(key), b.steps.get(key)]
  const change = changeOf(before, after)
  const isTaken = [isTakenOver(before, a, change), isTakenOver(after, b, change)]
  const counts = !(before && after && isTaken.includes(true))
  const usd = counts ? ((after?.microUsd ?? 0) - (before?.microUsd ?? 0)) / 1_000_000 : 0
  const ms = counts ? (after?.ms ?? 0) - (before?.ms ?? 0) : 0
  const step: StepDiff = { key, change, usd, ms, ...(after?.reused ? { reused: true } : {}) }
  if (change === 'same' || !before || !after) return step
  const values = outcomeText(before) === outcomeText(after) ? [] : valueChanges(a.given(before), b.given(after))
  return { ...step, ...(change === 'input' ? { asked: askedOther(before, after) } : {}), values }
}

function changeOf(before: RecordedStep | undefined, after: RecordedStep | undefined): StepChange {
  if (!before) return 'added'
  if (!after) return 'removed'
  if (before.kind !== after.kind || before.fingerprint !== after.fingerprint || before.tunable !== after.tunable) return 'input'
  return outcomeText(before) === outcomeText(after) ? 'same' : 'output'
}

/** A fork waits for nobody who has answered, and sleeps no sleep that is over. */
function isTakenOver(step: RecordedStep | undefined, { isFork }: Side, change: StepChange): boolean {
  return step?.reused !== undefined || (isFork && change === 'same' && (step?.kind === 'wait' || step?.kind === 'timer'))
}

interface ModelLabel {
  readonly system?: string | undefined
  readonly model?: string | undefined
}

function askedOther(before: RecordedStep, after: RecordedStep): string {
  if (before.kind !== after.kind) return `kind ${before.kind} → ${after.kind}`
  const [was, is] = [labelOf(before), labelOf(after)]
  const others: string[] = []
  if (before.fingerprint !== after.fingerprint) others.push('input')
  if (before.tunable !== after.tunable) {
    if (was.system !== is.system) others.push('instructions')
    if (was.model !== is.model) others.push(`model ${was.model} → ${is.model}`)
    if (was.system === is.system && was.model === is.model) others.push('settings')
  }
  return others.join(', ')
}

const labelOf = ({ first }: RecordedStep): ModelLabel => (('label' in first ? first.label : undefined) ?? {}) as ModelLabel
