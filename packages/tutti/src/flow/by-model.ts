/** Routing by a model: it is told what each branch is for, and answers with the name of one. */
import { TuttiError } from '../errors/index.ts'
import { chainOf, type Message, type Prompt, textOf, toMessages, userText } from '../message/index.ts'
import { askModel, checkModels, type ModelAnswer, type ModelLike, parseOutput } from '../model/index.ts'
import { checkOptions, is, type JsonSchema } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'
import type { Router } from './route.ts'
import { routerOf } from './router.ts'

/** What a model answers when no branch fits. */
const NONE = '(none)'

/**
 * Asks a model which branch fits, and says to it what each is for. An answer that is no branch is sent back once; after that, and when the model says that none
 * fits: `otherwise`. Each question is a recorded model step: `by`, `by:2`.
 *
 * Costs: one or two model calls a question. @throws CONFIG_INVALID, and what the model fails with
 * @example byModel({ model: 'openai/gpt-5-nano', choices: { order: 'about an order or a parcel', refund: 'wants money back' } })
 */
export function byModel<const K extends string>(o: { model?: ModelLike | undefined; choices: { readonly [P in K]: string } }): Router<Prompt, K> {
  checkOptions<{ model?: unknown; choices: unknown }>('byModel()', o, { model: true, choices: is.object })
  checkModels(o.model)
  const names = Object.keys(o.choices ?? {})
  if (names.length === 0) throw new TuttiError('CONFIG_INVALID', 'byModel: there are no choices')
  const schema: JsonSchema = {
    type: 'object',
    properties: { choice: { type: 'string', enum: [...names, NONE] } },
    required: ['choice'],
    additionalProperties: false,
  }
  const output = { name: 'choice', schema }
  const told = Object.entries<string>(o.choices).map(([name, what]) => `- ${name}: ${what}`)
  const system = [
    'Choose which of these the last message of the user belongs to. Do not answer the message itself.',
    ...told,
    `- ${NONE}: nothing of this`,
  ].join('\n')

  const ask = (run: Run, name: string, messages: readonly Message[]): Promise<ModelAnswer> =>
    askModel(run, {
      name,
      agent: run.key.slice(run.key.lastIndexOf('/') + 1),
      model: o.model,
      stream: false,
      request: { system, messages, thread: { at: messages.length, chain: chainOf(messages) }, output },
    })

  return routerOf<Prompt, K>(async (input, run) => {
    const messages = toMessages(input)
    const first = await ask(run, 'by', messages)
    const choice = choiceOf(first)
    if (choice !== undefined && (names.includes(choice) || choice === NONE)) return choice === NONE ? undefined : (choice as K)
    const complaint = userText(`'${choice ?? textOf(first.message)}' is none of them. Choose one of: ${[...names, NONE].join(', ')}.`)
    const second = choiceOf(await ask(run, 'by:2', [...messages, first.message, complaint]))
    return names.includes(second ?? '') ? (second as K) : undefined
  })
}

function choiceOf(answer: ModelAnswer): string | undefined {
  const parsed = parseOutput(answer.outputText ?? textOf(answer.message))
  const choice = parsed.ok ? (parsed.value as { readonly choice?: unknown } | null)?.choice : undefined
  return typeof choice === 'string' ? choice : undefined
}
