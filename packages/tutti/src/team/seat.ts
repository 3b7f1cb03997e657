/**
 * The place of a member in a team: its own context, which outlasts what it says once. What others say is told to it once, before it speaks next; what it was told
 * and what it said stays, so that the prompt of its next turn begins with that of its last.
 */
import { agentOf, Conversation, type StintOptions, takeStint } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type Message, userText } from '../message/index.ts'
import { validate } from '../primitives/index.ts'
import type { AnyFlow, Flow, Run } from '../run/index.ts'
import { textOfOutput } from './text.ts'

export class Seat {
  readonly name: string
  readonly description: string
  readonly #member: AnyFlow
  readonly #conversation: Conversation
  #unheard: string[] = []

  constructor(member: AnyFlow, task: readonly Message[]) {
    this.name = member.name
    this.description = member.description ?? ''
    this.#member = member
    this.#conversation = new Conversation(task)
  }

  /** Is told once, before it speaks next. */
  hear(text: string): void {
    this.#unheard.push(text)
  }

  /** Its answer to all that it has heard. @param name of its scope; used again it takes an ordinal */
  async speak(run: Run, { name = this.name, ...o }: StintOptions & { readonly name?: string } = {}): Promise<unknown> {
    if (this.#unheard.length > 0) this.#conversation.add(userText(this.#unheard.splice(0).join('\n\n')))
    const definition = agentOf(this.#member)
    const { budget, deadline } = this.#member['~flow'].options
    const conversation = this.#conversation
    if (definition) {
      const end = await run['~core'].open(name, conversation.thread, (inner) => takeStint(inner, definition, conversation, o), { budget, deadline })
      if ('output' in end) return end.output
      throw new TuttiError('TEAM_NO_MEMBER', `'${this.name}' handed over to '${end.handoff.to}', where nobody hands over`)
    }
    const output = await run.call(this.#member as Flow<unknown, unknown>, [...conversation.messages], { name })
    conversation.add({ role: 'assistant', parts: [{ type: 'text', text: textOfOutput(output) }] })
    return o.output ? validate(o.output.schema, output, 'RUN_OUTPUT_INVALID', `what '${this.name}' answered`) : output
  }
}
