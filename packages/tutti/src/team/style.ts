/** How a team works, as it is declared. Types only. */
import type { Budget } from '../budget/index.ts'
import type { Prompt } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import type { Flow } from '../run/index.ts'
import type { ChatTurn } from './chat.ts'

// biome-ignore lint/suspicious/noExplicitAny: the output of a member does not matter
export type Member = Flow<Prompt, any>

export type TeamStyle =
  /** Whoever has the conversation answers, or hands it to another. `handoffs` says who may hand to whom; default: everybody to everybody. */
  | { style: 'handoff'; start?: string | undefined; handoffs?: Readonly<Record<string, readonly string[]>> | undefined }
  /** One speaks after another, and hears the others. A function, or a model, says who is next, and ends it with `undefined`. In each round as many may speak as there are members. */
  | { style: 'chat'; next?: 'in-turn' | ModelLike | ((turns: readonly ChatTurn[]) => string | undefined) | undefined; rounds: number }
  /** A manager plans, tells one member after another what to do, and plans anew when nothing is gained. Defaults: 3 stalls, 2 new plans. */
  | { style: 'magentic'; manager: ModelLike; maxStalls?: number | undefined; maxReplans?: number | undefined }
  /** All answer, hear the others, and answer again; the judge decides. */
  | { style: 'debate'; rounds: number; judge: Member }
  /** All answer, each `ballots` times (default 1), and the answer given most often is that of the team: with one member, self-consistency. `by` says what counts as the same. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any kind
  | { style: 'vote'; ballots?: number | undefined; by?: ((answer: any) => string) | undefined }

export interface TeamCommon {
  members: readonly [Member, ...Member[]]
  description?: string | undefined
  version?: string | undefined
  /** `turns`: how often somebody is given the floor, default 30. The rest is a budget of its own. */
  limits?: (Budget & { turns?: number | undefined }) | undefined
}

export type TeamOptions = TeamStyle & TeamCommon
