/** What several makers of tools are given alike, checked when it is given: misspelled, nobody would be asked, and what may be done once would be repeated. */
import { TuttiError } from '../errors/index.ts'
import { checkValue, is, sayGiven } from '../primitives/index.ts'

const effect = is.oneOf('read', 'idempotent', 'once')

/** @param effects one for all, or by name @throws CONFIG_INVALID */
export function checkEffects(whose: string, effects: unknown): void {
  if (effects === undefined) return
  if (typeof effects !== 'object' || effects === null) return checkValue(`the effect of ${whose}`, 'effect', effects, effect)
  for (const [name, each] of Object.entries(effects)) checkValue(`the effect of '${name}' of ${whose}`, 'effect', each, effect)
}

/** @throws CONFIG_INVALID */
export function checkApprove(whose: string, approve: unknown): void {
  if (approve === undefined || typeof approve === 'boolean' || is.texts.fits(approve)) return
  throw new TuttiError('CONFIG_INVALID', `the approve of ${whose} is ${sayGiven(approve)}`, {
    hint: "It is true, false, or a list of the tools before which a person is asked: approve: ['delete_file'].",
  })
}
