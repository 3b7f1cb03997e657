import { TuttiError } from '../errors/index.ts'
import type { Prompt } from '../message/index.ts'
import { checkValue, is } from '../primitives/index.ts'
import type { Router } from './route.ts'
import { questionOf, routerOf } from './router.ts'

/** A pattern that the last thing a person said is matched against, or a function of the input. */
type Rule<I> = RegExp | ((input: I) => boolean)

/**
 * Chooses the first branch whose rule holds; none: `otherwise`. The choice is recorded as the step `by`.
 * @throws CONFIG_INVALID for a rule that is neither a pattern nor a function
 * @example route('desk', { by: byRule({ order: /\border\b/i, refund: /money back|refund/i }), to: { order, refund }, otherwise: other })
 */
export function byRule<const K extends string, I = Prompt>(rules: { readonly [P in K]: Rule<I> }): Router<I, K> {
  checkValue('what byRule() was given', 'rules', rules, is.object)
  const all = Object.entries(rules) as [K, Rule<I>][]
  for (const [name, rule] of all)
    if (!(rule instanceof RegExp) && typeof rule !== 'function')
      throw new TuttiError('CONFIG_INVALID', `byRule: the rule of '${name}' is neither a pattern nor a function`, { data: { branch: name } })
  const holds = (rule: Rule<I>, input: I): boolean => (rule instanceof RegExp ? questionOf(input as Prompt).search(rule) >= 0 : rule(input))
  return routerOf<I, K>((input, run) => run.step('by', input, (given) => all.find(([, rule]) => holds(rule, given))?.[0]) as Promise<K | undefined>)
}
