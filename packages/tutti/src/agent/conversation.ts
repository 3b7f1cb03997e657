/** What an agent has said and heard: its messages, and their hash chain, which stands for them in fingerprints. */
import { chainOf, extendChain, hashMessage, type Message } from '../message/index.ts'

export class Conversation {
  #messages: Message[]
  #chain: string

  constructor(messages: readonly Message[]) {
    this.#messages = [...messages]
    this.#chain = chainOf(messages)
  }

  add(message: Message): void {
    this.#messages.push(message)
    this.#chain = extendChain(this.#chain, hashMessage(message))
  }

  /** Goes on from other messages: a new chain. */
  restart(messages: readonly Message[]): void {
    this.#messages = [...messages]
    this.#chain = chainOf(messages)
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  get thread(): { readonly at: number; readonly chain: string } {
    return { at: this.#messages.length, chain: this.#chain }
  }
}
