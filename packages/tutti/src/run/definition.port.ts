/**
 * What a person declares and what a flow is given: flows, tools, signals, and the `run`. Types only.
 *
 * A declaration is plain data with its code beside it; nothing here registers, starts or remembers anything.
 */
import type { Amounts, Budget, Refusal } from '../budget/index.ts'
import type { ErrorCode, TuttiError } from '../errors/index.ts'
import type { Effect, StepKind } from '../journal/index.ts'
import type { Duration, Json, ModelSchema, RunId, Schema, Scope } from '../primitives/index.ts'
import type { Awaitable, EffectSpec, ScopeOptions, ServiceKey, StepContext } from './effect.port.ts'
import type { Recorded } from './recorded.ts'

/** How often to try again, and how long to wait between: `backoff` doubles with jitter up to `max`. Default backoff 500 ms, max 30 s. */
export interface Retry {
  /** Attempts in all, the first included. */
  attempts: number
  backoff?: Duration | undefined
  max?: Duration | undefined
  /** Only these codes. Default: every error whose disposition is `retryable`, and every error that is not a TuttiError. */
  on?: readonly ErrorCode[] | undefined
}

export interface FlowOptions {
  /** A schema in the place of the options is a mistake: it belongs into `input` or `output`. */
  readonly '~standard'?: undefined
  /** A run is pinned to the version it began with. Default `'1'`. */
  version?: string | undefined
  /**
   * How runs that began with an earlier version are carried over to this one, oldest first: each entry leads from its version to the one after it in this list, the last
   * one to this version. `true`: as they are. Left out: they stay with the version they began with.
   */
  migrations?: Readonly<Record<string, Migration | true>> | undefined
  description?: string | undefined
  retry?: Retry | undefined
  deadline?: Duration | undefined
  budget?: Budget | undefined
  /** Lets no more runs of this flow through than this, over all processes on one store; the others are `queued`. Holds for runs of their own, not for `run.call`. */
  queue?: QueueOptions | undefined
}

/** So many runs in a second, a minute or an hour. */
export type RunRate = `${number}/${'s' | 'm' | 'h'}`

/** What is left out is not limited. */
export interface QueueOptions {
  /** Runs that are driven at once. One that waits for a signal or a long timer does not count; it needs a place again when it is woken. */
  concurrency?: number | undefined
  /** The same, of one tenant. */
  perTenant?: number | undefined
  /** Runs that begin, in any stretch of that length. One that goes on has begun already. */
  rate?: RunRate | undefined
  ratePerTenant?: RunRate | undefined
}

/** What changed from one version of a flow to the next, as far as runs under way have to know. */
export interface Migration {
  /** What steps and scopes are called now: old key, new key, as `tutti show` prints them. Of a scope it holds for all below it. */
  rename?: Readonly<Record<string, string>> | undefined
  /** The input that the next version takes, made from that of the earlier one. */
  // biome-ignore lint/suspicious/noExplicitAny: what earlier versions took is not known to this one
  input?: ((old: any) => unknown) | undefined
}

/** A named, versioned, typed unit of orchestration. Chains, routes, agents and teams are all flows. */
export interface Flow<in I, out O, N extends string = string> {
  readonly name: N
  readonly version: string
  /** Said with `undefined`, so that a compiler which refuses a flow says why, and not this. */
  readonly description?: string | undefined
  readonly '~flow': FlowBody & { readonly in: (input: I) => void; readonly out: () => O }
  /** The same flow, given to a model as a tool. Needs an input schema that a model can be shown. */
  asTool(o?: { name?: string; description?: string; effect?: Effect; approve?: Approve<I> }): Tool<I, O>
}
export type AnyFlow = Flow<never, unknown>
// biome-ignore lint/suspicious/noExplicitAny: the other side does not matter
export type InputOf<F> = F extends Flow<infer I, any> ? I : never
// biome-ignore lint/suspicious/noExplicitAny: the other side does not matter
export type OutputOf<F> = F extends Flow<any, infer O> ? O : never

/** What is inside a flow. `structure` names the kind of flow and its parts, for drawings. */
export interface FlowBody {
  readonly kind: string
  readonly options: FlowOptions
  readonly inputSchema: Schema | undefined
  readonly outputSchema: Schema | undefined
  /** The flows it is made of, as far as they are known before it runs. */
  readonly parts: readonly AnyFlow[]
  /** How its parts lead to one another, for drawings. Left out: it is drawn as one, or with its parts beside it. */
  readonly shape?: FlowShape | undefined
  /** Where it finds tools when it runs. */
  readonly sources?: readonly ToolSource[] | undefined
  /** The input has passed `inputSchema`; the result passes `outputSchema` afterwards. */
  execute(input: unknown, run: Run): unknown
}

