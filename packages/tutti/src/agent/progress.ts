/**
 * Notices an agent that goes in circles: the same calls with the same results, three turns in a row or back and forth; or turns in which it learns nothing at all,
 * because every call was made before, with the same result.
 */
import type { ToolCallPart, ToolResultPart } from '../message/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'

/** Where nobody says how often. */
export const DEFAULT_REPEATS = 3

/** What was seen of an agent that makes no progress. */
export interface Circling {
  readonly seen: 'the same call' | 'back and forth' | 'nothing new'
  readonly tools: readonly string[]
  readonly turns: number
  readonly says: string
}

export class Progress {
  readonly #turns: string[] = []
  readonly #known = new Set<string>()
  readonly #repeats: number
  #stale = 0

  /** @param repeats how often the same must be seen */
  constructor(repeats: number = DEFAULT_REPEATS) {
    this.#repeats = repeats
  }

  /** What is seen once these calls are told too; `undefined`: it goes on well. */
  note(calls: readonly ToolCallPart[], results: readonly ToolResultPart[]): Circling | undefined {
    const learned = calls.map(({ tool, input }, i) => hash128(canonical([tool, input, results[i]?.output])))
    this.#stale = learned.every((each) => this.#known.has(each)) ? this.#stale + 1 : 0
    for (const each of learned) this.#known.add(each)
    this.#turns.push(learned.join())
    const tools = [...new Set(calls.map((call) => call.tool))]
    const names = tools.join(', ')
    const turns = this.#turns.length
    if (this.#repeated(1))
      return { seen: 'the same call', tools, turns, says: `called ${names} with the same arguments and the same results ${this.#repeats} times in a row` }
    if (this.#repeated(2))
      return { seen: 'back and forth', tools, turns, says: `went back and forth between the same two calls with the same results ${this.#repeats} times` }
    // Back and forth for the last time is one turn more.
    if (this.#stale <= this.#repeats) return undefined
    return { seen: 'nothing new', tools, turns, says: `made ${this.#stale} turns of calls whose arguments and results it had seen before` }
  }

  /** The last `period` turns stand `repeats` times at the end. */
  #repeated(period: number): boolean {
    const span = period * this.#repeats
    if (this.#turns.length < span) return false
    const tail = this.#turns.slice(-span)
    return tail.every((turn, i) => turn === tail[i % period])
  }
}
