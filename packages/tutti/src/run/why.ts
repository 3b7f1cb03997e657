/**
 * Why an output came to be: the steps that stand behind it, which chain of them took the longest and cost the most, and where the time went.
 *
 * What a step read of what came before is not recorded, so this is what it can have read: the outcomes that were delivered before it was asked, in its own scope
 * and in those around it, of what stands earlier there. Items of one map do not stand behind one another. A step without a `step.started` says only
 * how long it took, so one that began in the same millisecond in which another ended counts as after it. Nothing that stands behind is left out; some may be too much.
 * Behind a run that failed stands the step that it failed in. Pure: entries in, the answer out, in n log n of the steps.
 */
import type { Entry, RunForked, RunStarted } from '../journal/index.ts'
import { inPlace, type LoadedValue } from './loaded-value.ts'
import { placeOf } from './record.ts'
import { type RecordedStep, recordedSteps } from './recorded-step.ts'
import type { RunEnd, RunWhy, StepWhy } from './run-why.port.ts'
import { sayWhy } from './say-why.ts'
import { stepNotFound } from './step-not-found.ts'
import { stepWhy } from './step-why.ts'
import { heaviestChain, isBehind, type Link } from './why-chain.ts'

interface StepLink extends Link {
  readonly step: RecordedStep
  readonly microUsd: number
  readonly spanMs: number
}

/** @param key a step; left out, the end of the run. @throws RUN_STEP_NOT_FOUND */
export function whyOf(entries: Iterable<Entry>, key?: string, load: LoadedValue = inPlace): RunWhy {
  const record = [...entries]
  const steps = recordedSteps(record)
  const links = linksOf([...steps.values()])
  const end = endOf(record, links, steps)
  const target = linkAt(links, key ?? end.at)
  if (key !== undefined && !target)
    throw stepNotFound(
      `the run has no step '${key}' with an outcome`,
      key,
      links.map(({ step }) => step.key),
    )
  const behind = target ? [...links.filter((link) => isBehind(link, target)), target] : links
  const told = behind.map(({ step }) => stepWhy(step, load))
  const why = {
    key,
    flow: record.find((entry): entry is Entry & RunStarted => entry.type === 'run.started')?.flow,
    end,
    forkOf: record.find((entry): entry is Entry & RunForked => entry.type === 'run.forked')?.from,
    steps: told,
    time: timeOf(behind, told, wallMs(record, links, key === undefined ? undefined : target)),
    money: moneyOf(behind, told, target !== undefined),
  }
  return Object.defineProperty(why, 'toString', { value: () => sayWhy(why) })
}

function timeOf(behind: readonly StepLink[], told: readonly StepWhy[], wall: number): RunWhy['time'] {
  // The run went on when the last outcome was there: the chain that led to it is the one that took the time.
  const chain = heaviestChain(behind, (i) => behind[i]?.spanMs ?? 0, { end: behind.length - 1, placesCount: true })
  const path = chain.map((i) => told[i] as StepWhy)
  const sum = (of: (step: StepWhy) => number): number => path.reduce((total, step) => total + of(step), 0)
  const isRest = ({ kind }: StepWhy): boolean => kind === 'wait' || kind === 'timer'
  return {
    path,
    ms: sum(({ ms }) => ms),
    workedMs: sum((step) => (isRest(step) ? 0 : step.ms - (step.lostMs ?? 0) - (step.doubtMs ?? 0))),
    waitedMs: sum((step) => (step.kind === 'wait' ? step.ms : (step.doubtMs ?? 0))),
    sleptMs: sum((step) => (step.kind === 'timer' ? step.ms : 0)),
    lostMs: sum(({ lostMs = 0 }) => lostMs),
    wallMs: wall,
  }
}

function moneyOf(behind: readonly StepLink[], told: readonly StepWhy[], hasTarget: boolean): RunWhy['money'] {
  const chain = heaviestChain(behind, (i) => behind[i]?.microUsd ?? 0, { end: hasTarget ? behind.length - 1 : undefined })
  const path = chain.map((i) => told[i] as StepWhy).filter(({ usd }) => usd > 0)
  const total = behind.reduce((sum, { microUsd }) => sum + microUsd, 0)
  const dearest = behind.filter(({ microUsd }) => microUsd > 0).toSorted((a, b) => b.microUsd - a.microUsd)
  return {
    path,
    usd: Math.round(path.reduce((sum, { usd }) => sum + usd * 1_000_000, 0)) / 1_000_000,
    totalUsd: total / 1_000_000,
    steps: dearest.map(({ step, microUsd }) => ({ key: step.key, usd: microUsd / 1_000_000, share: microUsd / total })),
  }
}

const linkAt = (links: readonly StepLink[], key: string | undefined): StepLink | undefined =>
  key === undefined ? undefined : links.find(({ step }) => step.key === key)

// ── how the run ended ──

function endOf(record: readonly Entry[], links: readonly StepLink[], steps: ReadonlyMap<string, RecordedStep>): RunEnd {
  const last = record.findLast(({ type }) => type === 'run.completed' || type === 'run.failed' || type === 'run.cancelled')
  if (last?.type === 'run.completed') return { status: 'completed', open: [] }
  const open = [...steps.values()].filter(({ outcome }) => outcome === undefined).map(({ key }) => key)
  if (last?.type === 'run.cancelled') return { status: 'cancelled', why: last.reason, open }
  if (last?.type !== 'run.failed') return { status: 'unfinished', open }
  const { code, message } = last.error
  const failed = links.findLast(({ step: { outcome } }) => outcome?.type === 'step.failed' && outcome.error.code === code && outcome.error.message === message)
  return { status: 'failed', why: `${code}: ${message}`, at: failed?.step.key, open }
}

function wallMs(record: readonly Entry[], links: readonly StepLink[], target: StepLink | undefined): number {
  const begun = record[0]?.type === 'run.started' ? record[0].time : links[0]?.askedAt
  const ended = target?.doneAt ?? record.at(-1)?.time ?? begun
  return begun === undefined || ended === undefined ? 0 : Math.max(0, ended - begun)
}

// ── steps in time ──

/** Those with an outcome, in the order of delivery. */
function linksOf(steps: readonly RecordedStep[]): readonly StepLink[] {
  const maps = mapsOf(steps)
  const links = steps.flatMap((step): StepLink[] => {
    const { at, first, outcome, microUsd, askedAt } = step
    if (!outcome) return []
    const isItem = at.map((_, depth) => maps.has(placeOf(at.slice(0, depth))))
    const askedSeq = first !== outcome && first.type !== 'step.failed' ? first.seq : undefined
    return [{ step, at, isItem, microUsd, spanMs: outcome.time - askedAt, doneSeq: outcome.seq, doneAt: outcome.time, askedSeq, askedAt }]
  })
  return links.sort((a, b) => a.doneSeq - b.doneSeq)
}

/** The places that are maps: every key below one has the number of its item as the end of a part. */
function mapsOf(steps: readonly RecordedStep[]): ReadonlySet<string> {
  const isMap = new Map<string, boolean>()
  for (const { key, at } of steps) {
    const parts = key.split('/')
    at.forEach((number, depth) => {
      const place = placeOf(at.slice(0, depth))
      if (isMap.get(place) === false) return
      isMap.set(
        place,
        parts.some((part) => part.endsWith(`:${number}`)),
      )
    })
  }
  return new Set([...isMap].flatMap(([place, is]) => (is ? [place] : [])))
}