/** What a drawing shows of a flow. Names are its own; an edge from nowhere is the way in, one to nowhere the way out. */
export interface FlowShape {
  readonly nodes: readonly { readonly name: string; readonly part?: AnyFlow | undefined; readonly chooses?: boolean | undefined }[]
  readonly edges: readonly {
    readonly from?: string | undefined
    readonly to?: string | undefined
    readonly says?: string | undefined
    readonly dotted?: boolean | undefined
  }[]
}

/** Whatever can stand as a step of a composition: a flow, or a plain function `(input, run) => output`. */
export type Step<I, O> = Flow<I, O> | ((input: I, run: Run) => Awaitable<O>)
/** Inside a run: a flow (with steps of its own), or a function that is one recorded step. */
export type Leaf<I, O> = Flow<I, O> | ((input: I, ctx: StepContext) => Awaitable<O>)

export interface StepOptions<I, O> {
  /**
   * What it does to the world. `'read'` (default): nothing, so it may run again. `'idempotent'`: it may be repeated with its key. `'once'`: it must not be repeated, so
   * when it throws, times out or is cut off it is *in doubt*, and the run waits until a person says what became of it (`tutti resolve`), unless it throws `notDone()`.
   */
  effect?: Effect | undefined
  retry?: Retry | undefined
  timeout?: Duration | undefined
  /** An attempt that shows no sign of life (`ctx.heartbeat()`) for so long is given up with RUN_STEP_IDLE. Default: none. */
  idle?: Duration | undefined
  /**
   * Takes the step back when the run ends failed or cancelled, after it had completed: the last one first. Given what was recorded. It may be called more than once, with the
   * same idempotency key (another than the step's), and has the step's `retry`, `timeout` and `idle`. A step with an undo is `'idempotent'` unless it says `'once'`.
   */
  undo?: ((output: O, input: I, ctx: StepContext) => Awaitable<void>) | undefined
}

export interface MapOptions {
  /** Items under way at once. Default: all. */
  concurrency?: number | undefined
  budgetPerItem?: Budget | undefined
}
export type Settled<I, O> = { ok: true; index: number; output: O } | { ok: false; index: number; input: I; error: TuttiError }

/** What a flow is given: every effect goes through it, so that every effect is recorded. */
export interface Run {
  readonly id: RunId
  /** The key of the scope this `run` belongs to. */
  readonly key: string
  readonly scope: Readonly<Scope>
  readonly signal: AbortSignal
  readonly deadline: Date | undefined
  /** Runs another flow as a part of this one. @throws RUN_INPUT_INVALID, and whatever the flow throws */
  call<I, O>(flow: Flow<I, O>, input: NoInfer<I>, o?: { name?: string; budget?: Budget; deadline?: Duration }): Promise<O>
  /** Does something once and records its outcome. `input` is the fingerprint: a fork reuses the step while it is unchanged. Without it the step rests on all that was recorded before it, and a fork reuses it only while none of that is other. */
  step<I, O>(name: string, input: I, fn: (input: I, ctx: StepContext) => Awaitable<O>, o?: StepOptions<I, O>): Promise<Recorded<O>>
  step<O>(name: string, fn: (ctx: StepContext) => Awaitable<O>, o?: StepOptions<void, O>): Promise<Recorded<O>>
  /** Every item is recorded by itself, so a killed map goes on at the first unrecorded item. */
  map<I, O>(name: string, items: Iterable<I> | AsyncIterable<I>, each: Leaf<I, O>, o: MapOptions & { onError: 'collect' }): Promise<Settled<I, O>[]>
  map<I, O>(name: string, items: Iterable<I> | AsyncIterable<I>, each: Leaf<I, O>, o?: MapOptions & { onError?: 'fail' }): Promise<O[]>
  /** Branches already begun, awaited together; when one fails the others are cancelled (plain `Promise.all` leaves them running and paid for). */
  all<B extends { readonly [k: string]: PromiseLike<unknown> } | readonly PromiseLike<unknown>[]>(
    branches: B,
  ): Promise<{ -readonly [P in keyof B]: Awaited<B[P]> }>
  /** Waits for a signal, for days if need be. @throws RUN_SIGNAL_TIMEOUT after `timeout` without `onTimeout` */
  wait<I, O>(signal: Signal<I, O>, o?: { timeout?: undefined; data?: Json }): Promise<O>
  wait<I, O, T>(signal: Signal<I, O>, o: { timeout: Duration; onTimeout: T; data?: Json }): Promise<O | T>
  wait<I, O>(signal: Signal<I, O>, o: { timeout: Duration; data?: Json }): Promise<O>
  /** Survives the process. */
  sleep(name: string, for_: Duration): Promise<void>
  /** A typed event for whoever watches the run; recorded. */
  emit(name: string, data: Json): void
  /** The time of the last delivered entry: the same on replay. */
  now(): Date
  random(): number
  uuid(): string
  note(text: string, data?: Json): void
  /**
   * May this run go the way of code that was put in later? True for a run that has not got here yet, and then recorded; false for one whose record went past this
   * place before the code was there. Keep the old way in the `else` until no such run is left. One answer for an `id` in a scope. @throws CONFIG_INVALID
   * @example
   * const found = run.changed('faster-search') ? await run.call(search, query) : await run.call(oldSearch, query)
   */
  changed(id: string): boolean
  /** Ends the run as failed, with `RUN_FAILED`. */
  fail(reason: string, data?: Json): never
  readonly '~core': RunCore
}

