/** A gateway that asks otherwise in one scope of a run: with other instructions, or another model. Everything else goes through as it is. */
import type { Gateway, ModelLike } from './model.port.ts'

export interface Retuning {
  /** The key of the scope; no other is touched. */
  readonly scope: string
  readonly instructions?: string | undefined
  readonly model?: ModelLike | undefined
}

export const retuned = (models: Gateway, { scope, instructions, model }: Retuning): Gateway => ({
  ask(run, question) {
    if (run.key !== scope) return models.ask(run, question)
    const request = instructions === undefined ? question.request : { ...question.request, system: instructions }
    return models.ask(run, { ...question, request, model: model ?? question.model })
  },
})
