import { TuttiError } from '../errors/index.ts'

/** Milliseconds as a number, or a number with its unit: `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'3d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** @param what it is of, as an error names it: `hedge: after`. @throws CONFIG_INVALID when it is not a duration, or negative. */
export function durationMs(duration: Duration, what?: string): number {
  const match = typeof duration === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : undefined
  const ms = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : typeof duration === 'number' ? duration : Number.NaN
  if (!(ms >= 0 && Number.isFinite(ms)))
    throw new TuttiError('CONFIG_INVALID', `${what === undefined ? '' : `${what}: `}'${String(duration)}' is not a duration`, {
      hint: "Write milliseconds as a number, or '250ms', '30s', '5m', '2h', '3d'.",
    })
  return ms
}