/** What the rooms above ask of the run core; not public. */
export interface RunCore {
  /** Records one effect in the scope of this run. */
  ask<T>(spec: EffectSpec<T>): Promise<T>
  /** Opens a child scope, numbered among the asks of this one, and runs `body` in it. `input` is what the scope works on. */
  open<T>(name: string, input: unknown, body: (run: Run) => Awaitable<T>, o?: ScopeOptions): Promise<T>
  /** Stands for this run in this process, over all its scopes: for what a replay finds out again. */
  readonly activation: object
  /** Something the app provides (the gateway, …); @throws CONFIG_INVALID when it does not. */
  service<T>(key: ServiceKey<T>): T
  /** The same, of what an app need not provide. */
  offered<T>(key: ServiceKey<T>): T | undefined
  /** Says what whoever asks in this scope was declared with, for steps of this kind: told when the record and the code part over one. Recorded nowhere. */
  declare(kind: StepKind, declared: { readonly [setting: string]: string | number }): void
  /** What is left under every limit that applies here; a limit that is not set is absent. */
  left(): Partial<Record<'microUsd' | 'tokens' | 'inputTokens' | 'outputTokens' | 'modelCalls' | 'toolCalls', number>>
  /** Whether `taken` would give anything now. */
  isSent(signal: Signal<never, unknown>): boolean
  /** What was sent to the run under this name and nobody waited for, in its order; each is taken once, and recorded. Costs nothing while nothing is sent. */
  taken<T>(signal: Signal<never, T>): Promise<readonly T[]>
  /** What was asked for under this name and not done, and what was said instead: recorded where its step would stand. */
  declined(name: string, says: string): void
  /** What was gathered so far, said by a composition that fails now: the run tells it as its `partial`. */
  gathered(value: Json): void
  /** Why a hold of so much would be refused now, and what is to be done about it. */
  refusal(worst: Amounts): Refusal | undefined
}

/** A message that a run waits for. */
export interface Signal<in I, out O> {
  readonly name: string
  readonly '~signal': { readonly schema: Schema; readonly in: (i: I) => void; readonly out: () => O }
}

export type Approve<I> = boolean | ((input: I, ctx: { scope: Readonly<Scope> }) => Awaitable<boolean>)
/** What the function of a tool is given: that of a step. A tool of several recorded steps is a flow, `flow(…).asTool()`. */
export type ToolContext = StepContext

/** Something a model may call. `effect` is always said: what it does to the world decides what happens after a crash. */
export interface Tool<in I = never, out O = unknown, N extends string = string> {
  readonly name: N
  readonly effect: Effect
  readonly '~tool': ToolBody & { readonly in: (i: I) => void; readonly out: () => O }
}

export type Reconciled = { done: true; output: unknown } | { done: false } | 'unknown'

export interface ToolBody {
  readonly description: string
  readonly inputSchema: ModelSchema
  readonly outputSchema: Schema | undefined
  readonly approve: Approve<never> | undefined
  readonly timeout: Duration | undefined
  readonly idle: Duration | undefined
  /** Characters of a result that is still shown whole. Left out: as its agent says. */
  readonly longest?: number | undefined
  readonly undo: ((output: never, input: never, ctx: StepContext) => Awaitable<void>) | undefined
  readonly reconcile: ((idempotencyKey: string, input: never) => Awaitable<Reconciled>) | undefined
  /** A flow as a tool: called with the run, its steps are recorded, not the call as a whole. */
  readonly flow: AnyFlow | undefined
  execute(input: unknown, ctx: StepContext): unknown
  /** What its source calls it, where it comes from one. */
  readonly named?: string | undefined
  /** A call that may be of several steps: `call` makes one of them, recorded. Left out: it is one. */
  conduct?(input: unknown, o: { readonly run: Run; call(input: unknown): Promise<unknown> }): Promise<unknown>
  /** What the model is told of a recorded outcome; `undefined`, or left out: the outcome. `files` are those of a `FilePart`. */
  shown?(outcome: unknown): { readonly output: Json; readonly failed?: boolean | undefined; readonly files?: readonly object[] | undefined } | undefined
}
/** Tools that are found when they are needed (an MCP server, an OpenAPI document). */
export interface ToolSource {
  readonly '~tools': string
}
