/** How an activation gives its run up without ending it: raised through `next`, and recorded. */
import { TuttiError } from '../../errors/index.ts'
import type { OpenWait } from '../../journal/index.ts'
import type { Draft } from './draft.ts'
import type { Beside } from './ground.port.ts'
import type { PauseRequest } from './pause.ts'

/** Control flow, not an error. */
export class Suspended {}

/** Where the run stands that is given up. */
interface Rest {
  readonly waiting: readonly OpenWait[]
  readonly wakeAt: number | undefined
  /** Something is under way, and is given up too. */
  readonly busy: boolean
  /** Messages that nothing in a run at rest can ever take. */
  readonly useless: readonly string[]
}

/** A run that is being paused waits for a person; one that waits for others, for those; any other goes on wherever it is taken up. */
export function suspensionOf(
  why: 'waiting' | 'drain',
  pause: PauseRequest | undefined,
  { waiting, wakeAt, busy, useless }: Rest,
): { readonly draft: Draft; readonly beside: Beside } {
  if (pause) {
    const beside: Beside = { head: { status: 'suspended', waiting, wakeAt: undefined }, taken: pause.taken, release: true }
    return { draft: { type: 'run.suspended', why: 'paused', reason: pause.reason }, beside }
  }
  const rests = !busy && (waiting.length > 0 || wakeAt !== undefined)
  const beside: Beside = rests
    ? { head: { status: 'waiting', waiting, wakeAt }, taken: useless, release: true }
    : { head: { status: 'running' }, release: true }
  return { draft: { type: 'run.suspended', why }, beside }
}

/** Made once, because an error costs more than a step does: only what an ended run left behind is told. */
export const finished = new TuttiError('RUN_FINISHED', 'the run has ended')
