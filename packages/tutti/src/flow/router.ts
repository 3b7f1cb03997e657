/** What the ready-made routers have in common: they are declared once, and choose for the input of a route. */
import { type Prompt, textOf, toMessages } from '../message/index.ts'
import type { Awaitable, Run } from '../run/index.ts'
import type { Router } from './route.ts'

export const routerOf = <I, K extends string>(choose: (input: I, run: Run) => Awaitable<K | undefined>): Router<I, K> =>
  ({ '~router': { choose } }) as unknown as Router<I, K>

/** What a person said last. @throws RUN_INPUT_INVALID for what is no prompt */
export function questionOf(prompt: Prompt): string {
  const last = toMessages(prompt).findLast(({ role }) => role === 'user')
  return last ? textOf(last) : ''
}
