/**
 * An activation whose run is seeded with a record: what that record still answers is not done, but handed out.
 *
 * Owns: which answers are held back, and which asks, until it is their turn. Does not own: what the record answers (the seed's), anything durable.
 * Invariants: I4, for a seed: as long as nothing delivered here differs from the record, outcomes are handed out in the order of the record. What is done again
 * is begun when nothing else is left to hand out, and what comes after it there waits for it; what the record does not know of is begun after that. Once
 * something differs, nothing is held back. For a person, or a signal, nothing ever waits.
 * On a crash: what was handed out is in the record of this run; the rest is asked of the seed again.
 */
import type { Json } from '../../primitives/index.ts'
import type { Activation, EffectOp, Op, Outcome, OutcomeTaker, RunResult } from '../engine.port.ts'
import { isOutcome } from '../record.ts'
import type { EmbeddedActivation } from './activation.ts'
import type { Draft } from './draft.ts'
import { isGoOn, type Seed } from './seed-answers.ts'

interface Held {
  readonly key: string
  readonly position: number
  readonly drafts: readonly Draft[]
}

export class SeededActivation implements Activation {
  readonly started: Activation['started']
  readonly record: Activation['record']
  readonly #inner: EmbeddedActivation
  readonly #seed: Seed
  #held: Held[] = []
  /** Effects whose outcome the record holds and that are done again all the same, and those that it does not know: not begun yet. */
  #again: EffectOp[] = []
  #unknown: EffectOp[] = []
  /** Asks that are being done again, and the place their outcome had. */
  readonly #under = new Map<string, number>()
  /** What is to be said of asks that were begun before. */
  readonly #begunBefore = new Map<string, readonly Draft[]>()
  #time: number
  /** The last place whose outcome was handed out, and those that were handed out and not delivered yet. */
  #handedOut = -1
  readonly #onTheWay = new Set<string>()
  #begun = false
  #awaited = false

  constructor(inner: EmbeddedActivation, seed: Seed) {
    this.#inner = inner
    this.#seed = seed
    this.started = inner.started
    this.record = inner.record
    this.#time = inner.started.time
  }

  submit(op: Op): void {
    this.#begin()
    if (op.op === 'note' || op.op === 'mark' || this.#inner.knows(op.key)) this.#do(op)
    else this.#answer(op)
    // A flow that asks later than its turn, because it loaded something, finds the pump waiting.
    if (this.#awaited) process.nextTick(() => this.#handOut())
  }

  next(taker: OutcomeTaker): void {
    this.#begin()
    this.#handOut()
    this.#awaited = true
    this.#inner.next({
      take: (outcome) => {
        this.#awaited = false
        if ('key' in outcome) {
          this.#onTheWay.delete(outcome.key as string)
          this.#under.delete(outcome.key as string)
        }
        this.#saw(outcome)
        taker.take(outcome)
      },
      fail: (error) => taker.fail(error),
    })
  }

  isSent(signal: string, asked: Parameters<Activation['isSent']>[1]): boolean {
    const { key, fingerprint } = asked()
    return this.#seed.told(key, fingerprint) || this.#inner.isSent(signal)
  }

  abandon(key: string): void {
    this.#seed.order.abandon(key)
    this.#under.delete(key)
    this.#held = this.#held.filter((held) => held.key !== key)
    this.#again = this.#again.filter((op) => op.key !== key)
    this.#unknown = this.#unknown.filter((op) => op.key !== key)
    this.#inner.abandon(key)
  }

  load(value: Parameters<Activation['load']>[0]): Json | Promise<Json> {
    return this.#inner.load(value)
  }

  openAccount(path: string, budget: unknown): void {
    this.#inner.openAccount(path, budget)
  }

  left(draws: readonly string[]): ReturnType<Activation['left']> {
    return this.#inner.left(draws)
  }

  refusal(...given: Parameters<Activation['refusal']>): ReturnType<Activation['refusal']> {
    return this.#inner.refusal(...given)
  }

