/**
 * What the rooms above ask of the run core: one recorded effect, one scope, the services of the app. Not public.
 * Types only. A model call, a tool call and a retrieval are each an `EffectSpec`; the core knows nothing of models or tools.
 */
import type { Amounts, Budget } from '../budget/index.ts'
import type { ErrorRecord, TuttiError } from '../errors/index.ts'
import type { Effect, StepKind } from '../journal/index.ts'
import type { Duration, Json } from '../primitives/index.ts'
import type { Awaitable, Run, StepContext } from './definition.port.ts'

/** One recorded effect: what is asked, and how to do it. */
export interface EffectSpec<T> {
  /** One segment of the key; unique in its scope, or it takes an ordinal. */
  readonly name: string
  readonly kind: StepKind
  readonly effect: Effect
  readonly fingerprint: string
  /** Hash of what may change without diverging. */
  readonly tunable?: string | undefined
  readonly label?: Json | undefined
  readonly timeoutMs?: number | undefined
  /** Called before each attempt: the worst case to hold, and the work. May throw a TuttiError, which is then the outcome. */
  plan(attempt: number, last: ErrorRecord | undefined): Awaitable<AttemptPlan<T>>
  /** What to do after a failed attempt; `undefined` (or no function) makes the failure final. */
  retry?: ((error: TuttiError, attempt: number) => { readonly afterMs: number } | undefined) | undefined
  /** For `once`: what became of an attempt whose outcome was lost. */
  reconcile?: ((idempotencyKey: string) => Awaitable<{ readonly done: true; readonly value: T } | { readonly done: false } | 'unknown'>) | undefined
  /** Compensation. */
  undo?: ((value: T) => Awaitable<void>) | undefined
}

export interface AttemptPlan<T> {
  /** The worst case. Left out: the attempt costs nothing, and a `read` needs no `step.started`. */
  readonly hold?: Amounts | undefined
  /** What a projection shows of this attempt (the model id, why it was chosen). */
  readonly label?: Json | undefined
  execute(ctx: EffectContext): Awaitable<Executed<T>>
}

/** `settle` left out keeps the hold: unknown usage is never 0. */
export interface Executed<T> {
  readonly value: T
  readonly settle?: Amounts | undefined
}

/** Thrown by `execute` when a failed attempt is known to have used something. */
export interface MeteredFailure {
  readonly '~metered': true
  readonly error: unknown
  readonly settle: Amounts
}

export interface EffectContext extends StepContext {
  /** Shows a provisional part to whoever watches; it is not recorded. */
  stream(part: StreamPart): void
}

export type StreamPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'tool-input'; readonly tool: string; readonly text: string }
  | { readonly type: 'partial'; readonly value: Json }
  /** What was shown of this step is void: another attempt begins. */
  | { readonly type: 'reset' }

export interface RunCore {
  /** Records one effect in the scope of this run. */
  ask<T>(spec: EffectSpec<T>): Promise<T>
  /** Opens a child scope, numbered among the asks of this one, and runs `body` in it. `input` is what the scope works on. */
  open<T>(name: string, input: unknown, body: (run: Run) => Awaitable<T>, o?: ScopeOptions): Promise<T>
  /** Something the app provides (the gateway, …); @throws CONFIG_INVALID when it does not. */
  service<T>(key: ServiceKey<T>): T
  /** What is left under every limit that applies here; a limit that is not set is absent. */
  left(): Partial<Record<'microUsd' | 'tokens' | 'inputTokens' | 'outputTokens' | 'modelCalls' | 'toolCalls', number>>
}

export interface ScopeOptions {
  readonly budget?: Budget | undefined
  readonly deadline?: Duration | undefined
}

/** A typed name for something the app provides to its runs. */
export interface ServiceKey<T> {
  readonly service: string
  readonly '~type'?: (() => T) | undefined
}
/** What an app provides to its runs, by `ServiceKey.service`. */
export type Services = ReadonlyMap<string, unknown>
