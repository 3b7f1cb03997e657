/** Policies: models made of models. Each is plain data; the gateway reads it when the model is asked. */
import { TuttiError } from '../errors/index.ts'
import { type Duration, durationMs } from '../primitives/index.ts'
import type { Retry } from '../run/definition.port.ts'
import type { Awaitable } from '../run/effect.port.ts'
import type { Model, ModelLike, PolicyModel } from './model.port.ts'

/**
 * How often `model` (each model of it, when it is a list) is asked again after a failure that may pass. Default without it: 3 attempts, 500 ms doubling
 * to 30 s with full jitter, never earlier than the provider's `retry-after`. Each attempt is held, paid for and recorded by itself.
 * @throws CONFIG_INVALID
 * @example agent({ name: 'order', model: retry('openai/gpt-5-mini', { attempts: 5, backoff: '1s' }) })
 */
export function retry(model: ModelLike, o: Retry): Model {
  if (!Number.isInteger(o.attempts) || o.attempts < 1)
    throw new TuttiError('CONFIG_INVALID', `retry: attempts is ${o.attempts}; it counts the first attempt too, so it is 1 or more`)
  for (const duration of [o.backoff, o.max]) if (duration !== undefined) durationMs(duration)
  return policy({ kind: 'retry', of: model, retry: o })
}

/** A second attempt beside the first after `after`; the first good answer wins. Declared, not built yet: @throws FLOW_NOT_YET when it is asked. */
export const hedge = (model: ModelLike, _o: { after?: Duration | 'p95' | undefined; max?: number | undefined } = {}): Model =>
  policy({ kind: 'hedge', of: model })

/** Cheap first; the next model when `accept` says no. Declared, not built yet: @throws FLOW_NOT_YET when it is asked. */
export const cascade = (
  models: readonly [ModelLike, ModelLike, ...ModelLike[]],
  _o: { accept: (answer: { text: string; output: unknown; confidence?: number | undefined }) => Awaitable<boolean> },
): Model => policy({ kind: 'cascade', of: models })

/** Answers asked before are given again. Declared, not built yet: @throws FLOW_NOT_YET when it is asked. */
export const cache = (model: ModelLike, _o: { ttl?: Duration | undefined; similar?: number | undefined } = {}): Model => policy({ kind: 'cache', of: model })

/** Requests and tokens per minute, shared fairly between runs. Declared, not built yet: @throws FLOW_NOT_YET when it is asked. */
export const limit = (
  model: ModelLike,
  _o: { requestsPerMinute?: number | undefined; tokensPerMinute?: number | undefined; concurrency?: number | undefined },
): Model => policy({ kind: 'limit', of: model })

const policy = (body: PolicyModel['~policy']): PolicyModel => ({ '~model': body.kind, '~policy': body })
