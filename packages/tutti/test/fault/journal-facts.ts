/** What a person reads out of a journal: what a run waits for, what is in doubt, what a watcher must have seen, what it cost. */
import { type Entry, isTerminal } from '../../src/journal/index.ts'

const keyed = (entry: Entry): string | undefined => ('key' in entry ? entry.key : undefined)

/** Waits that nothing has answered. */
export function waitsOf(journal: readonly Entry[]): readonly { readonly key: string; readonly signal: string }[] {
  const answered = new Set(journal.filter(({ type }) => type === 'signal.received' || type === 'timer.fired').map(keyed))
  return journal.filter((entry) => entry.type === 'signal.awaited').filter(({ key }) => !answered.has(key))
}

/** Effects in doubt, and how often each has been by now. */
export function doubtsOf(journal: readonly Entry[]): readonly { readonly key: string; readonly times: number }[] {
  const doubted = journal.filter((entry) => entry.type === 'step.doubted')
  const open = new Set(doubted.map(({ key }) => key))
  for (const key of open) {
    const last = journal.findLast((entry) => keyed(entry) === key && entry.type !== 'step.started')
    if (last?.type !== 'step.doubted') open.delete(key)
  }
  return [...open].map((key) => ({ key, times: doubted.filter((entry) => entry.key === key).length }))
}

export function endOf(journal: readonly Entry[]): string {
  const last = journal.findLast(isTerminal)
  if (last?.type === 'run.completed') return `completed: ${JSON.stringify(last.output)}`
  if (last?.type === 'run.failed') return `failed: ${last.error.code}`
  return last ? 'cancelled' : 'unfinished'
}

const shown: ReadonlySet<string> = new Set(['step.started', 'step.completed', 'step.failed', 'signal.awaited', 'run.completed', 'run.failed', 'run.cancelled'])

/** What whoever watches from the beginning sees of it, up to its end. */
export function eventsIn(journal: readonly Entry[]): readonly string[] {
  const end = journal.findIndex(isTerminal)
  return journal
    .slice(0, end + 1)
    .filter(({ type }) => shown.has(type))
    .map((entry) => `${entry.seq} ${entry.type === 'run.cancelled' ? 'run.failed' : entry.type} ${keyed(entry) ?? ''}`.trimEnd())
}

/** @param billed what the world charged for this run (micro-USD) */
export function usageFaults(journal: readonly Entry[], limit: number, billed: number): readonly string[] {
  const faults: string[] = []
  const held = new Map<string, number>()
  const settled = new Map<string, number>()
  const end = journal.findLastIndex(isTerminal)
  for (const [i, entry] of journal.entries()) {
    if (entry.type === 'step.started' && entry.hold) held.set(`${entry.key} ${entry.attempt}`, entry.hold.microUsd)
    if (!('settle' in entry) || !entry.settle) continue
    const token = `${entry.key} ${entry.attempt ?? 1}`
    if (settled.has(token)) faults.push(`${token} is settled twice`)
    if (i < end || end < 0) settled.set(token, entry.settle.microUsd)
  }
  const used = [...held].reduce((sum, [token, hold]) => sum + (settled.get(token) ?? hold), 0)
  if (used > limit) faults.push(`its ledger used ${used} of ${limit} micro-USD`)
  if (billed > used) faults.push(`it cost ${billed} micro-USD, and its journal knows of ${used}`)
  const last = journal[end]
  if (last && 'usage' in last && last.usage !== undefined) {
    const said = Math.round((last.usage as { usd: number }).usd * 1e6)
    if (said !== used) faults.push(`it says that it used ${said} micro-USD, and its journal comes to ${used}`)
  }
  return faults
}
