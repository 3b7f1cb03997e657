/**
 * One effect, from the ask to its durable outcome: attempts, holds, retries, doubt.
 *
 * Entries: a `read` that costs nothing is one `step.completed`. Anything else is `step.started` (durable, with its hold) → effect →
 * `step.completed`. A failed attempt that is tried again is `step.failed { final: false }`, durable before the backoff.
 * Invariants: I7 (held, durably, before the call goes out; an attempt with no outcome is settled in full), I8 (a `once` effect that
 * started and has no known outcome is in doubt, and is never repeated on a guess).
 */
import type { Amounts, Refusal } from '../../budget/index.ts'
import { type ErrorRecord, rebuildError, recordError, sayThrown, TuttiError } from '../../errors/index.ts'
import type { Asked, StepStarted } from '../../journal/index.ts'
import { decode, encode, type Failpoint, failpoint, type Json } from '../../primitives/index.ts'
import type { AttemptPlan, Executed, MeteredFailure } from '../effect.port.ts'
import type { EffectOp } from '../engine.port.ts'
import { InsideStep, standing } from '../scope.ts'
import { Attempt, idempotencyKey } from './attempt.ts'
import { AttemptHolds, type Refused } from './attempt-holds.ts'
import { type Draft, split } from './draft.ts'
import type { Beside, PriorAttempts, RunGround } from './ground.port.ts'
import { lostAttempt } from './prior-attempts.ts'
import { Race } from './race.ts'
import { unrecordable } from './unrecordable.ts'

/** So often an effect is tried that fails, and of which its tool knows each time that it did not happen. */
const MOST_REFUTED = 3

type Reconciled = Awaited<ReturnType<NonNullable<EffectOp['spec']['reconcile']>>>

/** Starts an effect. Never throws: what goes wrong becomes its outcome, or ends the activation. */
export function driveEffect(activation: RunGround, op: EffectOp): void {
  new EffectDrive(activation, op).begin()
}

class EffectDrive {
  readonly #activation: RunGround
  readonly #op: EffectOp
  readonly #holds: AttemptHolds
  /** Some entry of this step already says what was asked. */
  #asked: boolean
  #attempt: number
  /** The highest that was begun: of a race another may be the one that counts. */
  #highest: number
  #last: ErrorRecord | undefined
  #waitedFor: Refusal | undefined
  /** What is written with the next entry of this step. */
  #owed: Draft[] | undefined
  /** See `RunGround.decisions`. */
  #decided: () => void = () => {}

  constructor(activation: RunGround, op: EffectOp) {
    const prior = activation.priors.get(op.key)
    this.#activation = activation
    this.#op = op
    this.#holds = new AttemptHolds(activation, op)
    this.#asked = prior !== undefined && prior.isAsked !== false
    this.#attempt = (prior?.attempt ?? 0) + 1
    this.#highest = this.#attempt
    this.#last = prior?.last
  }

  begin(): void {
    const activation = this.#activation
    activation.begin()
    const prior = activation.priors.get(this.#op.key)
    const work = prior ? this.#goOn(prior) : this.#tryOnce()
    if (!work) return activation.finish()
    this.#announce()
    work.then(
      () => {
        this.#decided()
        activation.finish()
      },
      (error) => {
        activation.fail(error)
        activation.finish()
      },
    )
  }

  /** Whether there is something to undo is not known before this has come to its end. */
  #announce(): void {
    if (!this.#op.spec.undo) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#activation.decisions.set(this.#op.key, promise)
    this.#decided = resolve
  }

  /** An effect that an earlier activation began. */
  async #goOn(prior: PriorAttempts): Promise<void> {
    if (prior.open.length > 0) {
      if (this.#op.spec.effect === 'once' || prior.once) {
        this.#attempt = prior.attempt
        return this.#doubt(prior.doubted && prior.last ? prior.last : lostAttempt(this.#op.key, this.#attempt), prior.doubted)
      }
      const [attempt = prior.attempt, ...beside] = prior.open.toReversed()
      this.#last = lostAttempt(this.#op.key, attempt)
      this.#passes('lost attempt found, loss not recorded')
      const settle = this.#holds.settle(attempt, undefined)
      for (const other of beside) this.#owe(other, undefined)
      await this.#append({ type: 'step.failed', key: this.#op.key, attempt, error: this.#last, final: false, settle })
      this.#passes('loss recorded, next attempt not begun')
    }
    if (prior.retryAt !== undefined) await this.#sleepUntil(prior.retryAt)
    await this.#tryOnce()
  }

