/** What every style of a team stands on. Types only. */
import type { AgentPlan } from '../agent/index.ts'
import type { ModelSchema } from '../primitives/index.ts'
import type { AnyFlow } from '../run/index.ts'

export interface TeamGround {
  readonly name: string
  readonly members: readonly AnyFlow[]
  /** What the team answers; left out, text. */
  readonly schema: ModelSchema | undefined
  /** The same, as agents are told. */
  readonly output: AgentPlan['output']
  /** How often somebody is given the floor, at most. */
  readonly turns: number
}
