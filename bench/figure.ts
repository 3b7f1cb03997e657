/**
 * One measured number beside what it is to be compared with, and how every bench prints it: a table for a person, or, with `--json`, one line of JSON
 * a figure, so that a figure can be compared over time.
 */

/** What we promise of a figure. */
export type Target = { readonly atMost: number } | { readonly atLeast: number }

export interface Figure {
  /** What was measured; the same from one version to the next. */
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the machine allows at best: the same rows, timers or bytes without tutti, measured in the same process and minute. */
  readonly limit?: number | undefined
  readonly target?: Target | undefined
  /** Whose figure `peerValue` is, in the same unit. */
  readonly peer?: string | undefined
  readonly peerValue?: number | undefined
}

export type Report = (...figures: readonly Figure[]) => void

/** Prints each figure as it is known. */
export function reporter(json: boolean = process.argv.includes('--json')): Report {
  if (!json) console.log(row('', 'figure', 'limit', 'target', 'peer'))
  return (...figures) => {
    for (const figure of figures) console.log(json ? jsonLine(figure) : line(figure))
  }
}

export function isMet({ value, target }: Figure): boolean {
  if (!target) return true
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast
}

/** The same fields on every line; what is not known is null. */
function jsonLine({ name, value, unit, limit, target, peer, peerValue }: Figure): string {
  return JSON.stringify({ name, value, unit, limit: limit ?? null, peer: peer ?? null, peerValue: peerValue ?? null, target: target ?? null })
}

function line(figure: Figure): string {
  const { name, value, unit, limit, target, peer, peerValue } = figure
  const promised = target ? `${'atMost' in target ? `≤ ${say(target.atMost)}` : `≥ ${say(target.atLeast)}`} ${isMet(figure) ? '✓' : '✗'}` : ''
  const theirs = peerValue === undefined ? '' : `${say(peerValue)}  ${peer ?? ''}`
  return row(name, `${say(value)} ${unit}`, limit === undefined ? '' : say(limit), promised, theirs)
}

const row = (name: string, value: string, limit: string, target: string, peer: string): string =>
  `${name.padEnd(58)} ${value.padStart(18)} ${limit.padStart(10)} ${target.padStart(13)}   ${peer}`.trimEnd()

/** Three digits that mean something. */
function say(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number(value.toPrecision(3)).toString()
}
