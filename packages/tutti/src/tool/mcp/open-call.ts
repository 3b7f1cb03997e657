/**
 * A call that is under way with a server of the older protocol, which asks back in the midst of it. Each question ends the step that made the call, with a
 * ticket; the next step brings the answers and waits on. So what a person says is recorded, and may take days; if this process ends meanwhile, the call is lost.
 */
import { canonical, type Json } from '../../primitives/index.ts'
import type { McpOutcome, Question } from './outcome.ts'

interface Asked {
  readonly question: Question
  answer(given: unknown): void
}

export class OpenCall {
  readonly ticket = crypto.randomUUID()
  readonly #abort = new AbortController()
  readonly #asked = new Map<string, Asked>()
  /** By question: what was answered before the call was begun again. */
  readonly #known: ReadonlyMap<string, unknown>
  #outcome: Promise<McpOutcome> | undefined
  #wake: (() => void) | undefined
  #count = 0

  constructor(known: ReadonlyMap<string, unknown>) {
    this.#known = known
  }

  /** Aborts what the server is doing. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  begin(outcome: Promise<McpOutcome>): void {
    this.#outcome = outcome
    outcome.catch(() => {})
  }

  ask(question: Question): Promise<unknown> {
    const known = this.#known.get(canonical(question))
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((answer) => {
      this.#asked.set(`q${++this.#count}`, { question, answer })
      this.#wake?.()
    })
  }

  answer(answers: { readonly [id: string]: Json }): void {
    for (const [id, given] of Object.entries(answers)) {
      this.#asked.get(id)?.answer(given)
      this.#asked.delete(id)
    }
  }

  /** The outcome, or what is asked before it. */
  async next(signal: AbortSignal): Promise<McpOutcome> {
    const stop = (): void => this.#abort.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const asked = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined)
        if (this.#asked.size > 0) resolve(undefined)
      })
      const settled = await Promise.race([this.#outcome, asked])
      return settled ?? { questions: Object.fromEntries([...this.#asked].map(([id, { question }]) => [id, question])), ticket: this.ticket }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  close(): void {
    this.#abort.abort(new Error('closed'))
  }
}
