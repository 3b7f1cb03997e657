/** A model that is asked later in the work of an agent: what does not let it be asked is found when the agent begins, not in the midst of its work. */
import { TuttiError } from '../errors/index.ts'
import type { Run } from '../run/definition.port.ts'
import type { EffectSpec } from '../run/effect.port.ts'
import type { CallGround } from './guard.port.ts'
import { modelChain } from './links.ts'
import type { AskModel, ModelAnswer } from './model.port.ts'

/** Of a chain one that can be asked is enough. @throws what does not let the last of it be asked: a key or a package that is missing, a price under a limit of money */
export async function checkAskable(run: Run, ground: CallGround, { whose, model }: NonNullable<AskModel['later']>): Promise<void> {
  let failed: unknown
  for (const link of modelChain(model).links) {
    try {
      const { candidate } = await ground.candidate(link)
      const { microUsd } = run['~core'].left()
      if (candidate.price || microUsd === undefined) return
      failed = new TuttiError('BUDGET_NO_PRICE', `${candidate.id} has no price, and this run may spend no more than ${microUsd / 1_000_000} USD`)
    } catch (error) {
      failed = error
    }
  }
  if (!TuttiError.is(failed)) throw failed
  const { code, message, hint, disposition, data } = failed
  throw new TuttiError(code, `${whose} cannot be asked: ${message}`, { hint, disposition, data, cause: failed })
}

/** The effect of a question, after what has to be so before anybody is asked. What a plan throws is its end: no other model of its chain would mend that. */
export const sureOf = (effect: EffectSpec<ModelAnswer>, check: () => Promise<void>): EffectSpec<ModelAnswer> => ({
  ...effect,
  plan: async (attempt, last) => {
    if (!last) await check()
    return effect.plan(attempt, last)
  },
})
