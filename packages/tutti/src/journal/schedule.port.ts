/** What a store keeps of a schedule. Types only. */
import type { Json, RunId } from '../primitives/index.ts'

export interface ScheduleState {
  readonly name: string
  /** The last instant that was dealt with (epoch ms); until then nothing is missed. */
  readonly considered: number
  readonly paused: boolean
  /** The run that it started last. */
  readonly run?: RunId | undefined
  /** When, what and how, as text that any process can read. */
  readonly spec?: Json | undefined
  /** What is kept as its `spec` cannot be read. */
  readonly damaged?: true | undefined
}

/** What is left out stays; of a schedule that is new, `considered` is 0 and `paused` false. */
export type ScheduleChange = Partial<Omit<ScheduleState, 'name' | 'damaged'>>