  /** The next attempt. Without a hold and with a synchronous plan nothing but the work itself is awaited. */
  #tryOnce(): Promise<void> | undefined {
    if (this.#op.abandoned || this.#activation.over) return undefined
    let plan: AttemptPlan<unknown> | Promise<AttemptPlan<unknown>>
    try {
      plan = this.#op.spec.plan(this.#attempt, this.#last)
    } catch (error) {
      return this.#failForGood(recordError(error), undefined, undefined)
    }
    if (plan instanceof Promise) {
      return plan.then(
        (planned) => this.#carryOut(planned),
        (error) => this.#failForGood(recordError(error), undefined, undefined),
      )
    }
    return this.#carryOut(plan)
  }

  /** Until its first `await`, which is where something has to be, nothing comes in between. */
  async #carryOut(plan: AttemptPlan<unknown>): Promise<void> {
    const refused = this.#holds.hold(this.#attempt, plan.hold, plan.advice)
    if (refused) {
      plan.drop?.()
      return this.#refused(refused, plan)
    }
    if (plan.hold || this.#op.spec.effect !== 'read') {
      const started = this.#started(this.#attempt, plan)
      const otherwise = this.#holds.otherwise(started, this.#said(undefined), true)
      this.#asked = true
      this.#passes('attempt planned, intent not recorded')
      try {
        await this.#append(started, otherwise && { otherwise })
      } catch (error) {
        plan.drop?.()
        throw error
      }
      if (otherwise && !otherwise.fits) return plan.drop?.()
      this.#passes(plan.hold ? 'budget held, call not sent' : 'intent recorded, effect not begun')
      if (!this.#activation.lease.holds) await this.#renew()
      // An activation that is over, because another append of it failed, begins nothing any more.
      if (this.#activation.over) return plan.drop?.()
    }
    if (plan.hedge) return this.#race(plan)
    const { clock } = this.#activation
    const begun = clock.now()
    let executed: Executed<unknown>
    try {
      const work = this.#begin(plan)
      executed = work instanceof Promise ? await work : work
    } catch (error) {
      return this.#failed(error, begun)
    }
    await this.#succeeded(executed, begun, plan)
  }

  /** What is planned anew is planned for what is left now. */
  async #refused({ refusal, error }: Refused, plan: AttemptPlan<unknown>): Promise<void> {
    if (refusal && plan.flexible) return this.#tryOnce()
    if (refusal?.policy !== 'ask') return this.#failForGood(recordError(error), undefined, undefined)
    await this.#activation.untilRoom(this.#op.key, refusal)
    this.#waitedFor = refusal
    await this.#tryOnce()
  }

  #started(attempt: number, { label, hold, exhausted = this.#lateness() }: AttemptPlan<unknown>): StepStarted {
    const { spec, draws } = this.#op
    const draft = { ...this.#whatWasAsked(label), type: 'step.started', attempt, hold, draws: draws.length > 0 ? draws : undefined } as const
    return { ...draft, exhausted, standing: (hold && this.#activation.standing.apply) || undefined, undo: spec.undo && true }
  }

  /** That it is made only now. */
  #lateness(): AttemptPlan<unknown>['exhausted'] {
    const waitedFor = this.#waitedFor
    this.#waitedFor = undefined
    return waitedFor && { account: waitedFor.account, limit: waitedFor.limit, policy: 'ask', did: 'waited until there was room' }
  }

  /** I2 reaches to what is done outside: a process that stood still between the intent and the effect asks first whether the run is still its own. */
  async #renew(): Promise<void> {
    const lost = await this.#activation.lease.renew()
    if (lost) this.#activation.fail(lost)
  }

  /** The work itself, cut off when it takes too long. */
  #begin(plan: AttemptPlan<unknown>): Executed<unknown> | Promise<Executed<unknown>> {
    const ctx = new Attempt(this.#activation, this.#op, this.#attempt, this.#activation.identityOf(this.#op))
    if (this.#attempt > 1) ctx.stream({ type: 'reset' })
    // A model is asked by no code of the flow's, which is what it is for to know where it stands.
    const work = this.#op.spec.kind === 'model' ? plan.execute(ctx) : standing.run(new InsideStep(this.#op.key), () => plan.execute(ctx))
    return work instanceof Promise ? ctx.limited(work) : work
  }

  /** Attempts beside one another; the one that decides it is carried on with as if it had been alone. */
  async #race(plan: AttemptPlan<unknown>): Promise<void> {
    const race = new Race(this.#activation, this.#op, {
      begin: (attempt, beside) => this.#beginBeside(attempt, beside),
      failed: (attempt, thrown, begun) => this.#failedBeside(attempt, thrown, begun),
    })
    const end = await race.run(this.#attempt, plan)
    this.#attempt = end.attempt
    for (const { attempt, settle } of end.cut) this.#owe(attempt, settle)
    return 'executed' in end ? this.#succeeded(end.executed, end.begun, end.plan) : this.#failed(end.thrown, end.begun)
  }

