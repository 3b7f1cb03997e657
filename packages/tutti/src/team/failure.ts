/** How a team fails, said so that a person knows what happened. */
import { TuttiError } from '../errors/index.ts'
import type { Json } from '../primitives/index.ts'
import type { TeamGround } from './ground.port.ts'

export function stuckTeam(
  { name }: TeamGround,
  seen: 'ping-pong' | 'stalled' | 'nothing new',
  says: string,
  data: { readonly [key: string]: Json },
): TuttiError {
  return new TuttiError('TEAM_STUCK', `the team '${name}' makes no progress: ${says}`, { data: { team: name, seen, ...data } })
}

export function turnLimit({ name, turns }: TeamGround): TuttiError {
  return new TuttiError('TEAM_TURN_LIMIT', `the team '${name}' used its ${turns} turns and has not answered`, { data: { team: name, turns } })
}

export function noMember({ name, members }: TeamGround, chosen: string): TuttiError {
  return new TuttiError('TEAM_NO_MEMBER', `'${chosen}' was chosen in the team '${name}', whose members are ${members.map((each) => each.name).join(', ')}`, {
    data: { team: name, chosen },
  })
}
