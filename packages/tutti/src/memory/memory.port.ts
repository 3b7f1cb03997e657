import type { ModelLike } from '../model/model.port.ts'

/** How what leaves is summarized: into one summary, written anew each time; or into one for each stretch, and of many one of the next level. */
export type SummaryStyle = 'rolling' | 'hierarchical'

/** What memory() was told, as the rooms above read it. */
export interface MemoryPlan {
  readonly window: number
  readonly summarize: SummaryStyle | undefined
  /** Who summarizes. Left out: the model of the agent. */
  readonly model?: ModelLike | undefined
}
