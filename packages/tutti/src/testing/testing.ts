/**
 * `testing()`: an app for tests. Everything is the real thing but the store (memory), the clock (simulated) and the models (given).
 *
 * Owns: the clock, the list of what models were asked, what happens on `advance`.
 * Does not own: the app itself; the same engine, pump and gateway drive it.
 * Invariants: no model is asked for real unless it was handed over here; what is listed in `calls` was sent, not merely replayed.
 */

import { type AppOptions, checkApp } from '../app-options.ts'
import { TuttiError } from '../errors/index.ts'
import { type JournalStore, memoryStore } from '../journal/index.ts'
import { textOf } from '../message/index.ts'
import { checkTokenizer, type Gateway, gateway, type ModelLike, type ModelRequest } from '../model/index.ts'
import { type Clock, type Duration, durationMs, type Failpoint } from '../primitives/index.ts'
import type { AttemptPlan, EffectSpec, Run } from '../run/index.ts'
import { type App, appOn } from '../tutti.ts'
import type { Cassette } from './cassette.ts'
import { MortalStore } from './failpoint-crash.ts'
import { bound } from './failpoint-store.ts'
import { type SimulatedClock, settled, simulatedClock } from './simulated-clock.ts'
import { isTimed } from './timed.ts'

export interface TestOptions extends Omit<AppOptions, 'store' | 'tenants'> {
  /** Stands for every model, also those that agents name. Left out: only models of tutti itself may be asked. */
  model?: ModelLike | undefined
  /** How inputs are counted. Default `'bytes'`: what a budget holds in a test is the same on every machine. */
  tokenizer?: AppOptions['tokenizer']
  /** Go on with the runs of another test app. Default: an empty store. */
  after?: TestApp | undefined
}

/** One question that was sent to a model. */
export interface TestCall {
  readonly agent: string
  /** Instructions and messages as text, tool results included. */
  readonly prompt: string
}

export interface TestApp extends App {
  readonly clock: Pick<Clock, 'now'> & {
    /** Lets time pass: timers, timeouts and deadlines that come due happen in their order, and runs at rest wake. */
    advance(by: Duration): Promise<void>
  }
  /** What models were asked, in order; attempts that failed included, what a replay answered not. */
  readonly calls: readonly TestCall[]
  /**
   * The app ends, as its process would, when it comes to this place for the `pass`th time (default the first); `testing({ after: app })` goes on from what its
   * journals held. Whoever waits for a run of it gets ENGINE_CLOSED. @throws CONFIG_INVALID
   */
  crashAt(failpoint: Failpoint, pass?: number): void
}

/** Where the journals of a test app are, for one that goes on after it. */
const stores = new WeakMap<object, { readonly store: JournalStore; readonly clock: SimulatedClock; readonly gone: Set<string> }>()

/**
 * An app in memory, on a simulated clock, whose models are the one given.
 *
 * @example
 * await using app = testing({ flows: [support], model: scripted(['It comes on Monday.']) })
 * const { output } = await app.run(support, 'Where is order 17?')
 */
export function testing(given: TestOptions): TestApp {
  const { after, ...o } = given ?? {}
  checkApp(o)
  const ground = (after && stores.get(after)) ?? { store: memoryStore(), clock: simulatedClock(), gone: new Set<string>() }
  checkTokenizer(o.tokenizer)
  const calls: TestCall[] = []
  const mortal = new MortalStore(ground.store, ground.gone, () => void app.close({ graceMs: 0 }).catch(() => {}))
  const watched = watchedStore(mortal.store)
  const asked = listening(
    gateway({ prices: o.prices, overrides: o.overrides?.models, tokenizer: o.tokenizer, env: {}, cwd: process.cwd(), clock: ground.clock }),
    o,
    calls,
    ground.clock,
  )
  const standIn = cassetteIn(o.model)?.['~tools']
  const app = appOn(o, { store: watched.store, clock: ground.clock, gateway: asked, standIn })
  const advance = (by: Duration): Promise<void> => advanceAll(ground.clock, ground.store, watched.changed, durationMs(by))
  const close = (how?: { graceMs?: number }): Promise<void> => app.close(how).finally(() => mortal.forget())
  const made: TestApp = {
    ...app,
    clock: { now: () => ground.clock.now(), advance },
    calls,
    crashAt: (failpoint, pass = 1) => mortal.crashAt(failpoint, pass),
    close,
    [Symbol.asyncDispose]: () => close(),
  }
  stores.set(made, ground)
  return made
}

/** The store, and how to tell the engine over it that something may have changed. It stays open: another app may go on with it. */
function watchedStore(store: JournalStore): { store: JournalStore; changed: () => void } {
  const watchers = new Set<() => void>()
  const watch = (changed: () => void): (() => void) => {
    watchers.add(changed)
    const unwatch = store.watch(changed)
    return () => {
      watchers.delete(changed)
      unwatch()
    }
  }
  return {
    store: { ...bound(store), watch, close: async () => {} },
    changed: () => {
      for (const changed of watchers) changed()
    },
  }
}

/**
 * Timers of runs in memory are alarms of the clock; a run at rest has only its `wakeAt`, which the engine looks at when it is told to. So time passes from
 * one instant at which something is due to the next.
 */
