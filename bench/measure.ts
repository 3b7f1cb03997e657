/** How every bench measures: CPU of the whole process, medians, and files that are gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Cost {
  readonly wallMs: number
  /** Of all threads, the collector's and a commit worker's too. */
  readonly cpuMs: number
}

/** Starts a stopwatch; calling it answers what was used since. */
export function stopwatch(): () => Cost {
  const began = performance.now()
  const used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { wallMs: performance.now() - began, cpuMs: (user + system) / 1_000 }
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** After so long no measurement is repeated once more, so that a busy machine makes a bench less exact, not endless. */
const LONG_ENOUGH_MS = 6_000

/** The median of each field over `times` calls, or over three when they take long. */
export async function medians<K extends string>(times: number, measure: () => Promise<Record<K, number>> | Record<K, number>): Promise<Record<K, number>> {
  const all: Record<K, number>[] = []
  const read = stopwatch()
  while (all.length < times && (all.length < 3 || read().wallMs < LONG_ENOUGH_MS)) all.push(await measure())
  const names = Object.keys(all[0] ?? {}) as K[]
  return Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name]))])) as Record<K, number>
}

/** A folder that `work` may fill. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bytes that are reachable now: JavaScript's and what it holds outside of its heap. */
export function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
