/**
 * The `run` that a flow is given: each of its methods turns into asks of the pump. One `ScopedRun` per scope.
 * Owns nothing but the way from the public face to the pump: keys and numbers are the scope's, delivery is the pump's.
 */
import { type Amounts, declaredLimits, type Refusal, tighter } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { StepKind } from '../journal/index.ts'
import {
  canonical,
  checkOptions,
  type Duration,
  durationMs,
  encode,
  hash128,
  hashFraction,
  hashOften,
  hashUuid,
  is,
  type Json,
  type RunId,
  type Scope,
  validate,
} from '../primitives/index.ts'
import { type Ask, timedOut } from './ask.ts'
import { allOf, remember, rememberSafely } from './branches.ts'
import { DEADLINE_KEY } from './deadline.ts'
import { type Declared, declareIn } from './declared-change.ts'
import type { Flow, Leaf, MapOptions, Run, RunCore, Signal, StepOptions } from './definition.port.ts'
import type { Awaitable, EffectSpec, ScopeOptions, ServiceKey, Services, StepContext } from './effect.port.ts'
import type { EffectOp } from './engine.port.ts'
import { executeFlow } from './execute.ts'
import { checkFlow, checkSegment } from './flow.ts'
import { mapItems } from './map.ts'
import type { Pump } from './pump.ts'
import { recordable } from './recordable.ts'
import { RunScope, standing } from './scope.ts'
import { checkSignal } from './signal.ts'
import { checkCode, checkStepOptions, codeStep } from './step.ts'

/** What all scopes of one run have in common. */
export interface RunContext {
  readonly id: RunId
  /** The run whose chance is drawn: its own id, of a fork that of the run at its root. */
  readonly chance: RunId
  readonly scope: Readonly<Scope>
  readonly pump: Pump
  readonly services: Services
}

interface Place {
  readonly key: string
  readonly at: readonly number[]
}

export class ScopedRun implements RunCore {
  readonly #context: RunContext
  readonly #scope: RunScope

  constructor(context: RunContext, scope: RunScope) {
    this.#context = context
    this.#scope = scope
  }

  get '~core'(): RunCore {
    return this
  }
  get id(): RunId {
    return this.#context.id
  }
  get key(): string {
    return this.#scope.key
  }
  get scope(): Readonly<Scope> {
    return this.#context.scope
  }
  get signal(): AbortSignal {
    return this.#scope.abort.signal
  }
  get deadline(): Date | undefined {
    return this.#scope.deadline === undefined ? undefined : new Date(this.#scope.deadline)
  }

  call(flow: Flow<unknown, unknown>, input: unknown, o: { name?: string } & ScopeOptions = {}): Promise<unknown> {
    checkOptions<{ name?: string } & ScopeOptions>('run.call()', o, CALL)
    if (o.name !== undefined) checkSegment(o.name, 'call')
    if (o.budget !== undefined) declaredLimits(o.budget, `the budget of the call of '${flow?.name}'`)
    checkFlow('what run.call() is to call', flow)
    const { options } = flow['~flow']
    return this.open(o.name ?? flow.name, input, (run) => executeFlow(flow, input, run), {
      budget: tighter(o.budget, options.budget),
      deadline: o.deadline ?? options.deadline,
    })
  }

  step(name: string, ...rest: unknown[]): Promise<unknown> {
    this.#check(name)
    const withInput = typeof rest[1] === 'function'
    const input = withInput ? rest[0] : undefined
    const fn = (withInput ? rest[1] : rest[0]) as (input: unknown, ctx: StepContext) => unknown
    checkCode(name, fn)
    const o = (withInput ? rest[2] : rest[1]) as StepOptions<unknown, unknown> | undefined
    if (o !== undefined) checkStepOptions(name, o)
    const fingerprint = withInput ? hash128(canonical(input)) : this.#scope.fingerprint
    if (withInput) return this.ask(codeStep(name, input, fingerprint, fn, o))
    return this.ask(codeStep(name, undefined, fingerprint, (_, ctx) => (fn as unknown as (ctx: StepContext) => unknown)(ctx), { ...o, restsOnAll: true }))
  }

  map(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    each: Leaf<unknown, unknown>,
    o: MapOptions & { onError?: 'fail' | 'collect' } = {},
  ): Promise<unknown[]> {
    this.#check(name)
    return mapItems(this, name, items, each, o)
  }

