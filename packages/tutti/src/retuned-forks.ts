/** The gateways of forks that ask otherwise. A model that a journal cannot hold (an object) is kept here, for as long as this process lives. */
import { TuttiError } from './errors/index.ts'
import type { RunForked } from './journal/index.ts'
import { type Gateway, gatewayKey, type ModelLike, retuned } from './model/index.ts'
import { type Json, newRunId, type RunId, systemClock } from './primitives/index.ts'
import type { Services } from './run/index.ts'

export class RetunedForks {
  readonly #services: Services
  readonly #models: Gateway
  readonly #held = new Map<RunId, ModelLike>()

  constructor(services: Services, models: Gateway) {
    this.#services = services
    this.#models = models
  }

  /** What the journal of a fork says of its model; where it cannot hold it, the id under which it is kept (default: a new one). */
  keep(model: ModelLike | undefined, id = newRunId(systemClock.now())): { readonly model?: Json; readonly id?: RunId } {
    if (model === undefined) return {}
    if (isWritten(model)) return { model }
    this.#held.set(id, model)
    return { model: null, id }
  }

  /** @throws CONFIG_INVALID when its model is not here any more */
  servicesFor(run: RunId, forked: RunForked): Services {
    const { scope, agent, instructions, model } = forked.retuned ?? {}
    const held = this.#held.get(run)
    if (model === null && held === undefined)
      throw new TuttiError('CONFIG_INVALID', `the fork '${run}' asks a model that only the process which made it had`, {
        hint: "Fork again, with the model's id: ids are recorded.",
      })
    const asks = retuned(this.#models, { scope, agent, instructions, model: held ?? (model as ModelLike | undefined) })
    return new Map([...this.#services, [gatewayKey.service, asks]])
  }
}

function isWritten(model: ModelLike): model is ModelLike & Json {
  return typeof model === 'string' || (Array.isArray(model) && model.every(isWritten))
}
