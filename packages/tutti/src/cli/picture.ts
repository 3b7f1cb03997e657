/**
 * A run as its journal tells it: a tree of steps, what they took and used, where it stands. A reading: it grows entry by entry, live or afterwards, and
 * owns nothing.
 */
import { type Amounts, type Budget, nothing, sayNoRoom, sum } from '../budget/index.ts'
import type { ErrorRecord } from '../errors/index.ts'
import type { Entry, EntryOf, RunStatus, StepKind, Value } from '../journal/index.ts'
import type { Json } from '../primitives/index.ts'
import { cancellation } from '../run/index.ts'

/** `scope`: nothing is recorded of it but what is inside; `undone`: its run ended otherwise than well, and took it back; `left`: it could not; `open`: the run ended first. */
export type StepState = 'scope' | 'running' | 'retrying' | 'waiting' | 'doubted' | 'done' | 'failed' | 'noted' | 'undone' | 'left' | 'open'

export interface Step {
  readonly key: string
  /** The last part of the key. */
  readonly name: string
  readonly children: Step[]
  kind: StepKind
  state: StepState
  /** Epoch ms. */
  begun: number | undefined
  ended: number | undefined
  attempts: number
  used: Amounts
  /** What its attempt under way holds. */
  held: Amounts | undefined
  label: Json | undefined
  /** Failed attempts, the final one included. */
  readonly failures: ErrorRecord[]
  /** What it waits for, or what was noted. */
  remark: string | undefined
  /** Which limit it waits for, where it waits for a grant. */
  limit?: string | undefined
  value: Value | undefined
}

export class RunPicture {
  readonly steps: Step[] = []
  readonly #byKey = new Map<string, Step>()
  run = ''
  flow = ''
  version = ''
  input: Value | undefined
  output: Value | undefined
  budget: Budget | undefined
  /** Epoch ms. */
  deadline: number | undefined
  begun = 0
  /** The time of the last entry. */
  last = 0
  /** The key of the last step that an entry spoke of. */
  latest = ''
  status: RunStatus = 'running'
  /** Why it is suspended, cancelled or failed. */
  error: ErrorRecord | undefined
  /** Why it was paused, while it is. */
  pausedFor: string | undefined
  activations = 0
  used: Amounts = nothing
  activeMs: number | undefined

  get ended(): boolean {
    return this.status === 'completed' || this.status === 'failed' || this.status === 'cancelled'
  }

  /** What attempts under way could still use. */
  get held(): Amounts {
    let held = nothing
    for (const step of this.#byKey.values()) if (step.held) held = sum(held, step.held)
    return held
  }

  step(key: string): Step | undefined {
    return this.#byKey.get(key)
  }

  all(): Iterable<Step> {
    return this.#byKey.values()
  }

  take(entry: Entry): void {
    this.last = entry.time
    if (entry.type.startsWith('run.')) this.#takeRun(entry)
    else this.#takeStep(entry)
  }

  #takeRun(entry: Entry): void {
    switch (entry.type) {
      case 'run.started':
        this.run = entry.run
        this.flow = entry.flow
        this.version = entry.version
        this.input = entry.input
        this.budget = entry.budget
        this.deadline = entry.deadline
        this.begun = entry.time
        this.activations = 1
        return
      case 'run.patched':
        this.version = entry.to ?? this.version
        return
      case 'run.resumed':
        this.status = 'running'
        this.pausedFor = undefined
        this.activations++
        return
      case 'run.suspended':
        this.status = entry.why === 'waiting' ? 'waiting' : 'suspended'
        this.error = entry.error
        this.pausedFor = entry.why === 'paused' ? (entry.reason ?? '') : undefined
        return
      case 'run.completed':
        this.output = entry.output
        return this.#end('completed', entry.usage)
      case 'run.failed':
        this.error = entry.error
        this.output = entry.partial
        return this.#end('failed', entry.usage)
      case 'run.cancelled':
        this.error = cancellation(entry).toJSON()
        return this.#end('cancelled', entry.usage)
      default:
    }
  }

