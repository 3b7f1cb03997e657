/** What an agent has said and heard: its messages, and their hash chain, which stands for them in fingerprints. */
import { Excerpt, type MemoryPlan } from '../memory/index.ts'
import { chainFrom, emptyChain, type Message } from '../message/index.ts'

export class Conversation {
  #messages: Message[]
  /** The chain of the first so many: worked out when somebody asks for it. */
  #chain = emptyChain
  #chained = 0
  #began: { readonly count: number; readonly times: number }
  #excerpts: Map<string, Excerpt> | undefined

  constructor(messages: readonly Message[]) {
    this.#messages = [...messages]
    this.#began = { count: messages.length, times: 0 }
  }

  add(message: Message): void {
    this.#messages.push(message)
  }

  /** Goes on from other messages: a new chain. */
  restart(messages: readonly Message[]): void {
    this.#messages = [...messages]
    this.#began = { count: messages.length, times: this.#began.times + 1 }
    this.#chain = emptyChain
    this.#chained = 0
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  get thread(): { readonly at: number; readonly chain: string } {
    const messages = this.#messages
    this.#chain = chainFrom(messages, this.#chained, this.#chain)
    this.#chained = messages.length
    return { at: messages.length, chain: this.#chain }
  }

  get began(): { readonly count: number; readonly times: number } {
    return this.#began
  }

  /** What this agent is shown of it; the same for all its stints. */
  excerptFor(agent: string, plan: MemoryPlan): Excerpt {
    this.#excerpts ??= new Map()
    const known = this.#excerpts.get(agent) ?? new Excerpt(plan, this)
    this.#excerpts.set(agent, known)
    return known
  }
}