  all(branches: Readonly<Record<string, PromiseLike<unknown>>> | readonly PromiseLike<unknown>[]): Promise<unknown> {
    this.#scope.checkUse()
    return allOf(branches, this.#context.pump)
  }

  wait(signal: Signal<unknown, unknown>, o: { timeout?: Duration; onTimeout?: unknown; data?: Json } = {}): Promise<unknown> {
    this.#scope.checkUse()
    const { pump } = this.#context
    checkOptions('run.wait()', o, WAIT)
    checkSignal('what run.wait() is to wait for', signal)
    const { schema } = signal['~signal']
    const until = o.timeout === undefined ? undefined : pump.time + durationMs(o.timeout, `the timeout of the wait for '${signal.name}'`)
    const fingerprint = hashOften(`${signal.name}|${o.timeout ?? ''}`)
    const place = this.#scope.next(signal.name)
    const ask = pump.ask(this.#scope, place.key, () => ({ op: 'wait', ...place, fingerprint, signal: signal.name, schema, until, data: o.data }))
    const answer = ask.promise.then((value) => {
      if (value !== timedOut) return validate(schema, value, 'RUN_INPUT_INVALID', `the signal '${signal.name}'`)
      if ('onTimeout' in o) return o.onTimeout
      throw new TuttiError('RUN_SIGNAL_TIMEOUT', `no '${signal.name}' came within ${String(o.timeout)}`, { data: { signal: signal.name } })
    })
    return rememberSafely(answer, ask)
  }

  sleep(name: string, duration: Duration): Promise<void> {
    this.#check(name)
    const { pump } = this.#context
    const fireAt = pump.time + durationMs(duration, `the duration of the sleep '${name}'`)
    const place = this.#scope.next(name)
    const ask = pump.ask(this.#scope, place.key, () => ({ op: 'timer', ...place, fingerprint: hash128(String(duration)), fireAt }))
    return rememberSafely(
      ask.promise.then(() => {}),
      ask,
    )
  }

  emit(name: string, data: Json): void {
    this.#note({ name, data: encode(data) })
  }

  note(text: string, data?: Json): void {
    this.#note({ text, data: data === undefined ? undefined : encode(data) })
  }

  now(): Date {
    this.#scope.checkUse()
    return new Date(this.#context.pump.time)
  }

  random(): number {
    this.#scope.checkUse()
    return hashFraction(this.#seed())
  }

  uuid(): string {
    this.#scope.checkUse()
    return hashUuid(this.#seed())
  }

  changed(id: string): boolean {
    this.#scope.checkUse()
    checkSegment(id, 'change')
    return this.#context.pump.changed(this.#scope, id)
  }

  fail(reason: string, data?: Json): never {
    throw new TuttiError('RUN_FAILED', reason, data === undefined ? {} : { data })
  }

  // ── the core: what the rooms above build on ──

  ask<T>(spec: EffectSpec<T>): Promise<T> {
    this.#scope.checkUse()
    return this.askAt(this.#scope.next(spec.name), spec, this.#scope.draws)
  }

  /** An effect at a place that the caller has numbered (an item of a map). */
  askAt<T>(place: Place, spec: EffectSpec<T>, draws: readonly string[]): Promise<T> {
    const ask = this.#context.pump.ask(this.#scope, place.key, (made) => new AskedEffect(made, place, spec as EffectSpec<unknown>, draws), spec.tunable)
    return remember(ask.promise, ask) as Promise<T>
  }

  open<T>(name: string, input: unknown, body: (run: Run) => Awaitable<T>, o: ScopeOptions = {}): Promise<T> {
    this.#scope.checkUse()
    return this.openAt(this.#scope.next(name), input, body, o)
  }

  /** A scope at a place that the caller has numbered. */
  openAt<T>(place: Place, input: unknown, body: (run: Run) => Awaitable<T>, o: ScopeOptions = {}): Promise<T> {
    const { pump } = this.#context
    const child = new RunScope(this.#scope, place.key, place.at, input, o.budget !== undefined)
    if (o.apart) child.apart = true
    if (o.budget) pump.activation.openAccount(place.key, o.budget)
    pump.openScope(child)
    const deadline = o.deadline === undefined ? undefined : this.#armDeadline(child, durationMs(o.deadline))
    const run = new ScopedRun(this.#context, child) as unknown as Run
    const work = standing.run(child, async () => {
      try {
        const output = await body(run)
        pump.reached = () => recordable(output)
        return output
      } catch (error) {
        pump.failScope(child)
        throw error
      } finally {
        pump.closeScope(child)
        if (deadline) pump.cancel([deadline], new TuttiError('RUN_CANCELLED', `'${child.key}' has ended`))
      }
    })
    // A failure that nobody awaits must not end the process: what led to it is in the journal.
    work.catch(() => {})
    return remember(work, child)
  }

  place(name: string): Place {
    return this.#scope.next(name)
  }

  item(place: Place, index: number): Place {
    return this.#scope.item(place, index)
  }

  get pump(): Pump {
    return this.#context.pump
  }

  get signalAborted(): boolean {
    return this.#scope.abort.aborted
  }

  get activation(): object {
    return this.#context
  }

  get draws(): readonly string[] {
    return this.#scope.draws
  }

  service<T>(key: ServiceKey<T>): T {
    if (!this.#context.services.has(key.service))
      throw new TuttiError('CONFIG_INVALID', `this app provides no '${key.service}'`, { hint: 'Start the flow through `tutti({ flows })`.' })
    return this.#context.services.get(key.service) as T
  }

  offered<T>(key: ServiceKey<T>): T | undefined {
    return this.#context.services.get(key.service) as T | undefined
  }

  declare(kind: StepKind, declared: Declared): void {
    declareIn(this.#scope, kind, declared)
  }

  left(): ReturnType<RunCore['left']> {
    return this.#context.pump.activation.left(this.#scope.draws)
  }

  isSent(signal: Signal<never, unknown>): boolean {
    const scope = this.#scope
    scope.checkUse()
    return !scope.apart && this.#context.pump.isSent(scope, signal.name, fingerprintOfSignal)
  }

  async taken<T>(signal: Signal<never, T>): Promise<readonly T[]> {
    const taken: T[] = []
    while (this.isSent(signal)) taken.push((await this.wait(signal as Signal<unknown, unknown>)) as T)
    return taken
  }

  declined(name: string, says: string): void {
    this.#note({ at: name, text: says, data: undefined })
  }

  gathered(value: Json): void {
    this.#context.pump.gathered = value
  }

  refusal(worst: Amounts): Refusal | undefined {
    return this.#context.pump.activation.refusal(this.#scope.draws, worst)
  }

  /** @throws RUN_SCOPE_MISUSED | CONFIG_INVALID */
  #check(name: string): void {
    this.#scope.checkUse()
    checkSegment(name, 'step')
  }

  /** @param what `at`: the name of what it stands for */
  #note(what: { name?: string; text?: string; data: Json | undefined; at?: string }): void {
    this.#scope.checkUse()
    const place = this.#scope.next(what.at ?? (what.name === undefined ? '~note' : `~emit:${what.name}`))
    const fingerprint = hash128(canonical([what.name, what.text, what.data]))
    this.#context.pump.ask(this.#scope, place.key, () => ({ op: 'note', ...place, fingerprint, name: what.name, text: what.text, data: what.data }))
  }

  #armDeadline(child: RunScope, ms: number): Ask {
    const { pump } = this.#context
    const fireAt = Math.min(pump.time + ms, child.deadline ?? Number.POSITIVE_INFINITY)
    child.deadline = fireAt
    const key = `${child.key}/${DEADLINE_KEY}`
    return pump.ask(child, key, () => ({ op: 'timer', key, at: [...child.at, -1], fingerprint: hash128(String(ms)), fireAt }))
  }

  #seed(): string {
    return `${this.#context.chance}|${this.#scope.key}|${this.#scope.draw()}`
  }
}

const CALL = { name: is.text, budget: true, deadline: true, apart: true } as const
const WAIT = { timeout: true, onTimeout: true, data: true } as const

/** Of a wait without a timeout. */
const fingerprintOfSignal = (name: string): string => hashOften(`${name}|`)

class AskedEffect implements EffectOp {
  readonly op = 'effect'
  readonly key: string
  readonly at: readonly number[]
  readonly fingerprint: string
  readonly spec: EffectSpec<unknown>
  readonly draws: readonly string[]
  readonly #ask: Ask

  constructor(ask: Ask, place: Place, spec: EffectSpec<unknown>, draws: readonly string[]) {
    this.#ask = ask
    this.key = place.key
    this.at = place.at
    this.fingerprint = spec.fingerprint
    this.spec = spec
    this.draws = draws
  }
  get signal(): AbortSignal {
    return this.#ask.signal
  }
  get abandoned(): boolean {
    return this.#ask.abandoned
  }
}
