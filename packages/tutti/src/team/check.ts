/** What is wrong with a team, said when it is declared. */
import { agentOf } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type AnyFlow, isFlow } from '../run/index.ts'
import { toolName } from './handoff.ts'
import type { TeamStyle } from './style.ts'

type Wrong = (what: string, hint: string) => TuttiError

/** @throws CONFIG_INVALID */
export function checkTeam(name: string, o: TeamStyle, members: readonly AnyFlow[]): void {
  const wrong: Wrong = (what, hint) => new TuttiError('CONFIG_INVALID', `the team '${name}' ${what}`, { data: { team: name }, hint })
  if (!Array.isArray(members) || members.length === 0 || !members.every(isFlow)) throw wrong('has no members, or some that are no flow', 'members: [agent, …]')
  const names = members.map((member) => member.name)
  const twice = names.find((each, i) => names.indexOf(each) !== i)
  if (twice !== undefined) throw wrong(`has two members called '${twice}'`, 'They are told apart by their names: give each its own.')
  switch (o.style) {
    case 'handoff':
      return checkHandoff(o, members, names, wrong)
    case 'chat':
      return checkCount(o.rounds, 'rounds', wrong)
    case 'debate':
      checkCount(o.rounds, 'rounds', wrong)
      if (!isFlow(o.judge)) throw wrong('has no judge', 'judge: an agent, or another flow that takes a prompt')
      return
    case 'magentic':
      if (o.manager === undefined) throw wrong('has no manager', "manager: 'provider/model'")
      return
    case 'vote':
      return checkCount(o.ballots ?? 1, 'ballots', wrong)
    default:
      throw wrong(`has the style '${String((o as { style?: unknown }).style)}'`, "style: 'handoff', 'chat', 'magentic', 'debate' or 'vote'")
  }
}

function checkCount(count: number, what: string, wrong: Wrong): void {
  if (!(Number.isInteger(count) && count >= 1)) throw wrong(`has ${String(count)} ${what}`, `${what} is a whole number from 1.`)
}

function checkHandoff(o: Extract<TeamStyle, { style: 'handoff' }>, members: readonly AnyFlow[], names: readonly string[], wrong: Wrong): void {
  const known = (who: string, where: string): void => {
    if (!names.includes(who)) throw wrong(`names '${who}' in '${where}', and has no such member`, `Its members are ${names.join(', ')}.`)
  }
  const start = o.start ?? (names[0] as string)
  known(start, 'start')
  for (const [from, to] of Object.entries(o.handoffs ?? {})) for (const each of [from, ...to]) known(each, 'handoffs')
  const tools = names.map(toolName)
  const same = names.find((_, i) => tools.indexOf(tools[i] as string) !== i)
  if (same !== undefined) throw wrong(`has a member '${same}' who is called like another as a tool`, 'Let names differ in more than signs, within 50 letters.')
  if (members.length > 1 && !agentOf(members[names.indexOf(start)] as AnyFlow))
    throw wrong(`begins with '${start}', which is no agent and could hand to nobody`, 'Begin with an agent that takes a prompt.')
}