async function advanceAll(clock: SimulatedClock, store: JournalStore, changed: () => void, ms: number): Promise<void> {
  const until = clock.now() + ms
  for (let next = clock.now(); ; ) {
    changed()
    await settled()
    const due = await nextDue(clock, store)
    if (next >= until && due > until) return
    next = Math.min(due, until)
    await clock.advance(Math.max(0, next - clock.now()))
  }
}

async function nextDue(clock: SimulatedClock, store: JournalStore): Promise<number> {
  const resting = await store.list({ status: ['waiting'], limit: 10_000 })
  // What is overdue and still at rest is of a flow that this app does not have.
  const wakeAts = resting.flatMap(({ wakeAt }) => (wakeAt !== undefined && wakeAt > clock.now() ? [wakeAt] : []))
  return Math.min(clock.nextAt ?? Number.POSITIVE_INFINITY, ...wakeAts)
}

/** The gateway, with every question put to the model of the test, and listed once it is sent. */
function listening(inner: Gateway, o: TestOptions, calls: TestCall[], clock: Clock): Gateway {
  return {
    unitPrice: (id, unit) => inner.unitPrice?.(id, unit),
    embed(run, question) {
      if (typeof question.model === 'string') refuseRealEmbedding(question.model)
      return (inner.embed as NonNullable<Gateway['embed']>)(run, question)
    },
    ask(run, question) {
      const model = o.model ?? question.model ?? 'tutti/extractive'
      if (question.insteadOfAll !== undefined) refuseReal(question.insteadOfAll, question.agent)
      else if (o.model === undefined && o.overrides?.models?.[question.agent] === undefined) refuseReal(model, question.agent)
      for (const each of [question.insteadOfAll ?? model, o.overrides?.models?.[question.agent]]) onClock(each, clock)
      const later = o.model === undefined ? question.later : undefined
      if (later) refuseReal(later.model, question.agent)
      const call: TestCall = { agent: question.agent, prompt: promptOf(question.request) }
      return inner.ask(
        overheard(run, () => calls.push(call)),
        { ...question, model, later },
      )
    },
  }
}

/** The cassette that stands for every model, with whatever policies around it. */
function cassetteIn(model: ModelLike | undefined): Cassette | undefined {
  if (typeof model !== 'object' || Array.isArray(model)) return undefined
  if ('~tools' in model) return model as Cassette
  return cassetteIn((model as { '~policy'?: { of: ModelLike } })['~policy']?.of)
}

/** Whatever takes its time in a test takes it on the clock of the test. */
function onClock(model: ModelLike | undefined, clock: Clock): void {
  if (Array.isArray(model)) for (const each of model as readonly ModelLike[]) onClock(each, clock)
  else if (isTimed(model)) model['~on'](clock)
  else if (typeof model === 'object') onClock((model as { '~policy'?: { of: ModelLike } })['~policy']?.of, clock)
}

/** The run, with every effect that is asked through it telling when it is carried out. */
function overheard(run: Run, hear: () => void): Run {
  const core = run['~core']
  const ask = <T>(spec: EffectSpec<T>): Promise<T> => core.ask({ ...spec, plan: async (attempt, last) => heard(await spec.plan(attempt, last), hear) })
  return overlay(run, { '~core': overlay(core, { ask }) })
}

function heard<T>(plan: AttemptPlan<T>, hear: () => void): AttemptPlan<T> {
  return {
    ...plan,
    execute: (context) => {
      hear()
      return plan.execute(context)
    },
  }
}

/** `target` with some of its properties replaced; the others keep their own `this`. */
function overlay<T extends object>(target: T, over: Partial<T>): T {
  return new Proxy(target, {
    get(from, key) {
      if (Object.hasOwn(over, key)) return over[key as keyof T]
      const value: unknown = Reflect.get(from, key, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
}

/** @throws CONFIG_INVALID for a model that would go over the network */
function refuseReal(model: ModelLike, agent: string): void {
  if (Array.isArray(model)) {
    for (const link of model as readonly ModelLike[]) refuseReal(link, agent)
    return
  }
  const of = (model as { '~policy'?: { of: ModelLike } })['~policy']?.of
  if (of !== undefined) return refuseReal(of, agent)
  if (typeof model === 'string' ? model.startsWith('tutti/') : '~model' in (model as object)) return
  const id = typeof model === 'string' ? model : ((model as { modelId?: string }).modelId ?? 'a model')
  throw new TuttiError('CONFIG_INVALID', `the agent '${agent}' would ask '${id}' for real`, {
    hint: 'Give testing() a `model`, e.g. scripted([...]); it stands for every model.',
  })
}

/** @throws CONFIG_INVALID */
function refuseRealEmbedding(id: string): never {
  throw new TuttiError('CONFIG_INVALID', `an index would ask '${id}' for real`, { hint: 'Give the index of a test a model object of its own, with `doEmbed`.' })
}

function promptOf({ system, messages }: ModelRequest): string {
  const lines = messages.map((message) => {
    const told = message.parts.flatMap((part) => {
      if (part.type === 'tool-call') return [`${part.tool}(${JSON.stringify(part.input)})`]
      return part.type === 'tool-result' ? [typeof part.output === 'string' ? part.output : JSON.stringify(part.output)] : []
    })
    return `${message.role}: ${[textOf(message), ...told].filter(Boolean).join('\n')}`
  })
  return [...(system === undefined ? [] : [`system: ${system}`]), ...lines].join('\n')
}