  async end(result: RunResult): Promise<void> {
    const left = this.#seed.leftOver?.(result.status === 'completed') ?? []
    if (left.length > 0) await this.#inner.append(left)
    await this.#inner.end(result)
  }

  stop(error: Parameters<Activation['stop']>[0]): Promise<void> {
    return this.#inner.stop(error)
  }

  /** What an earlier activation handed out, and what came of the rest. */
  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    for (const entry of this.record) if (isOutcome(entry)) this.#saw(entry)
    for (const { position, draft } of this.#seed.unasked?.() ?? []) this.#hold({ key: '', position, drafts: [draft] })
  }

  #saw(outcome: Outcome): void {
    this.#seed.order.delivered(outcome)
    this.#time = ('reused' in outcome ? outcome.reused?.time : undefined) ?? outcome.time
  }

  #answer(op: Exclude<Op, { op: 'note' | 'mark' }>): void {
    const { order } = this.#seed
    const answer = this.#seed.answer(op, this.#time)
    const position = order.positionOf(op.key)
    if (answer && !isGoOn(answer)) {
      if (order.differs) this.#append(answer)
      else this.#hold({ key: op.key, position: position ?? Number.POSITIVE_INFINITY, drafts: answer })
      return
    }
    if (answer?.prior) this.#inner.priors.set(op.key, answer.prior)
    if (answer) this.#begunBefore.set(op.key, answer.begun)
    const asked = answer?.op ?? op
    if (asked.op !== 'effect' || order.differs) this.#do(asked)
    else if (position === undefined) this.#unknown.push(asked)
    else this.#again.push(asked)
  }

  #do(op: Op): void {
    const position = this.#seed.order.positionOf(op.key)
    if (op.op !== 'wait' && position !== undefined) this.#under.set(op.key, position)
    const begun = this.#begunBefore.get(op.key) ?? []
    if (begun.length > 0) this.#append(begun)
    this.#inner.submit(op)
  }

  #hold(held: Held): void {
    const behind = this.#held.findIndex(({ position }) => position > held.position)
    if (behind === -1) this.#held.push(held)
    else this.#held.splice(behind, 0, held)
  }

  /** Everything whose turn it is. */
  #handOut(): void {
    if (this.#inner.over) return
    if (this.#seed.order.differs) return this.#letGo()
    const due = this.#due()
    if (due.length > 0) {
      this.#held.splice(0, due.length)
      this.#handedOut = (due.at(-1) as Held).position
      for (const { key } of due) this.#onTheWay.add(key)
      return this.#append(due.flatMap(({ drafts }) => drafts))
    }
    if (this.#onTheWay.size > 0) return
    this.#inner.open()
    if (this.#again.length > 0) this.#again.splice(0).forEach((op) => void this.#do(op))
    else if (this.#under.size === 0) this.#unknown.splice(0).forEach((op) => void this.#do(op))
  }

  /** The held outcomes that follow one another in the record; else, with nothing before it under way, the first of them alone. */
  #due(): readonly Held[] {
    const { order } = this.#seed
    let count = 0
    let last = this.#handedOut
    for (; count < this.#held.length && (this.#held[count] as Held).position === order.after(last); count++) last = (this.#held[count] as Held).position
    if (count > 0) return this.#held.slice(0, count)
    const [first] = this.#held
    if (!first || this.#onTheWay.size > 0) return []
    const before = [...this.#under.values(), ...this.#again.map(({ key }) => order.positionOf(key) ?? 0)]
    return before.some((position) => position < first.position) ? [] : [first]
  }

  #letGo(): void {
    const held = this.#held
    this.#held = []
    if (held.length > 0) this.#append(held.flatMap(({ drafts }) => drafts))
    for (const op of [...this.#again.splice(0), ...this.#unknown.splice(0)]) this.#do(op)
    this.#inner.open()
  }

  /** A failed append has already ended the activation, and whoever waits hears of it through `next`. */
  #append(drafts: readonly Draft[]): void {
    this.#inner.append(drafts).catch(() => {})
  }
}
