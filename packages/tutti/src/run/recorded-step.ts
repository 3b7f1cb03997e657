/**
 * The steps of a run as its journal tells them: one line a step, with all its attempts. A reading; what compares runs, or explains one, begins here.
 * Costs linear time in the entries.
 */
import type { Asked, At, Entry, Reused, Value } from '../journal/index.ts'
import { carriedRecord } from './carried-record.ts'

export interface RecordedStep {
  readonly key: string
  readonly at: At
  readonly kind: NonNullable<Asked['kind']> | 'timer' | 'wait'
  readonly fingerprint: string
  readonly tunable: string | undefined
  readonly effect: NonNullable<Asked['effect']>
  /** The first entry, and the one that holds what became of it; `undefined` while nothing has. */
  readonly first: Entry
  outcome: Entry | undefined
  /** Of all its attempts. */
  microUsd: number
  ms: number
  attempts: number
  /** Epoch ms: when it was asked, as far as its entries tell. */
  readonly askedAt: number
  /** How long nobody knew what became of it. */
  doubtMs: number
  /** Of a fork that did not do it: where it is from. It cost nothing here. */
  reused: Reused | undefined
}

/** In the order of their first entries. */
export function recordedSteps(entries: Iterable<Entry>): ReadonlyMap<string, RecordedStep> {
  const steps = new Map<string, RecordedStep>()
  const { whole, mark } = carriedRecord([...entries])
  for (const entry of whole) {
    const key = 'key' in entry ? entry.key : undefined
    if (key === undefined) continue
    const known = steps.get(key)
    const step = known && !(mark && known.first.seq < mark.seq && entry.seq > mark.seq) ? known : askedNow(entry, known)
    if (!step) continue
    if (step !== known) steps.delete(key)
    steps.set(key, step)
    take(step, entry)
  }
  return steps
}

/** What a step gave, where that is a value. */
export const valueGiven = ({ outcome }: RecordedStep): Value | undefined => (outcome && 'value' in outcome ? outcome.value : undefined)

/** What a step gave, as text that is the same for the same value; a failure is its code and message. */
export function outcomeText(step: RecordedStep): string {
  const { outcome } = step
  if (!outcome) return ''
  if (outcome.type === 'step.failed') return `${outcome.error.code}: ${outcome.error.message}`
  return outcome.type === 'timer.fired' ? 'fired' : JSON.stringify(valueGiven(step) ?? null)
}

/** Who asked a model in it, each once. */
export function agentsIn(steps: Iterable<RecordedStep>): ReadonlySet<string> {
  const agents = new Set<string>()
  for (const { kind, first } of steps) {
    const label = kind === 'model' && 'label' in first ? (first.label as { readonly agent?: string } | undefined) : undefined
    if (label?.agent !== undefined) agents.add(label.agent)
  }
  return agents
}

/** As the present version of the flow asks for it; what earlier ones spent on it counts. */
function askedNow(entry: Entry, known: RecordedStep | undefined): RecordedStep | undefined {
  const asked = begun(entry)
  return asked && known ? { ...asked, microUsd: known.microUsd, ms: known.ms, attempts: known.attempts } : (asked ?? known)
}

function begun(entry: Entry): RecordedStep | undefined {
  const told = { first: entry, outcome: undefined, microUsd: 0, ms: 0, attempts: 0, askedAt: askedAt(entry), doubtMs: 0, reused: undefined }
  const rest = { tunable: undefined, effect: 'read', ...told } as const
  switch (entry.type) {
    case 'step.started':
    case 'step.completed':
    case 'step.failed': {
      const { key, at, fingerprint, tunable, kind = 'code', effect = 'read' } = entry
      return at === undefined || fingerprint === undefined ? undefined : { ...rest, key, at, fingerprint, tunable, kind, effect }
    }
    case 'timer.set':
      return { ...rest, key: entry.key, at: entry.at, fingerprint: entry.fingerprint, kind: 'timer' }
    case 'signal.awaited':
      return { ...rest, key: entry.key, at: entry.at, fingerprint: entry.fingerprint, kind: 'wait' }
    default:
      return undefined
  }
}

/** What has no entry that says that it was asked says how long it took. */
const askedAt = (entry: Entry): number => entry.time - ('ms' in entry ? (entry.ms ?? 0) : 0)

function take(step: RecordedStep, entry: Entry): void {
  // What became of a step is not what became of undoing it.
  if (entry.type === 'step.compensated') return
  if ('settle' in entry) step.microUsd += entry.settle?.microUsd ?? 0
  if ('ms' in entry) step.ms += entry.ms ?? 0
  if ('attempt' in entry && entry.attempt !== undefined) step.attempts = Math.max(step.attempts, entry.attempt)
  // The time until the answer is taken away from it, whoever gives it.
  // A doubt that an answer left open goes on from where it began.
  if (entry.type === 'step.doubted' && step.doubtMs >= 0) step.doubtMs -= entry.time
  if (entry.type === 'step.resolved') step.doubtMs += entry.time
  const failed = entry.type === 'step.failed' && entry.final
  const done = entry.type === 'step.completed' || (entry.type === 'step.resolved' && entry.verdict === 'done')
  const came = entry.type === 'timer.fired' || entry.type === 'signal.received'
  if (!failed && !done && !came) return
  step.outcome = entry
  if ('reused' in entry) step.reused = entry.reused
  step.attempts = Math.max(1, step.attempts)
  if (came) step.ms = entry.time - step.first.time
}
