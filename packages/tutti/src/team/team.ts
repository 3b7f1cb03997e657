/**
 * Teams: several agents on one task, as a flow. Each style is a few dozen lines over agents: who speaks next, and what each of them hears. Members keep their own context,
 * tools and model; whoever speaks is a scope with a name, and every decision is in the journal.
 *
 * One after another is a `chain`, beside one another a `parallel`; a supervisor is an agent with agents as tools (`asTool()`), and a hierarchy is that again.
 */
import { answerOf } from '../agent/index.ts'
import { type Message, type Prompt, toMessages } from '../message/index.ts'
import type { ModelSchema, OutOf } from '../primitives/index.ts'
import { type AnyFlow, defineFlow, type Flow, type Run } from '../run/index.ts'
import { chat } from './chat.ts'
import { checkTeam } from './check.ts'
import { debate, vote } from './debate.ts'
import type { TeamGround } from './ground.port.ts'
import { handOn } from './handoff.ts'
import { lead } from './magentic.ts'
import { shapeOf } from './shape.ts'
import type { TeamOptions, TeamStyle } from './style.ts'
import { textOfOutput } from './text.ts'

const TURNS = 30

/**
 * Declares a team. It takes a prompt and answers `output`, else text; it stands wherever a flow can: in a chain, as a tool, as a member of another team.
 *
 * Costs: what its members cost; a manager one model call a turn, a selector too.
 * @throws CONFIG_INVALID; when run TEAM_STUCK | TEAM_TURN_LIMIT | TEAM_NO_MEMBER and what its members throw
 * @example
 * const desk = team('desk', { style: 'handoff', members: [triage, orders, refunds] })
 */
export function team<N extends string, OS extends ModelSchema>(name: N, o: TeamOptions & { output: OS }): Flow<Prompt, OutOf<OS>, N>
export function team<N extends string>(name: N, o: TeamOptions & { output?: undefined }): Flow<Prompt, string, N>
export function team(name: string, o: TeamOptions & { output?: ModelSchema | undefined }): AnyFlow {
  const members = checkTeam(name, o)
  const { turns = TURNS, ...budget } = o.limits ?? {}
  const ground: TeamGround = { name, members, schema: o.output, output: o.output && answerOf(name, o.output), turns }
  return defineFlow<never, unknown>({
    kind: 'team',
    name,
    options: { version: o.version, description: o.description, ...(Object.keys(budget).length > 0 ? { budget } : {}) },
    inputSchema: undefined,
    outputSchema: undefined,
    parts: o.style === 'debate' ? [...members, o.judge as AnyFlow] : members,
    shape: shapeOf(o, members),
    execute: async (input, run) => {
      const answer = await inStyle(run, ground, o, toMessages(input as Prompt))
      return o.output ? answer : textOfOutput(answer)
    },
  })
}

function inStyle(run: Run, team: TeamGround, o: TeamStyle, task: readonly Message[]): Promise<unknown> {
  switch (o.style) {
    case 'handoff':
      return handOn(run, team, { start: o.start, handoffs: o.handoffs }, task)
    case 'chat':
      return chat(run, team, { next: o.next, rounds: o.rounds }, task)
    case 'magentic':
      return lead(run, team, { manager: o.manager, maxStalls: o.maxStalls, maxReplans: o.maxReplans }, task)
    case 'debate':
      return debate(run, team, { rounds: o.rounds, judge: o.judge as AnyFlow }, task)
    case 'vote':
      return vote(run, team, { ballots: o.ballots, by: o.by as ((answer: never) => string) | undefined }, task)
  }
}
