/**
 * Why an output came to be: the steps that stand behind it, and which chain of them took the longest and cost the most.
 *
 * What a step read of what came before is not recorded, so this is what it can have read: the outcomes that were delivered before it was asked, in its own scope
 * and in those around it, of what stands earlier there. Items of one map do not stand behind one another. A step without a `step.started` says only
 * how long it took, so one that began in the same millisecond in which another ended counts as after it. Nothing that stands behind is left out; some may be too much.
 * Pure: entries in, the answer out. Costs: time in the square of the steps, at some ten nanoseconds a pair.
 */
import { TuttiError } from '../errors/index.ts'
import type { Entry } from '../journal/index.ts'
import { placeOf } from './record.ts'
import { type RecordedStep, recordedSteps } from './recorded-step.ts'

export interface StepWhy {
  readonly key: string
  readonly kind: RecordedStep['kind']
  readonly usd: number
  readonly ms: number
}

export interface RunWhy {
  /** The step that was asked about; `undefined`: the output of the run. */
  readonly key: string | undefined
  /** All that stands behind it, the step itself last, in the order of delivery. */
  readonly steps: readonly StepWhy[]
  /** The chain that took the longest. */
  readonly time: { readonly path: readonly StepWhy[]; readonly ms: number }
  /** The chain that cost the most; empty when nothing cost anything. */
  readonly money: { readonly path: readonly StepWhy[]; readonly usd: number }
  toString(): string
}

/** A step and what tells which others stand behind it. */
interface Link {
  readonly step: RecordedStep
  readonly at: readonly number[]
  /** For each part of the place: it is the number of an item of a map. */
  readonly isItem: readonly boolean[]
  readonly doneSeq: number
  readonly doneAt: number
  /** The entry that says it was asked; where there is none, `undefined`, and the time is what tells. */
  readonly askedSeq: number | undefined
  readonly askedAt: number
}

/** @param key a step; left out, the output of the run. @throws RUN_STEP_NOT_FOUND */
export function whyOf(entries: Iterable<Entry>, key?: string): RunWhy {
  const links = linksOf([...recordedSteps(entries).values()])
  const target = key === undefined ? undefined : links.find(({ step }) => step.key === key)
  if (key !== undefined && !target) throw new TuttiError('RUN_STEP_NOT_FOUND', `the run has no step '${key}' with an outcome`, { data: { at: key } })
  const behind = target ? [...links.filter((link) => isBehind(link, target)), target] : links
  const path = (name: 'ms' | 'microUsd'): readonly StepWhy[] => heaviest(behind, name, target).map(shown)
  const [time, money] = [path('ms'), path('microUsd').filter(({ usd }) => usd > 0)]
  const why = {
    key,
    steps: behind.map(shown),
    time: { path: time, ms: time.reduce((total, { ms }) => total + ms, 0) },
    money: { path: money, usd: Math.round(money.reduce((total, { usd }) => total + usd * 1_000_000, 0)) / 1_000_000 },
  }
  return Object.defineProperty(why, 'toString', { value: () => sayWhy(why) })
}

const shown = ({ step: { key, kind, microUsd, ms } }: Link): StepWhy => ({ key, kind, usd: microUsd / 1_000_000, ms })

/** Those with an outcome, in the order of delivery. */
function linksOf(steps: readonly RecordedStep[]): readonly Link[] {
  const maps = mapsOf(steps)
  const links = steps.flatMap((step): Link[] => {
    const { at, first, outcome, ms } = step
    if (!outcome) return []
    const isItem = at.map((_, depth) => maps.has(placeOf(at.slice(0, depth))))
    const wasBegun = first !== outcome
    return [{ step, at, isItem, doneSeq: outcome.seq, doneAt: outcome.time, askedSeq: wasBegun ? first.seq : undefined, askedAt: outcome.time - ms }]
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
      if (isMap.get(place) !== false)
        isMap.set(
          place,
          parts.some((part) => part.endsWith(`:${number}`)),
        )
    })
  }
  return new Set([...isMap].flatMap(([place, is]) => (is ? [place] : [])))
}

function isBehind(earlier: Link, later: Link): boolean {
  if (later.askedSeq === undefined ? earlier.doneAt > later.askedAt || earlier.doneSeq >= later.doneSeq : earlier.doneSeq >= later.askedSeq) return false
  for (let depth = 0; depth < later.at.length; depth++) {
    const [before, after] = [earlier.at[depth], later.at[depth]]
    if (before !== after) return !later.isItem[depth] && before !== undefined && before < (after as number)
  }
  return false
}

/** The chain with the greatest sum that ends with `last`, or anywhere. */
function heaviest(links: readonly Link[], name: 'ms' | 'microUsd', last: Link | undefined): readonly Link[] {
  const sums: number[] = []
  const froms: number[] = []
  for (let i = 0; i < links.length; i++) {
    const link = links[i] as Link
    let [best, from] = [0, -1]
    for (let j = i - 1; j >= 0; j--) {
      const sum = sums[j] as number
      if ((sum > best || from < 0) && isBehind(links[j] as Link, link)) [best, from] = [sum, j]
    }
    sums.push(best + link.step[name])
    froms.push(from)
  }
  const path: Link[] = []
  const end = last ? links.length - 1 : sums.reduce((most, sum, i) => (sum > (sums[most] ?? -1) ? i : most), 0)
  for (let i = end; i >= 0 && i < links.length; i = froms[i] as number) path.unshift(links[i] as Link)
  return path
}

function sayWhy({ key, steps, time, money }: Omit<RunWhy, 'toString'>): string {
  const line = ({ key: name, usd, ms }: StepWhy): string => `  ${name}  ${ms} ms${usd > 0 ? `, $${usd.toFixed(6)}` : ''}`
  const counted = steps.length === 1 ? '1 step' : `${steps.length} steps`
  const paid = money.path.length > 0 ? ['', `the most money, $${money.usd.toFixed(6)}:`, ...money.path.map(line)] : []
  return [`${key ?? 'the output'} rests on ${counted}`, '', `the longest, ${time.ms} ms:`, ...time.path.map(line), ...paid].join('\n')
}
