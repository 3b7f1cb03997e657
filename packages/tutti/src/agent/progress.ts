/** Notices an agent that goes in circles: the same calls with the same results, three turns in a row or back and forth. */
import { TuttiError } from '../errors/index.ts'
import type { ToolCallPart, ToolResultPart } from '../message/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'

const REPEATS = 3

export class Progress {
  readonly #agent: string
  readonly #turns: string[] = []

  constructor(agent: string) {
    this.#agent = agent
  }

  /** @throws AGENT_STUCK */
  note(calls: readonly ToolCallPart[], results: readonly ToolResultPart[]): void {
    this.#turns.push(hash128(canonical([calls.map(({ tool, input }) => [tool, input]), results.map(({ output }) => output)])))
    for (const period of [1, 2]) {
      if (!repeats(this.#turns, period)) continue
      const tools = [...new Set(calls.map((call) => call.tool))].join(', ')
      throw new TuttiError('AGENT_STUCK', `the agent '${this.#agent}' called ${tools} with the same arguments and the same results ${REPEATS} times`, {
        data: { agent: this.#agent, tools, turns: this.#turns.length },
      })
    }
  }
}

/** The last `period` turns stand `REPEATS` times at the end. */
function repeats(turns: readonly string[], period: number): boolean {
  const span = period * REPEATS
  if (turns.length < span) return false
  const tail = turns.slice(-span)
  return tail.every((turn, i) => turn === tail[i % period])
}
