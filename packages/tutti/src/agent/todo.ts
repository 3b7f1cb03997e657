/**
 * The list of an agent that plans: it writes the whole of it with the tool `todo`, and is shown it again after each turn that did not touch it, as long as something
 * is open. What it is shown is added to the conversation, never changed in it: the prompt of a turn begins with that of the turn before.
 */
import { type Message, type ToolCallPart, type ToolResultPart, textOf } from '../message/index.ts'
import type { JsonSchema, ModelSchema } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'
import { tool } from '../tool/index.ts'

const states = ['open', 'doing', 'done'] as const
export interface TodoItem {
  readonly task: string
  readonly state: (typeof states)[number]
}

const shown: JsonSchema = {
  type: 'object',
  properties: {
    items: {
      type: 'array',
      description: 'The whole list, in order.',
      items: {
        type: 'object',
        properties: { task: { type: 'string' }, state: { enum: [...states] } },
        required: ['task', 'state'],
        additionalProperties: false,
      },
    },
  },
  required: ['items'],
  additionalProperties: false,
}

type List = { items: TodoItem[] }

const schema: ModelSchema<List, List> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => {
      const items = (value as Partial<List> | null)?.items
      if (!Array.isArray(items)) return { issues: [{ message: 'expected a list', path: ['items'] }] }
      const wrong = items.findIndex((item) => typeof item?.task !== 'string' || !states.includes(item.state))
      if (wrong >= 0) return { issues: [{ message: `expected { task, state }, where state is ${states.join(', ')}`, path: ['items', wrong] }] }
      return { value: { items } }
    },
    jsonSchema: { input: () => shown, output: () => shown },
  },
}

export const todoTool = tool({
  name: 'todo',
  description:
    'Keeps your list of what is to be done. Write it before you begin with something of several steps; write it anew, as a whole, whenever a step begins or is done.',
  input: schema,
  effect: 'read',
  execute: ({ items }) => `kept: ${items.filter(({ state }) => state !== 'done').length} of ${items.length} to do`,
})

export class Todo {
  #items: readonly TodoItem[] = []
  /** The call that wrote it. */
  #written: ToolCallPart | undefined

  /** What the model is to be shown after a turn of these calls, if anything. A new list is an event for whoever watches. */
  after(run: Run, calls: readonly ToolCallPart[], results: readonly ToolResultPart[]): string | undefined {
    const at = calls.findLastIndex(({ tool: name }, i) => name === todoTool.name && !results[i]?.failed)
    if (at >= 0) {
      this.#written = calls[at] as ToolCallPart
      this.#items = (this.#written.input as unknown as List).items
      run.emit('todo', { items: this.#items.map(({ task, state }) => ({ task, state })) })
      return undefined
    }
    if (this.#items.every(({ state }) => state === 'done')) return undefined
    return this.#said
  }

  /** The list, where these messages do not show it as it stands and something is open. */
  restated(messages: readonly Message[]): string | undefined {
    if (this.#items.every(({ state }) => state === 'done')) return undefined
    const shown = messages.some((message) => message.parts.some((part) => part === this.#written) || textOf(message) === this.#said)
    return shown ? undefined : this.#said
  }

  get #said(): string {
    return `Your list:\n${this.#items.map(({ task, state }) => `${marks[state]} ${task}`).join('\n')}`
  }
}

const marks = { open: '[ ]', doing: '[>]', done: '[x]' }
