/** Plain code as a recorded effect. */
import { TuttiError } from '../errors/index.ts'
import type { Effect } from '../journal/index.ts'
import { checkOptions, type Declared, durationMs, type Elsewhere, hashFraction, insteadOf, is } from '../primitives/index.ts'
import { checkRetry } from './check-retry.ts'
import type { Retry, StepOptions } from './definition.port.ts'
import type { AttemptPlan, Awaitable, EffectContext, EffectSpec, Executed, StepContext, Undo } from './effect.port.ts'

/** `restsOnAll`: it was given no input (see `EffectSpec`). */
type CodeOptions<I, O> = StepOptions<I, O> & { readonly restsOnAll?: boolean }

/** @throws CONFIG_INVALID */
export function checkCode(name: string, fn: unknown): void {
  if (typeof fn === 'function') return
  throw new TuttiError('CONFIG_INVALID', `the step '${name}' has no function`, { hint: 'Write run.step(name, input, fn), or run.step(name, fn).' })
}

const OPTIONS: Declared<StepOptions<unknown, unknown>> = {
  ...{ effect: is.oneOf('read', 'idempotent', 'once'), retry: true, timeout: true, idle: true, undo: is.function },
}
const ELSEWHERE: Elsewhere = {
  ...insteadOf('retries maxRetries attempts maxAttempts', 'retry: { attempts: 3 }'),
  ...insteadOf('startToCloseTimeout', "timeout: '1m'"),
  ...insteadOf('heartbeatTimeout', "idle: '10s'"),
  ...insteadOf('compensate rollback', 'undo: (output) => …'),
}

/** An effect that is misspelled would be none, and repeated. @throws CONFIG_INVALID */
export function checkStepOptions(name: string, o: StepOptions<unknown, unknown>): void {
  checkOptions(`the step '${name}'`, o, OPTIONS, ELSEWHERE)
  if (o.retry !== undefined) checkRetry(`the retry of the step '${name}'`, o.retry)
}

export function codeStep<I, O>(
  name: string,
  input: I,
  fingerprint: string,
  fn: (input: I, ctx: StepContext) => Awaitable<O>,
  o: CodeOptions<I, O> = {},
): EffectSpec<O> {
  if (o.undo && o.effect === 'read')
    throw new TuttiError('CONFIG_INVALID', `the step '${name}' has an undo and says that it changes nothing`, {
      hint: "Set its effect to 'idempotent' or 'once'.",
    })
  return new CodeStep(name, input, fingerprint, fn, o)
}

/** The spec of a step and the plan of each of its attempts, which are all the same: one object a step. */
class CodeStep<I, O> implements EffectSpec<O>, AttemptPlan<O> {
  readonly name: string
  readonly kind = 'code'
  readonly effect: Effect
  readonly fingerprint: string
  readonly restsOnAll: boolean | undefined
  readonly timeoutMs: number | undefined
  readonly idleMs: number | undefined
  readonly undo: Undo<O> | undefined
  readonly #input: I
  readonly #fn: (input: I, ctx: StepContext) => Awaitable<O>
  readonly #retry: Retry | undefined

  constructor(name: string, input: I, fingerprint: string, fn: (input: I, ctx: StepContext) => Awaitable<O>, o: CodeOptions<I, O>) {
    this.name = name
    this.restsOnAll = o.restsOnAll
    this.effect = o.effect ?? (o.undo ? 'idempotent' : 'read')
    this.fingerprint = fingerprint
    this.timeoutMs = o.timeout === undefined ? undefined : durationMs(o.timeout)
    this.idleMs = o.idle === undefined ? undefined : durationMs(o.idle)
    const { undo } = o
    this.undo = undo && { execute: (output, ctx) => undo(output, input, ctx), retry: (error, attempt) => this.retry(error, attempt) }
    this.#input = input
    this.#fn = fn
    this.#retry = o.retry
  }

  plan(): AttemptPlan<O> {
    return this
  }

  execute(ctx: EffectContext): Awaitable<Executed<O>> {
    const fn = this.#fn
    const made = fn(this.#input, ctx)
    return isThenable(made) ? Promise.resolve(made).then(executed) : { value: made }
  }

  retry(error: TuttiError, attempt: number): { afterMs: number } | undefined {
    return this.#retry && retryAfter(this.#retry, error, attempt, this.fingerprint)
  }
}

/** When to try again: the backoff doubles, up to `max`, with up to half of it as jitter. `undefined`: not at all. */
export function retryAfter(retry: Retry, error: TuttiError, attempt: number, seed: string): { afterMs: number } | undefined {
  if (attempt >= retry.attempts) return undefined
  const again = retry.on ? retry.on.includes(error.code) : error.disposition === 'retryable' || error.code === 'RUN_STEP_FAILED'
  if (!again) return undefined
  const full = Math.min(durationMs(retry.backoff ?? 500) * 2 ** (attempt - 1), durationMs(retry.max ?? '30s'))
  return { afterMs: Math.round(full * (0.5 + hashFraction(`${seed}|${attempt}`) / 2)) }
}

/** A promise of any make: query builders have a `then` of their own. */
const isThenable = <T>(made: Awaitable<T>): made is Promise<T> => typeof (made as Partial<PromiseLike<T>> | null | undefined)?.then === 'function'

const executed = <T>(value: T): { value: T } => ({ value })
