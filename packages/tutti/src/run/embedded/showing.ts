/** What an activation shows: everything to whoever watches in this process, and what a person reads of steps under way to other processes on the store too. */
import type { PartBook } from '../../journal/index.ts'
import type { Json, RunId } from '../../primitives/index.ts'
import type { StreamPart } from '../effect.port.ts'
import type { Sighting } from '../engine.port.ts'

export interface ShowingOptions {
  readonly run: RunId
  /** Higher than that of every activation before it. */
  readonly activation: number
  /** The last entry of its record. */
  readonly last: number
  readonly parts: PartBook | undefined
  /** True when somebody here saw it. */
  show(sighting: Sighting): boolean
}

/** Of the others no event is made. */
const READ: readonly StreamPart['type'][] = ['text', 'partial', 'reset']

export function showing({ run, activation, last, parts, show }: ShowingOptions): (sighting: Sighting) => boolean {
  let after = last
  return (sighting) => {
    if (sighting.type === 'entry') {
      after = sighting.entry.seq
      return show(sighting)
    }
    const { key, attempt, part } = sighting
    const isSeenHere = show({ ...sighting, activation })
    if (!parts || !READ.includes(part.type)) return isSeenHere
    return parts.show(run, { key, activation, attempt, after, part: part as unknown as Json }) || isSeenHere
  }
}