  /** The usage at the end counts in full what no outcome is known of. */
  #end(status: RunStatus, { usd, activeMs, ...counts }: { readonly usd: number; readonly activeMs: number } & Omit<Amounts, 'microUsd'>): void {
    this.status = status
    this.used = { ...counts, microUsd: Math.round(usd * 1_000_000) }
    this.activeMs = activeMs
    for (const step of this.#byKey.values()) {
      step.held = undefined
      if (step.state === 'waiting') Object.assign(step, { state: 'open', ended: this.last, remark: `left open, waited ${step.remark}` })
    }
  }

  #takeStep(entry: Entry): void {
    switch (entry.type) {
      case 'step.started': {
        const step = this.#asked(entry)
        if (entry.exhausted) step.remark = `${entry.exhausted.policy}: ${entry.exhausted.did}`
        else if (step.state === 'waiting') step.remark = undefined
        step.state = 'running'
        step.begun ??= entry.time
        step.attempts = entry.attempt
        step.held = entry.hold
        return
      }
      case 'step.completed': {
        const step = this.#asked(entry)
        step.attempts = entry.attempt ?? 1
        step.value = entry.value
        return this.#settle(step, 'done', entry)
      }
      case 'step.failed': {
        const step = this.#asked(entry)
        step.attempts = entry.attempt
        step.failures.push(entry.error)
        return this.#settle(step, entry.final ? 'failed' : 'retrying', entry)
      }
      default:
        this.#takeOther(entry)
    }
  }

  #takeOther(entry: Entry): void {
    switch (entry.type) {
      case 'step.doubted':
        return this.#change(entry.key, 'doubted', { remark: entry.why.message })
      case 'step.resolved':
        return this.#change(entry.key, entry.verdict === 'done' ? 'done' : 'running', {
          ended: entry.time,
          remark: `resolved by ${entry.by}`,
          ...(entry.value === undefined ? {} : { value: entry.value }),
        })
      case 'step.compensated':
        return this.#compensated(entry)
      case 'budget.settled':
        this.#spend(this.#at(entry.key), entry.settle)
        return
      case 'budget.granted':
        if (entry.key === '') this.budget = raised(this.budget, entry.more)
        return
      case 'budget.exhausted':
        return this.#change(entry.key, 'waiting', { begun: this.#at(entry.key).begun ?? entry.time, remark: sayExhausted(entry), limit: entry.limit })
      case 'timer.set':
        return this.#change(entry.key, 'waiting', { begun: entry.time, remark: `until ${new Date(entry.fireAt).toISOString()}` })
      case 'signal.awaited':
        return this.#change(entry.key, 'waiting', { begun: entry.time, remark: `for the signal '${entry.signal}'` })
      case 'timer.fired':
        if (this.#byKey.has(entry.key)) this.#change(entry.key, 'done', { ended: entry.time, remark: undefined })
        return
      case 'signal.refused':
        return this.#change(entry.key, 'waiting', { remark: `for the signal '${entry.signal}'; '${entry.id}' was refused: ${entry.error.message}` })
      case 'signal.received':
        if (entry.key !== undefined) this.#change(entry.key, 'done', { ended: entry.time, remark: undefined, value: entry.value })
        return
      case 'note':
        return this.#change(entry.key, 'noted', { begun: entry.time, ended: entry.time, remark: entry.text ?? entry.name, value: entry.data })
      default:
    }
  }

  /** How long the step itself took stays. */
  #compensated({ key, error, final, attempt }: EntryOf<'step.compensated'>): void {
    const remark = error && `${error.code}: ${error.message}`
    if (!remark) return this.#change(key, 'undone', { remark: attempt === undefined ? 'undone' : `undone, ${attempt} attempts` })
    if (final === false) return this.#change(key, this.#at(key).state, { remark: `not undone yet: ${remark}` })
    this.#change(key, 'left', { remark: `not undone: ${remark}` })
  }

  #settle(step: Step, state: StepState, entry: { readonly time: number; readonly ms?: number | undefined; readonly settle?: Amounts | undefined }): void {
    step.state = state
    step.begun ??= entry.time - (entry.ms ?? 0)
    step.ended = entry.time
    step.held = undefined
    if (entry.settle) this.#spend(step, entry.settle)
  }

  #spend(step: Step, used: Amounts): void {
    step.used = sum(step.used, used)
    this.used = sum(this.used, used)
  }

  #asked(entry: { readonly key: string; readonly kind?: StepKind | undefined; readonly label?: Json | undefined }): Step {
    const step = this.#at(entry.key)
    if (entry.kind) step.kind = entry.kind
    if (entry.label !== undefined) step.label = entry.label
    return step
  }

  #change(key: string, state: StepState, change: Partial<Pick<Step, 'begun' | 'ended' | 'remark' | 'limit' | 'value'>>): void {
    Object.assign(this.#at(key), change, { state })
  }

  #at(key: string): Step {
    this.latest = key
    return this.#find(key)
  }

  /** The step of a key; what lies above it is made as scopes. */
  #find(key: string): Step {
    const known = this.#byKey.get(key)
    if (known) return known
    const cut = key.lastIndexOf('/')
    const step: Step = {
      key,
      name: key.slice(cut + 1),
      children: [],
      kind: 'code',
      state: 'scope',
      begun: undefined,
      ended: undefined,
      attempts: 0,
      used: nothing,
      held: undefined,
      label: undefined,
      failures: [],
      remark: undefined,
      value: undefined,
    }
    this.#byKey.set(key, step)
    if (cut < 0) this.steps.push(step)
    else this.#find(key.slice(0, cut)).children.push(step)
    return step
  }
}

/** What a step and everything below it used, and from when to when. */
export interface Extent {
  readonly used: Amounts
  readonly begun: number | undefined
  readonly ended: number | undefined
  /** Something in it is under way. */
  readonly active: boolean
}

export function extentOf(step: Step): Extent {
  const active = step.state === 'running' || step.state === 'retrying' || step.state === 'waiting' || step.state === 'doubted'
  let { used, begun, ended } = { used: step.used, begun: step.begun, ended: active ? undefined : step.ended }
  let anyActive = active
  for (const child of step.children) {
    const inner = extentOf(child)
    used = sum(used, inner.used)
    anyActive ||= inner.active
    begun = least(begun, inner.begun)
    ended = most(ended, inner.ended)
  }
  return { used, begun, ended: anyActive ? undefined : ended, active: anyActive }
}

const least = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b))
const most = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? (a ?? b) : Math.max(a, b))

/** `for a grant: it could use 0.0300 USD, and 0.0120 of the 0.0400 allowed are taken`. */
function sayExhausted(exhausted: EntryOf<'budget.exhausted'>): string {
  const { account } = exhausted
  return `for a grant: it ${sayNoRoom(exhausted, account === '' ? 'the run' : `'${account}'`, { taken: 'taken', digits: 4 })}`
}

/** A grant raises the limits there are. */
function raised(budget: Budget | undefined, more: Budget): Budget | undefined {
  if (!budget) return undefined
  const limits = Object.entries(budget).map(([name, limit]) => [name, typeof limit === 'number' ? limit + (more[name as 'usd'] ?? 0) : limit])
  return Object.fromEntries(limits) as Budget
}
