/** What is wrong with a team, said when it is declared. */
import { agentOf, checkModel } from '../agent/index.ts'
import { limitsOf } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared } from '../primitives/index.ts'
import { type AnyFlow, isFlow } from '../run/index.ts'
import { toolName } from './handoff.ts'
import type { TeamCommon, TeamOptions, TeamStyle } from './style.ts'

type Wrong = (what: string, hint: string) => TuttiError

const COMMON: Declared<TeamCommon & { style: string; output: unknown }> = {
  ...{ style: true, members: true, output: true },
  ...{ description: true, version: true, limits: true },
}
type Style = TeamStyle['style']
const OF_STYLE: { readonly [S in Style]: Declared<Omit<Extract<TeamStyle, { style: S }>, 'style'>> } = {
  handoff: { start: true, handoffs: true },
  chat: { next: true, rounds: true },
  magentic: { manager: true, maxStalls: true, maxReplans: true },
  debate: { rounds: true, judge: true },
  vote: { ballots: true, by: true },
}
const LIMITS: Declared<NonNullable<TeamCommon['limits']>> = {
  ...{ turns: true, usd: true, tokens: true, inputTokens: true, outputTokens: true },
  ...{ modelCalls: true, toolCalls: true, onExhausted: true },
}

/** @throws CONFIG_INVALID */
export function checkTeam(name: string, o: TeamOptions, members: readonly AnyFlow[]): void {
  const who = `the team '${name}'`
  const wrong: Wrong = (what, hint) => new TuttiError('CONFIG_INVALID', `${who} ${what}`, { data: { team: name }, hint })
  const isStyle = (style: unknown): style is Style => typeof style === 'string' && Object.hasOwn(OF_STYLE, style)
  checkOptions<object>(who, o, isStyle(o?.style) ? { ...COMMON, ...OF_STYLE[o.style] } : { ...COMMON, ...Object.assign({}, ...Object.values(OF_STYLE)) })
  checkLimits(who, o.limits, wrong)
  if (!Array.isArray(members) || members.length === 0 || !members.every(isFlow)) throw wrong('has no members, or some that are no flow', 'members: [agent, …]')
  const names = members.map((member) => member.name)
  const twice = names.find((each, i) => names.indexOf(each) !== i)
  if (twice !== undefined) throw wrong(`has two members called '${twice}'`, 'They are told apart by their names: give each its own.')
  switch (o.style) {
    case 'handoff':
      return checkHandoff(o, members, names, wrong)
    case 'chat':
      if (o.next !== 'in-turn' && typeof o.next !== 'function') checkModel(`the model that leads ${who}`, o.next)
      return checkCount(o.rounds, 'rounds', wrong)
    case 'debate':
      checkCount(o.rounds, 'rounds', wrong)
      if (!isFlow(o.judge)) throw wrong('has no judge', 'judge: an agent, or another flow that takes a prompt')
      return
    case 'magentic':
      if (o.manager === undefined) throw wrong('has no manager', "manager: 'provider/model'")
      checkModel(`the manager of ${who}`, o.manager)
      checkCount(o.maxStalls ?? 0, 'maxStalls', wrong, 0)
      return checkCount(o.maxReplans ?? 0, 'maxReplans', wrong, 0)
    case 'vote':
      return checkCount(o.ballots ?? 1, 'ballots', wrong)
    default:
      throw wrong(`has the style '${String((o as { style?: unknown }).style)}'`, "style: 'handoff', 'chat', 'magentic', 'debate' or 'vote'")
  }
}

function checkCount(count: number, what: string, wrong: Wrong, least = 1): void {
  if (!(Number.isInteger(count) && count >= least)) throw wrong(`has ${String(count)} ${what}`, `${what} is a whole number from ${least}.`)
}

function checkLimits(who: string, limits: TeamCommon['limits'], wrong: Wrong): void {
  if (limits === undefined) return
  checkOptions(`the limits of ${who}`, limits, LIMITS)
  const { turns = 1, ...budget } = limits
  checkCount(turns, 'turns', wrong)
  limitsOf(budget, `the budget of ${who}`)
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
