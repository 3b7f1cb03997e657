/**
 * The place of a member in a team: its own context, which outlasts what it says once. What others say is told to it once, before it speaks next; what it was told
 * and what it said stays, so that the prompt of its next turn begins with that of its last.
 */
import { agentOf, Conversation, type StintOptions, takeStint } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type Message, userText } from '../message/index.ts'
import { validate } from '../primitives/index.ts'
import { type AnyFlow, executeFlow, type Run } from '../run/index.ts'
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

  /** Its answer to all that it has heard. @param name of its scope; used again it takes an ordinal. @param apart false: what is sent to the run is for itself, not for the team to tell */
  async speak(run: Run, { name = this.name, apart = true, ...o }: StintOptions & { readonly name?: string; readonly apart?: boolean } = {}): Promise<unknown> {
    if (this.#unheard.length > 0) this.#conversation.add(userText(this.#unheard.splice(0).join('\n\n')))
    const definition = agentOf(this.#member)
    const { budget, deadline } = this.#member['~flow'].options
    const conversation = this.#conversation
    if (definition) {
      const end = await run['~core'].open(name, conversation.thread, (inner) => takeStint(inner, definition, conversation, o), { budget, deadline, apart })
      if ('output' in end) return end.output
      throw new TuttiError('TEAM_NO_MEMBER', `'${this.name}' handed over to '${end.handoff.to}', where nobody hands over`)
    }
    const messages = [...conversation.messages]
    const output = await run['~core'].open(name, messages, (inner) => executeFlow(this.#member, messages, inner), { budget, deadline, apart })
    conversation.add({ role: 'assistant', parts: [{ type: 'text', text: textOfOutput(output) }] })
    return o.output ? validate(o.output.schema, output, 'RUN_OUTPUT_INVALID', `what '${this.name}' answered`) : output
  }
}
