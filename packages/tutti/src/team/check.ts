/** What is wrong with a team, said when it is declared. */
import { agentOf } from '../agent/index.ts'
import { declaredLimits } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { checkModelsOf } from '../model/index.ts'
import { checkOptions, type Declared, type Elsewhere, insteadOf, is, type ModelSchema } from '../primitives/index.ts'
import { type AnyFlow, isFlow } from '../run/index.ts'
import { toolName } from './handoff.ts'
import type { TeamCommon, TeamOptions, TeamStyle } from './style.ts'

type Wrong = (what: string, hint: string) => TuttiError

const COMMON: Declared<TeamCommon & { style: string; output: ModelSchema }> = {
  ...{ style: true, members: is.list, output: is.schema },
  ...{ description: is.text, version: is.text, limits: is.object },
}
type Style = TeamStyle['style']
const OF_STYLE: { readonly [S in Style]: Declared<Omit<Extract<TeamStyle, { style: S }>, 'style'>> } = {
  handoff: { start: is.text, handoffs: is.object },
  chat: { next: true, rounds: true },
  magentic: { manager: true, maxStalls: true, maxReplans: true },
  debate: { rounds: true, judge: true },
  vote: { ballots: true, by: is.function },
}
const LIMITS: Declared<NonNullable<TeamCommon['limits']>> = {
  ...{ turns: true, usd: true, tokens: true, inputTokens: true, outputTokens: true },
  ...{ modelCalls: true, toolCalls: true, onExhausted: true },
}

/** What a user may know from elsewhere, and how it is written here. */
export const TEAM_ELSEWHERE: Elsewhere = {
  ...insteadOf('agents participants', 'members: [first, second]'),
  ...insteadOf('process', "style: 'magentic'"),
  ...insteadOf('pattern', "style: 'chat'"),
  ...insteadOf('managerLlm managerAgent', "manager: 'openai/gpt-5-mini'"),
  ...insteadOf('maxTurns maxSteps', 'limits: { turns: 20 }'),
  ...insteadOf('maxRounds maxRound', 'rounds: 3'),
  ...insteadOf('selector speakerSelection', "next: 'openai/gpt-5-mini'"),
  ...insteadOf('entryAgent', "start: 'first'"),
  ...insteadOf('maxStallCount', 'maxStalls: 3'),
  ...insteadOf('maxResetCount', 'maxReplans: 2'),
}

/** Its members. @throws CONFIG_INVALID */
export function checkTeam(name: string, o: TeamOptions): readonly AnyFlow[] {
  const who = `the team '${name}'`
  const wrong: Wrong = (what, hint) => new TuttiError('CONFIG_INVALID', `${who} ${what}`, { data: { team: name }, hint })
  const isStyle = (style: unknown): style is Style => typeof style === 'string' && Object.hasOwn(OF_STYLE, style)
  checkOptions<object>(
    who,
    o,
    isStyle(o?.style) ? { ...COMMON, ...OF_STYLE[o.style] } : { ...COMMON, ...Object.assign({}, ...Object.values(OF_STYLE)) },
    TEAM_ELSEWHERE,
  )
  if (!isStyle(o.style))
    throw wrong(
      `has ${o.style === undefined ? 'no style' : `the style '${String(o.style)}'`}`,
      `style: ${Object.keys(OF_STYLE)
        .map((each) => `'${each}'`)
        .join(', ')}`,
    )
  checkLimits(who, o.limits, wrong)
  const members = o.members as readonly AnyFlow[]
  if (!Array.isArray(members) || members.length === 0 || !members.every(isFlow)) throw wrong('has no members, or some that are no flow', 'members: [agent, …]')
  const names = members.map((member) => member.name)
  const twice = names.find((each, i) => names.indexOf(each) !== i)
  if (twice !== undefined) throw wrong(`has two members called '${twice}'`, 'They are told apart by their names: give each its own.')
  checkStyle(who, o, members, wrong)
  return members
}

function checkStyle(who: string, o: TeamOptions, members: readonly AnyFlow[], wrong: Wrong): void {
  switch (o.style) {
    case 'handoff':
      return checkHandoff(o, members, wrong)
    case 'chat':
      if (o.next !== 'in-turn' && typeof o.next !== 'function') checkModelsOf(`the model that leads ${who}`, o.next)
      return checkCount(o.rounds, 'rounds', wrong)
    case 'debate':
      checkCount(o.rounds, 'rounds', wrong)
      if (!isFlow(o.judge)) throw wrong('has no judge', 'judge: an agent, or another flow that takes a prompt')
      return
    case 'magentic':
      if (o.manager === undefined) throw wrong('has no manager', "manager: 'provider/model'")
      checkModelsOf(`the manager of ${who}`, o.manager)
      checkCount(o.maxStalls ?? 0, 'maxStalls', wrong, 0)
      return checkCount(o.maxReplans ?? 0, 'maxReplans', wrong, 0)
    case 'vote':
      return checkCount(o.ballots ?? 1, 'ballots', wrong)
  }
}

function checkCount(count: number, what: string, wrong: Wrong, least = 1): void {
  if (!(Number.isInteger(count) && count >= least))
    throw wrong(`has ${count === undefined ? 'no' : String(count)} ${what}`, `${what} is a whole number from ${least}.`)
}

function checkLimits(who: string, limits: TeamCommon['limits'], wrong: Wrong): void {
  if (limits === undefined) return
  checkOptions(`the limits of ${who}`, limits, LIMITS)
  const { turns = 1, ...budget } = limits
  checkCount(turns, 'turns', wrong)
  declaredLimits(budget, `the budget of ${who}`)
}

function checkHandoff(o: Extract<TeamStyle, { style: 'handoff' }>, members: readonly AnyFlow[], wrong: Wrong): void {
  const names = members.map((member) => member.name)
  const known = (who: string, where: string): void => {
    if (!names.includes(who)) throw wrong(`names '${who}' in '${where}', and has no such member`, `Its members are ${names.join(', ')}.`)
  }
  const start = o.start ?? (names[0] as string)
  known(start, 'start')
  for (const [from, to] of Object.entries(o.handoffs ?? {})) {
    if (!Array.isArray(to)) throw wrong(`has no list of members that '${from}' may hand to`, `handoffs: { '${from}': ['…'] }`)
    for (const each of [from, ...to]) known(String(each), 'handoffs')
  }
  const tools = names.map(toolName)
  const same = names.find((_, i) => tools.indexOf(tools[i] as string) !== i)
  if (same !== undefined) throw wrong(`has a member '${same}' who is called like another as a tool`, 'Let names differ in more than signs, within 50 letters.')
  if (members.length > 1 && !agentOf(members[names.indexOf(start)] as AnyFlow))
    throw wrong(`begins with '${start}', which is no agent and could hand to nobody`, 'Begin with an agent that takes a prompt.')
}
