/**
 * What the rooms above ask of the run core: one recorded effect, one scope, the services of the app. Not public.
 * Types only. A model call, a tool call and a retrieval are each an `EffectSpec`; the core knows nothing of models or tools.
 */
import type { Amounts, Budget, Exhaustion } from '../budget/index.ts'
import type { ErrorRecord, TuttiError } from '../errors/index.ts'
import type { Effect, StepKind } from '../journal/index.ts'
import type { Duration, Json, Scope } from '../primitives/index.ts'

export type Awaitable<T> = T | Promise<T>

/** What the function of a step is given. */
export interface StepContext {
  /** Aborts when the run is cancelled, its deadline passes, or the step is no longer wanted. */
  readonly signal: AbortSignal
  /** The same on every attempt of this step: hand it to whatever must not do the work twice. */
  readonly idempotencyKey: string
  /** 1 on the first attempt. */
  readonly attempt: number
  readonly scope: Readonly<Scope>
  /** Says that the work goes on: a step with an `idle` timeout is given up when it has said nothing for that long. Costs next to nothing. */
  readonly heartbeat: () => void
}

/** One recorded effect: what is asked, and how to do it. */
export interface EffectSpec<T> {
  /** One segment of the key; unique in its scope, or it takes an ordinal. */
  readonly name: string
  readonly kind: StepKind
  readonly effect: Effect
  readonly fingerprint: string
  /** It names no input, so it rests on all that was delivered before it: a seed answers it only while none of that is other. */
  readonly restsOnAll?: boolean | undefined
  /** Hash of what may change without diverging. */
  readonly tunable?: string | undefined
  readonly label?: Json | undefined
  /** What a run that fails later had reached with this value. Default: the value; `undefined`: nothing more than before. */
  reached?(value: Json): Json | undefined
  readonly timeoutMs?: number | undefined
  /** How long an attempt may show no sign of life: a heartbeat, or a part that it streams. */
  readonly idleMs?: number | undefined
  /** Called before each attempt: the worst case to hold, and the work. May throw a TuttiError, which is then the outcome. */
  plan(attempt: number, last: ErrorRecord | undefined): Awaitable<AttemptPlan<T>>
  /** What to do after a failed attempt; `undefined` (or no function) makes the failure final. */
  retry?: ((error: TuttiError, attempt: number) => { readonly afterMs: number } | undefined) | undefined
  /** For `once`: what became of an attempt whose outcome was lost. */
  reconcile?: ((idempotencyKey: string) => Awaitable<{ readonly done: true; readonly value: T } | { readonly done: false } | 'unknown'>) | undefined
  /** Why what a person says it gave cannot be; nothing where it can. */
  misfit?: ((value: unknown) => Awaitable<string | undefined>) | undefined
  /** How it is undone when the run ends otherwise than well. Only of an effect that is announced: not of a `read`. */
  readonly undo?: Undo<T> | undefined
}

/** What takes an effect back: called with what the journal holds of its outcome, until it returns or is not tried again. */
export interface Undo<T> {
  execute(value: T, ctx: StepContext): Awaitable<void>
  readonly retry?: EffectSpec<T>['retry']
}

export interface AttemptPlan<T> {
  /** The worst case. Left out: the attempt costs nothing, and a `read` needs no `step.started`. */
  readonly hold?: Amounts | undefined
  /** What may help where the worst case does not fit: the hint of the error. */
  readonly advice?: string | undefined
  /** It asks for what was left when it was planned: where that does not fit any more, another is planned. */
  readonly flexible?: boolean | undefined
  /** Why it is made otherwise than asked for. */
  readonly exhausted?: Omit<Exhaustion, 'key'> | undefined
  /** What a projection shows of this attempt (the model id, why it was chosen). */
  readonly label?: Json | undefined
  execute(ctx: EffectContext): Awaitable<Executed<T>>
  /** Another attempt to be made beside this one, when this one has shown nothing and not ended for so long. Of effects that may be repeated only. */
  readonly hedge?: Hedge<T> | undefined
  /** Called instead of `execute` when the attempt is not made after all: what the plan has taken for it goes back. */
  drop?(): void
}

export interface Hedge<T> {
  readonly afterMs: number
  /** `undefined`: none is made after all. */
  plan(): Awaitable<AttemptPlan<T> | undefined>
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
  /** Shows a provisional part to whoever watches; it is not recorded. True when somebody did: it cannot be unsaid any more, only marked as void (`reset`). */
  stream(part: StreamPart): boolean
}

export type StreamPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'tool-input'; readonly tool: string; readonly text: string }
  | { readonly type: 'partial'; readonly value: Json }
  | { readonly type: 'progress'; readonly progress: number; readonly total?: number; readonly message?: string }
  /** What was shown of this step is void: another attempt begins. */
  | { readonly type: 'reset' }

export interface ScopeOptions {
  readonly budget?: Budget | undefined
  readonly deadline?: Duration | undefined
  /** It works for another, who is told what is sent to the run. */
  readonly apart?: boolean | undefined
}

/** A typed name for something the app provides to its runs. */
export interface ServiceKey<T> {
  readonly service: string
  readonly '~type'?: (() => T) | undefined
}
/** What an app provides to its runs, by `ServiceKey.service`. */
export type Services = ReadonlyMap<string, unknown>
