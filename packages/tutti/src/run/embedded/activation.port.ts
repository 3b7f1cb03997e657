/** What an activation is given by who drives it. Types only. */
import type { StandingBudgets } from '../../budget/index.ts'
import type { Entry, OpenWait } from '../../journal/index.ts'
import type { Sighting } from '../engine.port.ts'
import type { LeaseTerms } from './own-lease.ts'
import type { Seed } from './seed-answers.ts'

export interface ActivationOptions extends LeaseTerms {
  readonly record: readonly Entry[]
  /** Activations before this one that added nothing. */
  readonly stalls: number
  /** Who drives a seeded run calls `open` once all is handed out; else the first `next` does. */
  readonly seed?: Seed | undefined
  /** What accounts that outlive the run limit. */
  readonly budgets?: StandingBudgets | undefined
  /** Of a run that was made a moment ago: asked when it opens, instead of its messages. Whoever answers pokes it, should something have been sent to it since. */
  readonly heed?: (() => void) | undefined
  sight(sighting: Sighting): boolean
  /** The run waits for nothing but timers and signals. */
  rest(waiting: readonly OpenWait[], wakeAt: number | undefined): void
  /** It goes on, after `rest`. */
  wake(): void
}