  /** False when the budget has no room for it. */
  async #beginBeside(attempt: number, plan: AttemptPlan<unknown>): Promise<boolean> {
    if (this.#holds.hold(attempt, plan.hold) || this.#holds.overrun) return false
    this.#highest = attempt
    const started = this.#started(attempt, plan)
    const otherwise = this.#holds.otherwise(started, this.#said(undefined), false)
    await this.#activation.append([started], { otherwise })
    return otherwise?.fits ?? true
  }

  /** One of a race failed, and others go on. */
  #failedBeside(attempt: number, thrown: unknown, begun: number): Promise<void> {
    const metered = isMetered(thrown) ? thrown : undefined
    const error = recordError(metered ? metered.error : thrown)
    const settle = this.#holds.settle(attempt, metered?.settle)
    return this.#activation.append([{ type: 'step.failed', key: this.#op.key, attempt, error, final: false, settle, ms: this.#since(begun) }])
  }

  /** An attempt that nobody waits for any more; what it used is written with the next entry. */
  #owe(attempt: number, actual: Amounts | undefined): void {
    const settle = this.#holds.settle(attempt, actual)
    if (settle) this.#owed = [...(this.#owed ?? []), { type: 'budget.settled', key: this.#op.key, attempt, settle }]
  }

  #succeeded(executed: Executed<unknown>, begun: number, plan: AttemptPlan<unknown>): Promise<void> {
    this.#passes('effect done, outcome not recorded')
    let json: Json
    try {
      json = encode(executed.value)
    } catch (error) {
      return this.#failForGood(recordError(unrecordable(error, this.#op)), this.#holds.settle(this.#attempt, executed.settle), begun)
    }
    const settle = executed.settle ?? plan.hold
    this.#holds.settle(this.#attempt, settle)
    const { overrun } = this.#holds
    if (overrun) return this.#failForGood(recordError(overrun), settle, begun)
    const { value, blobs } = split(json)
    const attempt = this.#attempt > 1 ? this.#attempt : undefined
    const draft: Draft = { ...this.#said(plan.label), type: 'step.completed', attempt, value, settle, ms: this.#since(begun) }
    return this.#append(draft, blobs && { blobs })
  }

  async #failed(thrown: unknown, begun: number): Promise<void> {
    this.#passes('attempt failed, failure not recorded')
    const metered = isMetered(thrown) ? thrown : undefined
    const cause = metered ? metered.error : thrown
    const error = recordError(cause)
    const { spec } = this.#op
    if (spec.effect === 'once' && error.code !== 'TOOL_NOT_DONE') return this.#doubt(error, false)
    const settle = this.#holds.settle(this.#attempt, metered?.settle)
    const { overrun } = this.#holds
    if (overrun) return this.#failForGood(recordError(overrun), settle, begun)
    const again = this.#op.abandoned ? undefined : spec.retry?.(TuttiError.is(cause) ? cause : rebuildError(error), this.#attempt)
    if (!again) return this.#failForGood(error, settle, begun)
    const retryAt = this.#activation.clock.now() + again.afterMs
    await this.#append(this.#failure(error, settle, begun, retryAt))
    this.#asked = true
    this.#last = error
    this.#attempt = Math.max(this.#attempt, this.#highest) + 1
    this.#passes('failure recorded, backoff not begun')
    await this.#sleepUntil(retryAt)
    this.#passes('backoff over, next attempt not begun')
    await this.#tryOnce()
  }

  #failForGood(error: ErrorRecord, settle: Amounts | undefined, begun: number | undefined): Promise<void> {
    return this.#append(this.#failure(error, settle, begun))
  }

  /** @param retryAt when it is tried again; for good without one */
  #failure(error: ErrorRecord, settle: Amounts | undefined, begun: number | undefined, retryAt?: number): Draft {
    const ms = begun === undefined ? undefined : this.#since(begun)
    const final = retryAt === undefined
    return { ...this.#said(undefined), type: 'step.failed', attempt: this.#attempt, error, final, retryAt, settle, ms }
  }

  /** I8: the hook knows, or a person decides; until then the run waits. */
  async #doubt(why: ErrorRecord, doubted: boolean): Promise<void> {
    const { key } = this.#op
    if (!doubted) this.#passes('doubt found, not recorded')
    if (!doubted) await this.#append({ type: 'step.doubted', key, attempt: this.#attempt, why })
    this.#passes('doubt recorded, tool not asked')
    const known = await this.#reconcile(why)
    if (typeof known === 'object') return this.#known(known, why)
    return this.#askPerson(why, known === 'unknown' ? why.message : `${why.message}; ${known}`)
  }

  /** What was done gave something that fits: a slip of the pen leaves the doubt, and is told to whoever looks next. */
  async #askPerson(why: ErrorRecord, message: string): Promise<void> {
    this.#decided()
    const { id, verdict, value } = await this.#activation.doubt(this.#op.key, { code: why.code, message, attempt: this.#attempt })
    this.#announce()
    const json = value === undefined ? encode(undefined) : await this.#activation.load(value)
    const misfit = verdict === 'done' ? await this.#op.spec.misfit?.(decode(json)) : undefined
    if (misfit === undefined) return this.#resolve('person', verdict === 'done' ? { json } : undefined, [id])
    const again = { code: why.code, message: `${why.message}; somebody said that it was done, but ${misfit}` }
    await this.#activation.append([{ type: 'step.doubted', key: this.#op.key, attempt: this.#attempt, why: again }], { taken: [id] })
    return this.#askPerson(why, again.message)
  }

  /**
   * A call that a process took with it may still be on its way, so its tool is asked once its time is over; of a step that can be undone also when nobody wants its
   * outcome any more. A hook that fails knows nothing, and whoever decides is told of it.
   */
  async #reconcile(why: ErrorRecord): Promise<Reconciled | string> {
    const { spec } = this.#op
    if (!spec.reconcile) return 'unknown'
    if (why.code === 'ATTEMPT_LOST' && spec.timeoutMs !== undefined)
      await this.#sleepUntil(this.#activation.resumedAt + spec.timeoutMs, { wanted: spec.undo !== undefined })
    try {
      return await spec.reconcile(idempotencyKey(this.#activation, this.#activation.identityOf(this.#op)))
    } catch (error) {
      return `its reconcile failed: ${sayThrown(error).message}`
    }
  }

  /** What failed by itself and did not happen fails like this again: it is tried a few times, and not for ever. */
  async #known(known: Exclude<Reconciled, 'unknown'>, why: ErrorRecord): Promise<void> {
    if (!known.done) return this.#resolve('hook', undefined, undefined, why.code === 'ATTEMPT_LOST' || this.#attempt < MOST_REFUTED ? undefined : why)
    let json: Json
    try {
      json = encode(known.value)
    } catch (error) {
      return this.#failForGood(recordError(unrecordable(error, this.#op)), this.#holds.settle(this.#attempt, undefined), undefined)
    }
    return this.#resolve('hook', { json })
  }

  /** @param done what it gave, when it was done  @param taken the message that said so  @param failure what it ends with, when it was not */
  async #resolve(by: 'hook' | 'person', done: { readonly json: Json } | undefined, taken?: readonly string[], failure?: ErrorRecord): Promise<void> {
    const { key } = this.#op
    const settle = this.#holds.settle(this.#attempt, undefined)
    this.#passes('verdict known, not recorded')
    if (done) {
      const { value, blobs } = split(done.json)
      await this.#activation.append([{ type: 'step.resolved', key, attempt: this.#attempt, by, verdict: 'done', value }], { blobs, taken })
      return
    }
    await this.#activation.append([{ type: 'step.resolved', key, attempt: this.#attempt, by, verdict: 'not-done' }], { taken })
    this.#passes('refutation recorded, hold not settled')
    if (settle) await this.#append({ type: 'budget.settled', key, attempt: this.#attempt, settle })
    if (failure) return this.#failForGood(failure, undefined, undefined)
    this.#attempt++
    await this.#sleepUntil(this.#activation.clock.now())
    await this.#tryOnce()
  }

  /** The first entry of a step says what was asked; those after it name it. */
  #said(label: Json | undefined): Asked | { readonly key: string } {
    return this.#asked ? { key: this.#op.key } : this.#whatWasAsked(label)
  }

  /** What is left undefined is not written. */
  #whatWasAsked(label: Json | undefined): Asked {
    const { key, at, fingerprint, spec } = this.#op
    const { tunable, kind, effect } = spec
    return {
      key,
      at,
      fingerprint,
      tunable,
      kind: kind === 'code' ? undefined : kind,
      effect: effect === 'read' ? undefined : effect,
      label: label ?? spec.label,
    }
  }

  #passes(name: Failpoint): void {
    failpoint(name, this.#activation.run, this.#op.key)
  }

  /** Less than a millisecond is not written. */
  #since(begun: number): number | undefined {
    return this.#activation.clock.now() - begun || undefined
  }

  /** Together with what is owed. */
  #append(draft: Draft, beside?: Beside): Promise<void> {
    const owed = this.#owed
    if (!owed) return this.#activation.append([draft], beside)
    this.#owed = undefined
    return this.#activation.append([draft, ...owed], beside)
  }

  #sleepUntil(at: number, o: { readonly wanted?: boolean } = {}): Promise<void> {
    return this.#activation.pause.untilTurn(at, this.#op, o)
  }
}

const isMetered = (thrown: unknown): thrown is MeteredFailure => typeof thrown === 'object' && thrown !== null && '~metered' in thrown
