/** What a store keeps of a schedule. Types only. */
import type { Json } from '../primitives/index.ts'

export interface ScheduleState {
  readonly name: string
  /** The last instant that was dealt with (epoch ms); until then nothing is missed. */
  readonly considered: number
  readonly paused: boolean
  /** Of a schedule that is kept in the store alone, because no code declares it. */
  readonly spec?: Json | undefined
}

/** What is left out stays; of a schedule that is new, `considered` is 0 and `paused` false. */
export type ScheduleChange = Partial<Omit<ScheduleState, 'name'>>
