/** The queue of a flow as it is declared, and as limits. */
import { TuttiError } from '../errors/index.ts'
import type { QueueLimits, Rate } from '../journal/index.ts'
import { checkOptions } from '../primitives/index.ts'
import type { QueueOptions } from './definition.port.ts'

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** @throws CONFIG_INVALID naming the field */
export function queueLimits(flow: string, o: QueueOptions): QueueLimits {
  checkOptions<QueueOptions>(`the queue of the flow '${flow}'`, o, { concurrency: true, perTenant: true, rate: true, ratePerTenant: true })
  const { concurrency, perTenant, rate, ratePerTenant } = o
  return {
    concurrency: countOf(flow, 'concurrency', concurrency),
    perTenant: countOf(flow, 'perTenant', perTenant),
    rate: rateOf(flow, 'rate', rate),
    ratePerTenant: rateOf(flow, 'ratePerTenant', ratePerTenant),
  }
}

/** Of several versions of a flow, each with its queue: no limit of any of them is passed. */
export function tightest(all: readonly QueueLimits[]): QueueLimits {
  return all.reduce((a, b) => ({
    concurrency: least(a.concurrency, b.concurrency),
    perTenant: least(a.perTenant, b.perTenant),
    rate: slower(a.rate, b.rate),
    ratePerTenant: slower(a.ratePerTenant, b.ratePerTenant),
  }))
}

/** @throws CONFIG_INVALID */
export function checkPriority(priority: number | undefined): void {
  if (priority === undefined || Number.isSafeInteger(priority)) return
  throw new TuttiError('CONFIG_INVALID', `the priority of a run is a whole number, and ${String(priority)} is none`, { hint: 'Default 0; higher goes first.' })
}

function countOf(flow: string, field: string, count: number | undefined): number | undefined {
  if (count === undefined || (Number.isSafeInteger(count) && count > 0)) return count
  throw invalid(flow, field, `is ${String(count)}`, 'It is a whole number from 1: how many runs are driven at once.')
}

function rateOf(flow: string, field: string, rate: string | undefined): Rate | undefined {
  if (rate === undefined) return undefined
  const [, runs, unit = ''] = /^(\d+)\/([smh])$/.exec(String(rate)) ?? []
  if (!(Number(runs) > 0))
    throw invalid(flow, field, `is '${String(rate)}'`, "Write how many runs may begin in a second, a minute or an hour: '10/s', '600/m', '100/h'.")
  return { runs: Number(runs), ms: unitMs[unit] as number }
}

const invalid = (flow: string, field: string, says: string, hint: string): TuttiError =>
  new TuttiError('CONFIG_INVALID', `the queue of the flow '${flow}' cannot be kept: '${field}' ${says}`, { hint, data: { flow, field } })

const least = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b))

const slower = (a: Rate | undefined, b: Rate | undefined): Rate | undefined =>
  a === undefined || b === undefined ? (a ?? b) : a.runs / a.ms <= b.runs / b.ms ? a : b
