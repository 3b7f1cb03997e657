/**
 * Parts of steps that are under way, for whoever follows a run from a process that does not drive it. Types only.
 *
 * They are provisional: not entries, not recorded, and gone once the step has an outcome. So a store may lose them with the machine, but says so to whoever reads.
 */
import type { Json, RunId } from '../primitives/index.ts'

export interface ShownPart {
  readonly key: string
  /** Which of the activations that drove the run one after the other: what a later one shows of a step makes void what an earlier one showed of it. */
  readonly activation: number
  readonly attempt: number
  /** The entry after which it was shown. */
  readonly after: number
  readonly part: Json
}

/**
 * What a store offers so that parts reach other processes. What was shown of a step can be read before its outcome can: an `append` that holds the outcome comes
 * after it.
 */
export interface PartBook {
  /** Keeps nobody waiting and never fails. True when somebody elsewhere is known to follow the run. */
  show(run: RunId, shown: ShownPart): boolean
  /** From now on what other processes show of it is kept for this reader. @param more there may be something to read */
  follow(run: RunId, more: () => void): PartReader
}

export interface PartReader {
  /** What others showed since the last time, in order; what was lost on the way is marked: a `reset`, and nothing more of that attempt. */
  read(): Promise<readonly ShownPart[]>
  close(): void
}
