/** Who leads a team without being a member of it: a model with a context of its own, asked for decisions, and for the answer of the team at the end. */
import { type AgentPlan, answerOf, Conversation, runLoop } from '../agent/index.ts'
import { type Message, userText } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import type { ModelSchema } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'

export class Leader {
  readonly #plan: AgentPlan
  readonly #system: string
  readonly #conversation: Conversation
  #unheard: string[] = []

  /** @param model `undefined`: the model of the app */
  constructor(team: string, model: ModelLike | undefined, system: string, task: readonly Message[]) {
    this.#plan = { name: team, model, tools: [], sources: [], specs: [], output: undefined, turns: 16, toolCalls: undefined, repeats: false, hooks: {} }
    this.#system = system
    this.#conversation = new Conversation(task)
  }

  hear(text: string): void {
    this.#unheard.push(text)
  }

  /** Told what was said since it was asked last, and asked this. @param name of its scope; without a schema it answers text */
  ask<T>(run: Run, name: string, question: string, schema: ModelSchema<unknown, T>): Promise<T>
  ask(run: Run, name: string, question: string, schema: ModelSchema | undefined): Promise<unknown>
  async ask(run: Run, name: string, question: string, schema: ModelSchema | undefined): Promise<unknown> {
    const conversation = this.#conversation
    conversation.add(userText([...this.#unheard.splice(0), question].join('\n\n')))
    const plan = schema ? { ...this.#plan, output: answerOf(`${this.#plan.name}-${name}`, schema) } : this.#plan
    const end = await run['~core'].open(name, conversation.thread, (inner) => runLoop(inner, plan, this.#system, conversation), { apart: true })
    return 'output' in end ? end.output : undefined
  }
}
