/** Several answer beside one another, hear the others, and answer again; a judge decides. Or: several answers, and the one given most often is the answer. */
import type { StintOptions } from '../agent/index.ts'
import type { Message } from '../message/index.ts'
import { canonical, encode, hash128 } from '../primitives/index.ts'
import type { AnyFlow, Run } from '../run/index.ts'
import type { TeamGround } from './ground.port.ts'
import { Seat } from './seat.ts'
import { tellSteering } from './steering.ts'
import { textOfOutput } from './text.ts'

export interface DebateStyle {
  readonly rounds: number
  readonly judge: AnyFlow
}

/** Keys: `round:1/<member>`, …, `<judge>`. Members that all answer the same have nothing more to debate. */
export async function debate(run: Run, team: TeamGround, { rounds, judge }: DebateStyle, task: readonly Message[]): Promise<unknown> {
  const seats = team.members.map((member) => new Seat(member, task))
  const told: string[] = []
  for (let round = 1; round <= rounds; round++) {
    await tellSteering(run, seats)
    const answers = await run['~core'].open(`round:${round}`, round, (inner) => inner.all(seats.map((seat) => seat.speak(inner))))
    const texts = answers.map(textOfOutput)
    told.push(`Round ${round}:\n${seats.map(({ name }, i) => `${name}: ${texts[i]}`).join('\n\n')}`)
    if (new Set(texts.map(plain)).size === 1) break
    seats.forEach((seat, i) => {
      const others = seats.flatMap(({ name }, j) => (j === i ? [] : [`${name}: ${texts[j]}`]))
      seat.hear(`The others answered:\n\n${others.join('\n\n')}\n\nAnswer again: say where they are right, and where they are not.`)
    })
  }
  const bench = new Seat(judge, task)
  bench.hear(`These answers were given:\n\n${told.join('\n\n')}\n\nDecide, and give the answer to the task.`)
  return bench.speak(run, outputOf(team))
}

export interface VoteStyle {
  /** Answers of each member. Default 1. */
  readonly ballots: number | undefined
  /** What counts as the same answer. Default: the same value; of texts the same words, however they are written. */
  readonly by: ((answer: never) => string) | undefined
}

/** Keys: `<member>`, `<member>#2`, … The counts are the event `votes`. Of answers given equally often the first wins. */
export async function vote(run: Run, team: TeamGround, { ballots = 1, by }: VoteStyle, task: readonly Message[]): Promise<unknown> {
  const voters = team.members.flatMap((member) => Array.from({ length: ballots }, () => new Seat(member, task)))
  const answers = await run.all(voters.map((voter) => voter.speak(run, outputOf(team))))
  const votes = new Map<string, { answer: unknown; count: number }>()
  for (const answer of answers) {
    const key = by ? by(answer as never) : typeof answer === 'string' ? plain(answer) : hash128(canonical(answer))
    votes.set(key, { answer: votes.get(key)?.answer ?? answer, count: (votes.get(key)?.count ?? 0) + 1 })
  }
  const counted = [...votes.values()].sort((a, b) => b.count - a.count)
  run.emit(
    'votes',
    counted.map(({ answer, count }) => ({ answer: encode(answer), count })),
  )
  return counted[0]?.answer
}

const outputOf = ({ output }: TeamGround): StintOptions => (output ? { output } : {})

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
