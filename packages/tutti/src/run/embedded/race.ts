/**
 * Attempts at one effect beside one another (a hedge): another is begun when those under way have given no sign of an answer for a while. The first that gives one, or
 * ends well, goes on alone; the others are cut off, and paid for.
 *
 * Owns: the attempts of one race, their signals, the alarm of the next. Does not own: holds, entries (the effect's, through `Track`).
 * Invariants: parts of one attempt only are shown; one attempt decides; every other that was begun has failed (and is recorded so), or is among those cut off.
 * On a crash all that were open are lost, and settled in full (`prior-attempts.ts`).
 */
import type { Amounts } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import type { AttemptPlan, EffectContext, Executed, MeteredFailure, StreamPart } from '../effect.port.ts'
import type { EffectOp } from '../engine.port.ts'
import { InsideStep, standing } from '../scope.ts'
import { Attempt } from './attempt.ts'
import type { RunGround } from './ground.port.ts'

type Plan = AttemptPlan<unknown>

/** What the effect does for its attempts. */
export interface Track {
  /** Holds for another attempt, and records its intent. False when the budget has no room for it. */
  begin(attempt: number, plan: Plan): Promise<boolean>
  /** Records a failure that others outlast. */
  failed(attempt: number, thrown: unknown, begun: number): Promise<void>
}

/** `settle` is what it is known to have used. */
interface Cut {
  readonly attempt: number
  readonly settle: Amounts | undefined
}

/** The attempt that decided the race, and how; those that were cut off for it. */
export type RaceEnd = { readonly attempt: number; readonly begun: number; readonly cut: readonly Cut[] } & (
  | { readonly executed: Executed<unknown>; readonly plan: Plan }
  | { readonly thrown: unknown }
)

class Runner {
  readonly controller = new AbortController()
  used: Amounts | undefined
  cut = false

  readonly attempt: number
  readonly plan: Plan
  readonly begun: number

  constructor(attempt: number, plan: Plan, begun: number) {
    this.attempt = attempt
    this.plan = plan
    this.begun = begun
  }
}

export class Race {
  readonly #ground: RunGround
  readonly #op: EffectOp
  readonly #track: Track
  readonly #running = new Set<Runner>()
  readonly #cut: Runner[] = []
  readonly #end = Promise.withResolvers<RaceEnd>()
  #highest = 0
  #over = false
  /** One has shown something: no other is begun. */
  #led = false
  /** Another attempt is being recorded. */
  #beginning: Promise<boolean> | undefined
  #forgetNext: () => void = () => {}

  constructor(ground: RunGround, op: EffectOp, track: Track) {
    this.#ground = ground
    this.#op = op
    this.#track = track
  }

  /** The first attempt is held and recorded already. */
  run(attempt: number, plan: Plan): Promise<RaceEnd> {
    if (attempt > 1) this.#show(attempt, { type: 'reset' })
    this.#start(attempt, plan)
    return this.#end.promise
  }

  #start(attempt: number, plan: Plan): void {
    this.#highest = attempt
    const runner = new Runner(attempt, plan, this.#ground.clock.now())
    this.#running.add(runner)
    if (plan.hedge && !this.#over) this.#setNext(plan.hedge.afterMs, plan.hedge.plan)
    const work = standing.run(new InsideStep(this.#op.key), async () => plan.execute(this.#contextOf(runner)))
    work.then(
      (executed) => this.#answered(runner, executed),
      (thrown) => this.#failed(runner, thrown),
    )
  }

  #contextOf(runner: Runner): EffectContext {
    const { attempt, controller } = runner
    const alone = new Attempt(this.#ground, this.#op, attempt, this.#ground.identityOf(this.#op))
    const { idempotencyKey, scope, heartbeat: live } = alone
    const signal = AbortSignal.any([this.#op.signal, controller.signal])
    const stream = (part: StreamPart): boolean => {
      if (runner.cut) return false
      this.#lead(runner)
      return alone.stream(part)
    }
    // What it says may be kept back until it is accepted: it has begun to answer all the same.
    const heartbeat = (): void => {
      if (!runner.cut) this.#lead(runner)
      live()
    }
    return { signal, idempotencyKey, attempt, scope, heartbeat, stream }
  }

  #setNext(afterMs: number, planNext: () => ReturnType<NonNullable<Plan['hedge']>['plan']>): void {
    const { clock } = this.#ground
    this.#forgetNext = clock.alarm(clock.now() + afterMs, () => void this.#hedge(planNext).catch(() => {}))
  }

  /** A store that fails ends the activation, and with it the race. */
  async #hedge(planNext: () => ReturnType<NonNullable<Plan['hedge']>['plan']>): Promise<void> {
    if (this.#isDecided) return
    const plan = await planNext()
    if (!plan) return
    const attempt = this.#highest + 1
    const isDecided = this.#isDecided
    if (!isDecided) this.#beginning = this.#track.begin(attempt, plan)
    if (isDecided || !(await this.#beginning)) return plan.drop?.()
    this.#beginning = undefined
    if (!this.#isDecided) return this.#start(attempt, plan)
    // Announced it is, so it is accounted for, though it was never begun.
    plan.drop?.()
    const runner = new Runner(attempt, plan, this.#ground.clock.now())
    runner.used = nothingUsed
    this.#cut.push(runner)
  }

  get #isDecided(): boolean {
    return this.#over || this.#led || this.#op.abandoned || this.#ground.over
  }

  /** It shows something: it goes on alone. */
  #lead(runner: Runner): void {
    if (this.#led) return
    this.#led = true
    this.#cutOffAllBut(runner)
  }

  #cutOffAllBut(winner: Runner): void {
    this.#forgetNext()
    for (const runner of this.#running) {
      if (runner === winner) continue
      this.#running.delete(runner)
      runner.cut = true
      this.#cut.push(runner)
      runner.controller.abort(lost)
    }
  }

  #answered(runner: Runner, executed: Executed<unknown>): void {
    runner.used = executed.settle
    if (runner.cut) return
    const { attempt, begun, plan } = runner
    this.#over = true
    this.#cutOffAllBut(runner)
    this.#decide({ attempt, begun, executed, plan })
  }

  #failed(runner: Runner, thrown: unknown): void {
    runner.used = isMetered(thrown) ? thrown.settle : undefined
    if (runner.cut) return
    this.#running.delete(runner)
    const { attempt, begun } = runner
    // Others are under way: theirs is the last word.
    if (this.#running.size > 0) return void this.#track.failed(attempt, thrown, begun).catch(() => {})
    this.#over = true
    this.#forgetNext()
    this.#decide({ attempt, begun, thrown })
  }

  /** Those that were cut off have one turn to say what they used; what they do not say is paid in full. */
  #decide(end: { attempt: number; begun: number } & ({ executed: Executed<unknown>; plan: Plan } | { thrown: unknown })): void {
    const done = (): void => this.#end.resolve({ ...end, cut: this.#cut.map(({ attempt, used }) => ({ attempt, settle: used })) })
    if (this.#beginning) this.#beginning.then(() => setImmediate(done), done)
    else if (this.#cut.length > 0) setImmediate(done)
    else done()
  }

  #show(attempt: number, part: StreamPart): void {
    this.#ground.sight({ type: 'part', run: this.#ground.run, key: this.#op.key, attempt, part })
  }
}

const nothingUsed: Amounts = { microUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }

/** Why an attempt was cut off; nobody sees it. */
const lost = new TuttiError('RUN_CANCELLED', 'another attempt was quicker')

const isMetered = (thrown: unknown): thrown is MeteredFailure => typeof thrown === 'object' && thrown !== null && '~metered' in thrown
