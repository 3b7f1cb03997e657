/** What a run of a flow may cost and take, from the journals of those that were completed. A reading; it starts nothing. */
import { TuttiError } from '../errors/index.ts'
import { type Entry, isBlobRef, type JournalStore, type RunHead } from '../journal/index.ts'
import { encode } from '../primitives/index.ts'

/** Half of the runs stay below `p50`, nineteen of twenty below `p95`: of fewer than twenty, that is the highest seen. */
export interface Quantiles {
  readonly p50: number
  readonly p95: number
}
export interface Forecast {
  readonly usd: Quantiles
  /** From the start of a run to its end, waits included. */
  readonly ms: Quantiles
  /** So many past runs it rests on. */
  readonly runs: number
  /** `input size`: cost went by the length of the input, and the forecast is for this one. `all runs`: it did not, or the input is shorter or longer than any before. */
  readonly basis: { readonly usd: ForecastBasis; readonly ms: ForecastBasis }
}
export type ForecastBasis = 'input size' | 'all runs'

export interface ForecastOptions {
  readonly flow: string
  /** Default: that of the newest completed run. */
  readonly version?: string | undefined
  /** Left out: whatever the input. */
  readonly input?: { readonly is: unknown } | undefined
}

interface Past {
  readonly size: number
  readonly usd: number
  readonly ms: number
}

/** The newest runs say most; more of them say little more. */
const MOST = 200
/** From so many on a line through them means something. */
const ENOUGH_FOR_A_LINE = 20
/** A line is used when it explains this much of the variance. */
const EXPLAINS = 0.5
const LAST_ENTRIES = 16

/** @throws RUN_NO_HISTORY when no run of this flow and version was completed */
export async function forecastFlow(store: JournalStore, { flow, version, input }: ForecastOptions): Promise<Forecast> {
  const heads = await store.list({ flow, status: ['completed'], limit: MOST })
  const wanted = version ?? heads[0]?.version
  const past: Past[] = []
  for (const head of heads) {
    const run = head.version === wanted ? await pastOf(store, head) : undefined
    if (run) past.push(run)
  }
  if (past.length === 0) {
    const of = wanted === undefined ? `'${flow}'` : `'${flow}', version ${wanted},`
    throw new TuttiError('RUN_NO_HISTORY', `no run of ${of} was completed in this store, so there is nothing to forecast from`, { data: { flow } })
  }
  const size = input && sizeOf(encode(input.is))
  const usd = quantiles(past, 'usd', size)
  const ms = quantiles(past, 'ms', size)
  return {
    usd: { p50: inMicroUsd(usd.of.p50), p95: inMicroUsd(usd.of.p95) },
    ms: { p50: Math.round(ms.of.p50), p95: Math.round(ms.of.p95) },
    runs: past.length,
    basis: { usd: usd.basis, ms: ms.basis },
  }
}

/** What comes of a line through amounts is no amount: whole micro-USD are. */
const inMicroUsd = (usd: number): number => Math.round(usd * 1_000_000) / 1_000_000

/** A fork took over what its source paid for, so it says nothing of what a run costs. */
async function pastOf(store: JournalStore, { run, lastSeq, createdAt }: RunHead): Promise<Past | undefined> {
  let size = 0
  for await (const entry of store.read(run)) {
    if (entry.type === 'run.forked') return undefined
    if (entry.seq > 1) break
    if (entry.type === 'run.started') size = isBlobRef(entry.input) ? entry.input.bytes : sizeOf(entry.input)
  }
  let end: Extract<Entry, { type: 'run.completed' }> | undefined
  for await (const entry of store.read(run, { after: Math.max(0, lastSeq - LAST_ENTRIES) })) if (entry.type === 'run.completed') end = entry
  return end && { size, usd: end.usage.usd, ms: end.time - createdAt }
}

const sizeOf = (json: unknown): number => Buffer.byteLength(JSON.stringify(json) ?? '')

function quantiles(past: readonly Past[], what: 'usd' | 'ms', size: number | undefined): { of: Quantiles; basis: ForecastBasis } {
  const line = size === undefined ? undefined : lineThrough(past, what, size)
  if (!line || size === undefined) {
    const values = past.map((run) => run[what])
    return { of: { p50: quantile(values, 0.5), p95: quantile(values, 0.95) }, basis: 'all runs' }
  }
  const expected = line.at(size)
  const beside = past.map((run) => run[what] - line.at(run.size))
  const of = (q: number): number => Math.max(0, expected + quantile(beside, q))
  return { of: { p50: of(0.5), p95: of(0.95) }, basis: 'input size' }
}

/** Least squares, where they explain enough and the size is among those that were seen. */
function lineThrough(past: readonly Past[], what: 'usd' | 'ms', size: number): { at(size: number): number } | undefined {
  if (past.length < ENOUGH_FOR_A_LINE) return undefined
  const sizes = past.map((run) => run.size)
  if (size < Math.min(...sizes) || size > Math.max(...sizes)) return undefined
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(sizes), mean(past.map((run) => run[what]))]
  const spread = (of: (run: Past) => number): number => past.reduce((sum, run) => sum + of(run), 0)
  const xx = spread((run) => (run.size - x) ** 2)
  const xy = spread((run) => (run.size - x) * (run[what] - y))
  const yy = spread((run) => (run[what] - y) ** 2)
  if (xx === 0 || yy === 0 || xy ** 2 / (xx * yy) < EXPLAINS) return undefined
  return { at: (of) => y + (xy / xx) * (of - x) }
}

/** The smallest value that at least this share of them does not pass. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
}
