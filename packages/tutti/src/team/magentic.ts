/**
 * A manager with two ledgers (Magentic-One, Fourney et al. 2024): what is known and what is planned; and, after each turn, whether it is done, whether it goes on, who
 * is next with what. Turns that bring nothing are counted; too many, and the manager plans anew with the members' contexts cleared; too often, and the team ends
 * with TEAM_STUCK and its ledger.
 *
 * Keys: `ledger`, `progress`, `progress#2` …, `<member>`, `ledger#2` (a new plan), `answer`.
 */
import type { Message } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'
import { decision } from './decision.ts'
import { stuckTeam, turnLimit } from './failure.ts'
import type { TeamGround } from './ground.port.ts'
import { Leader } from './leader.ts'
import { Seat } from './seat.ts'
import { tellSteering } from './steering.ts'
import { roster, textOfOutput } from './text.ts'

export interface MagenticStyle {
  readonly manager: ModelLike
  /** More turns than this that bring nothing, and it is planned anew. Default 3. */
  readonly maxStalls: number | undefined
  /** Default 2. */
  readonly maxReplans: number | undefined
}

type Ledger = { facts: string[]; toFind: string[]; guesses: string[]; plan: string[] }
type Step = { done: boolean; progress: boolean; looping: boolean; next: string | null; instruction: string; why: string }

const ledgerSchema = decision<Ledger>({
  facts: { type: 'list', says: 'What is known: given in the task, or found by the team.' },
  toFind: { type: 'list', says: 'What has to be looked up or worked out.' },
  guesses: { type: 'list', says: 'What is likely, and not known.' },
  plan: { type: 'list', says: 'The steps from here to the answer, each with the member who takes it.' },
})

export async function lead(run: Run, team: TeamGround, style: MagenticStyle, task: readonly Message[]): Promise<unknown> {
  return new Lead(run, team, style, task).toEnd()
}

class Lead {
  readonly #run: Run
  readonly #team: TeamGround
  readonly #task: readonly Message[]
  readonly #manager: Leader
  readonly #maxStalls: number
  readonly #maxReplans: number
  readonly #stepSchema
  #seats: readonly Seat[] = []
  #ledger: Ledger | undefined
  #stalls = 0
  #replans = 0
  /** What was asked of whom, and answered. */
  readonly #known = new Set<string>()

  constructor(run: Run, team: TeamGround, style: MagenticStyle, task: readonly Message[]) {
    this.#run = run
    this.#team = team
    this.#task = task
    this.#manager = new Leader(team.name, style.manager, systemOf(team), task)
    this.#maxStalls = style.maxStalls ?? 3
    this.#maxReplans = style.maxReplans ?? 2
    this.#stepSchema = stepSchema(team)
  }

  async toEnd(): Promise<unknown> {
    await this.#plan('Write down what is known, what has to be found, and a plan.')
    let brought = true
    for (let turn = 1; turn <= this.#team.turns; turn++) {
      await tellSteering(this.#run, [...this.#seats, this.#manager])
      const step = await this.#manager.ask(this.#run, 'progress', 'Where does the team stand, and what is next?', this.#stepSchema)
      this.#run.emit('progress', step)
      if (step.done) return this.#manager.ask(this.#run, 'answer', 'The task is done. Give its answer now, from what the team found.', this.#team.schema)
      const stalled = whyStalled(step, brought, turn === 1)
      this.#stalls = stalled === undefined ? Math.max(0, this.#stalls - 1) : this.#stalls + 1
      if (stalled !== undefined && this.#stalls > this.#maxStalls) {
        await this.#replan(stalled)
        brought = true
      } else if (step.next !== null) brought = await this.#instruct(step.next, step.instruction)
    }
    throw turnLimit(this.#team)
  }

  /** The members begin with the task and the plan, and nothing else. */
  async #plan(question: string): Promise<void> {
    this.#ledger = await this.#manager.ask(this.#run, 'ledger', question, ledgerSchema)
    this.#run.emit('ledger', this.#ledger)
    this.#seats = this.#team.members.map((member) => new Seat(member, this.#task))
    const { facts, plan } = this.#ledger
    for (const seat of this.#seats)
      seat.hear(`You are ${seat.name}, in a team of:\n${roster(this.#team.members)}\n\nWhat is known:\n${list(facts)}\n\nThe plan:\n${list(plan)}`)
  }

  async #replan(why: string): Promise<void> {
    if (++this.#replans > this.#maxReplans)
      throw stuckTeam(this.#team, 'stalled', `${why}, also after ${this.#maxReplans} new plan${this.#maxReplans === 1 ? '' : 's'}`, {
        replans: this.#maxReplans,
        ledger: this.#ledger ?? null,
      })
    this.#stalls = 0
    await this.#plan(`The team makes no progress: ${why}. Say what is known now, find what went wrong, and make another plan.`)
  }

  /** True when it brought something: not what the same member has answered to the same before. */
  async #instruct(name: string, instruction: string): Promise<boolean> {
    const seat = this.#seats.find((each) => each.name === name) as Seat
    seat.hear(instruction)
    const text = textOfOutput(await seat.speak(this.#run))
    for (const other of this.#seats) if (other !== seat) other.hear(`${name}: ${text}`)
    this.#manager.hear(`${name}: ${text}`)
    const answered = hash128(canonical([name, instruction, text]))
    const isNew = !this.#known.has(answered)
    this.#known.add(answered)
    return isNew
  }
}

/** Why this turn brought nothing; the word of the manager is not all that counts. */
function whyStalled(step: Step, brought: boolean, isFirst: boolean): string | undefined {
  if (step.next === null) return 'nobody was given anything to do'
  if (!brought) return 'a member was asked the same again, and answered the same'
  if (step.looping) return `it goes in circles (${step.why})`
  return step.progress || isFirst ? undefined : `nothing was gained (${step.why})`
}

function stepSchema({ members }: TeamGround) {
  return decision<Step>({
    done: { type: 'yes-or-no', says: 'Is the task done, in full?' },
    progress: { type: 'yes-or-no', says: 'Did the last turn bring it further?' },
    looping: { type: 'yes-or-no', says: 'Is the same done again and again?' },
    next: { type: 'one-of', of: members.map(({ name }) => name), says: 'Who acts next; null when nobody is to.' },
    instruction: { type: 'text', says: 'What exactly they are to do, with all they need to know.' },
    why: { type: 'text', says: 'Why, in one sentence.' },
  })
}

const systemOf = ({ members }: TeamGround): string =>
  `You lead a team, and do nothing yourself. Its members:\n${roster(members)}\nThey act one at a time, when you tell them to.`
const list = (items: readonly string[]): string => (items.length > 0 ? items.map((item) => `- ${item}`).join('\n') : '- nothing')
