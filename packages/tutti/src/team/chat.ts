/**
 * A conversation of several: one speaks after another, and each hears what the others said since it spoke last, once, with who said it.
 * Who is next is the turn's (`'in-turn'`), a function's (its choice is the step `next`), or a model's (its choice and why are the scope `next`).
 */
import type { Message } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import type { Run } from '../run/index.ts'
import { decision } from './decision.ts'
import { noMember, stuckTeam } from './failure.ts'
import type { TeamGround } from './ground.port.ts'
import { Leader } from './leader.ts'
import { Seat } from './seat.ts'
import { tellSteering } from './steering.ts'
import { roster, textOfOutput } from './text.ts'

/** What was said in a chat, and by whom. */
export interface ChatTurn {
  readonly agent: string
  readonly text: string
}

export interface ChatStyle {
  readonly next: 'in-turn' | ModelLike | ((turns: readonly ChatTurn[]) => string | undefined) | undefined
  /** In each as many may speak as there are members. */
  readonly rounds: number
}

/** In a row, by which nothing was said that its speaker had not said before. */
const STALE_TURNS = 3

export async function chat(run: Run, team: TeamGround, style: ChatStyle, task: readonly Message[]): Promise<unknown> {
  const seats = team.members.map((member) => new Seat(member, task))
  const lead = new Leader(team.name, modelOf(style.next), system(team), task)
  const turns: ChatTurn[] = []
  const said = new Set<string>()
  let stale = 0
  let last: unknown
  for (let turn = 0; turn < Math.min(style.rounds * seats.length, team.turns); turn++) {
    await tellSteering(run, [...seats, lead])
    const name = await nextOf(run, team, style.next, lead, turns)
    if (name === undefined) break
    const seat = seats.find((each) => each.name === name)
    if (!seat) throw noMember(team, name)
    last = await seat.speak(run)
    const text = textOfOutput(last)
    turns.push({ agent: name, text })
    for (const other of [...seats.filter((each) => each !== seat), lead]) other.hear(`${name}: ${text}`)
    stale = said.has(`${name}: ${text}`) ? stale + 1 : 0
    said.add(`${name}: ${text}`)
    if (stale >= STALE_TURNS)
      throw stuckTeam(team, 'nothing new', `in ${STALE_TURNS} turns nobody said anything they had not said before`, { turns: turns.length })
  }
  if (team.schema) return lead.ask(run, 'answer', 'The conversation is over. Give the answer to the task now, from what was said.', team.schema)
  return last === undefined ? '' : textOfOutput(last)
}

const modelOf = (next: ChatStyle['next']): ModelLike | undefined => (next === 'in-turn' || typeof next === 'function' ? undefined : next)

const system = ({ members }: TeamGround): string =>
  `You lead a conversation and take no part in it. These take part:\n${roster(members)}\nYou say who speaks next, and when it is over.`

async function nextOf(run: Run, team: TeamGround, next: ChatStyle['next'], lead: Leader, turns: readonly ChatTurn[]): Promise<string | undefined> {
  if (next === undefined || next === 'in-turn') return team.members[turns.length % team.members.length]?.name
  if (typeof next === 'function') return run.step('next', turns, (so) => next(so) ?? undefined) as Promise<string | undefined>
  const names = team.members.map(({ name }) => name)
  const schema = decision<{ next: string | null; why: string }>({
    next: { type: 'one-of', of: names, says: 'Who speaks next; null when the task is done.' },
    why: { type: 'text', says: 'Why, in one sentence.' },
  })
  const { next: chosen, why } = await lead.ask(run, 'next', 'Who speaks next?', schema)
  run.emit('next', { next: chosen, why })
  return chosen ?? undefined
}
