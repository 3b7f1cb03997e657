/** A gateway that asks otherwise in one scope of a run: with other instructions, or another model. Everything else goes through as it is. */
import type { Gateway, ModelLike } from './model.port.ts'

export interface Retuning {
  /** The key of the scope; no other is touched. Left out: every scope. */
  readonly scope?: string | undefined
  /** The name of the agent that asks; no other is touched. Left out: every one. */
  readonly agent?: string | undefined
  readonly instructions?: string | undefined
  readonly model?: ModelLike | undefined
}

export const retuned = (models: Gateway, { scope, agent, instructions, model }: Retuning): Gateway => ({
  ...(models.embed ? { embed: (run, question) => (models.embed as NonNullable<Gateway['embed']>)(run, question) } : {}),
  unitPrice: (id, unit) => models.unitPrice?.(id, unit),
  ask(run, question) {
    if ((scope ?? run.key) !== run.key || (agent ?? question.agent) !== question.agent) return models.ask(run, question)
    const request = instructions === undefined || question.ownInstructions ? question.request : { ...question.request, system: instructions }
    return models.ask(run, { ...question, request, insteadOfAll: model ?? question.insteadOfAll })
  },
})
