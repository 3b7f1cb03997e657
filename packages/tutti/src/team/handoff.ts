/**
 * One conversation, handed from one agent to another until somebody answers: whoever has it sees all of it, with instructions, tools and a model of their own.
 *
 * Invariants: a hand-over is a call with its result, beside the other calls of its turn and after theirs were made; nobody is handed a call without its result;
 * one hand-over a turn. Two that hand to each other and learn nothing in between are told so once, then the team ends with TEAM_STUCK.
 */
import { agentOf, Conversation, type Handoff, type Handoffs, takeStint } from '../agent/index.ts'
import type { Message, ToolCallPart } from '../message/index.ts'
import type { ToolSpec } from '../model/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import type { AnyFlow, Run } from '../run/index.ts'
import { stuckTeam, turnLimit } from './failure.ts'
import type { TeamGround } from './ground.port.ts'
import { Seat } from './seat.ts'

export interface HandoffStyle {
  readonly start: string | undefined
  /** Who may hand to whom. Default: everybody to everybody. */
  readonly handoffs: Readonly<Record<string, readonly string[]>> | undefined
}

/** The same hand-over so often, with nothing learned since the first of them. */
const REPEATS = 3

export async function handOn(run: Run, team: TeamGround, style: HandoffStyle, task: readonly Message[]): Promise<unknown> {
  const conversation = new Conversation(task)
  const trail = new Trail(team, conversation)
  let member = memberOf(team, style.start ?? (team.members[0] as AnyFlow).name)
  for (let stint = 1; stint <= team.turns; stint++) {
    const definition = agentOf(member)
    // What is no agent has no way to hand over: its answer is that of the team.
    if (!definition) return new Seat(member, conversation.messages).speak(run, { output: team.output, apart: false })
    const { name } = member
    const { budget, deadline } = member['~flow'].options
    const handoffs = waysFrom(team, style, name, trail)
    const end = await run['~core'].open(name, conversation.thread, (inner) => takeStint(inner, definition, conversation, { output: team.output, handoffs }), {
      budget,
      deadline,
    })
    if ('output' in end) return end.output
    const { to, reason } = end.handoff
    run.emit('handoff', { from: name, to, reason })
    trail.went(name, to)
    member = memberOf(team, to)
  }
  throw turnLimit(team)
}

const memberOf = ({ members }: TeamGround, name: string): AnyFlow => members.find((member) => member.name === name) as AnyFlow

/** The tools by which this member hands over. */
function waysFrom(team: TeamGround, { handoffs }: HandoffStyle, from: string, trail: Trail): Handoffs {
  const to = team.members.filter(({ name }) => name !== from && (handoffs?.[from]?.includes(name) ?? true))
  const byTool = new Map(to.map((member) => [toolName(member.name), member]))
  const specs = [...byTool].map(([name, member]): ToolSpec => ({ name, description: describe(member), inputSchema: reasonSchema }))
  return {
    specs,
    judge: ({ tool, input }: ToolCallPart): Handoff | { readonly refused: string } => {
      const next = (byTool.get(tool) as AnyFlow).name
      const { reason } = input as { reason?: unknown }
      return trail.refusal(from, next) ?? { to: next, reason: typeof reason === 'string' ? reason : '' }
    },
  }
}

/** As providers accept it. */
export const toolName = (member: string): string => `transfer_to_${member.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`.slice(0, 64)

const describe = ({ name, description }: AnyFlow): string =>
  `Hands the conversation over to ${name}${description ? ` (${description})` : ''}, who sees all of it and answers in your place.`

const reasonSchema = {
  type: 'object',
  properties: { reason: { type: 'string', description: 'Why, and what is to be done.' } },
  required: ['reason'],
  additionalProperties: false,
}

/** Who handed to whom, and whether anything was learned in between. */
class Trail {
  readonly #team: TeamGround
  readonly #conversation: Conversation
  readonly #went: { readonly way: string; readonly known: number }[] = []
  readonly #known = new Set<string>()
  #read = 0
  #warned = false

  constructor(team: TeamGround, conversation: Conversation) {
    this.#team = team
    this.#conversation = conversation
  }

  went(from: string, to: string): void {
    this.#went.push({ way: `${from} → ${to}`, known: this.#learned() })
  }

  /** Why this hand-over is not made. @throws TEAM_STUCK when that was said before */
  refusal(from: string, to: string): { readonly refused: string } | undefined {
    const known = this.#learned()
    const same = this.#went.filter((each) => each.way === `${from} → ${to}` && each.known === known)
    if (same.length < REPEATS - 1) return undefined
    const says = `${from} has handed over to ${to} ${same.length} times already, and nothing new was learned since`
    if (this.#warned) throw stuckTeam(this.#team, 'ping-pong', says, { trail: this.#went.map(({ way }) => way) })
    this.#warned = true
    return { refused: `${says}. Answer with what you know, or hand over to somebody else.` }
  }

  /** How many calls have brought something that was not known: hand-overs bring nothing. */
  #learned(): number {
    const { messages } = this.#conversation
    for (; this.#read < messages.length; this.#read++) {
      const message = messages[this.#read] as Message
      if (message.role !== 'tool') continue
      const asked = messages[this.#read - 1] as Message
      for (const { id, tool, output, failed } of message.parts) {
        if (failed || this.#team.members.some(({ name }) => toolName(name) === tool)) continue
        const call = asked.role === 'assistant' ? asked.parts.find((part) => part.type === 'tool-call' && part.id === id) : undefined
        this.#known.add(hash128(canonical([tool, call?.type === 'tool-call' ? call.input : null, output])))
      }
    }
    return this.#known.size
  }
}
