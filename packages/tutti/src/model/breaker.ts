/**
 * A circuit breaker: a provider that fails again and again is left alone for a while, so that nobody waits for what fails.
 *
 * Closed: calls go through. Open, after so many failures in a row within a stretch of time: calls are refused at once, and the next model of the chain is
 * asked. Half open, after the cooldown: one call goes through and decides. A rate limit is no failure here: it says when to come back.
 */
import { TuttiError } from '../errors/index.ts'
import type { Clock } from '../primitives/index.ts'
import type { CallOutcome, Guard, GuardedCall, Passage } from './guard.port.ts'
import type { BreakerPolicy } from './model.port.ts'

export class Breaker implements Guard {
  readonly #policy: BreakerPolicy
  readonly #clock: Clock
  /** When each failure since the last answer was. */
  #failedAt: number[] = []
  #openUntil: number | undefined
  #probing = false

  constructor(policy: BreakerPolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  admit({ model }: GuardedCall): Passage {
    if (this.#openUntil === undefined) return { done: (outcome) => this.#hear(outcome) }
    const retryAfterMs = this.#openUntil - this.#clock.now()
    if (retryAfterMs > 0 || this.#probing) {
      throw new TuttiError('MODEL_CIRCUIT_OPEN', `${model} failed ${this.#policy.failures} times in a row, so it is not asked for now`, {
        data: { model, retryAfterMs: Math.max(0, retryAfterMs) },
      })
    }
    this.#probing = true
    return { done: (outcome) => this.#decide(outcome) }
  }

  #hear(outcome: CallOutcome): void {
    if (outcome.type === 'dropped') return
    if (!isFailureOfProvider(outcome)) {
      this.#failedAt = []
      return
    }
    const now = this.#clock.now()
    this.#failedAt = [...this.#failedAt.filter((at) => at > now - this.#policy.withinMs), now]
    if (this.#failedAt.length >= this.#policy.failures) this.#open(now)
  }

  #decide(outcome: CallOutcome): void {
    this.#probing = false
    if (outcome.type === 'dropped') return
    if (isFailureOfProvider(outcome)) return this.#open(this.#clock.now())
    this.#openUntil = undefined
    this.#failedAt = []
  }

  #open(now: number): void {
    this.#openUntil = now + this.#policy.cooldownMs
  }
}

const failures: ReadonlySet<string> = new Set(['MODEL_OVERLOADED', 'MODEL_UNREACHABLE', 'MODEL_TIMEOUT', 'MODEL_STREAM_CUT', 'MODEL_MALFORMED'])

const isFailureOfProvider = (outcome: CallOutcome): boolean => outcome.type === 'failed' && failures.has(outcome.error.code)
