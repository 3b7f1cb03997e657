/**
 * A limiter: so many requests and tokens in any minute, so many calls at once. Calls that must wait stand in a fair line; nothing is held in the ledger of their
 * run while they do.
 *
 * Owns: the line of this process, and the calls that are under way in it. Does not own: what was taken in the last minute (a `LimitBook`, which processes on one
 * store have in common; each of them asks it for whoever stands first in its own line).
 * Tokens are estimated before the call (a third of the bytes of the input, and what answers came to lately) and put right after it.
 * On a crash what was taken stays taken for a minute.
 */
import { TuttiError } from '../errors/index.ts'
import { type LimitAnswer, type LimitBook, memoryLimits } from '../journal/index.ts'
import type { Clock } from '../primitives/index.ts'
import { FairLine } from './fair-line.ts'
import type { CallOutcome, Guard, GuardedCall, Passage } from './guard.port.ts'
import type { LimitPolicy } from './model.port.ts'

interface Waiter {
  readonly tenant: string
  readonly run: string
  readonly tokens: number
  readonly admitted: (passage: Passage) => void
  readonly refused: (error: unknown) => void
}

/** A tokenizer makes about four bytes of English into a token; of other languages fewer. */
const BYTES_PER_TOKEN = 3
/** Of an answer, before any was seen. */
const FIRST_GUESS = 500
/** How much the last answer counts in what the next one is expected to come to. */
const LATEST = 0.1

export class Limiter implements Guard {
  readonly #policy: LimitPolicy
  readonly #name: string
  readonly #clock: Clock
  readonly #book: LimitBook
  /** Counts in this process, while the book cannot be written. */
  readonly #own = memoryLimits()
  readonly #line = new FairLine<Waiter>()
  #underWay = 0
  #asking = false
  #answerTokens = FIRST_GUESS
  #forgetAlarm: (() => void) | undefined

  /** @param name that of the limit: other processes know it by the same. */
  constructor(policy: LimitPolicy, o: { name: string; clock: Clock; book: LimitBook }) {
    this.#policy = policy
    this.#name = o.name
    this.#clock = o.clock
    this.#book = o.book
  }

  admit(call: GuardedCall): Passage | Promise<Passage> {
    const tokens = this.#estimate(call)
    if (this.#line.length === 0 && !this.#asking && this.#hasRoom) {
      const answer = this.#take(tokens)
      if (!(answer instanceof Promise)) {
        if (answer.taken) return this.#passage(answer.slot, tokens)
        this.#refuseLate(call, answer.waitMs)
      } else return this.#afterAsking(answer, call, tokens)
    }
    return this.#wait(call, tokens)
  }

  /** Nobody waits any more. */
  close(): void {
    this.#forgetAlarm?.()
    for (let waiter = this.#line.served(); waiter; waiter = this.#line.served()) waiter.refused(new TuttiError('ENGINE_CLOSED', 'the app was closed'))
  }

  get #hasRoom(): boolean {
    return this.#underWay < (this.#policy.concurrency ?? Number.POSITIVE_INFINITY)
  }

  /** While the book is asked for one, the others stand in line. */
  async #afterAsking(asked: Promise<LimitAnswer>, call: GuardedCall, tokens: number): Promise<Passage> {
    this.#asking = true
    const answer = await asked.finally(() => {
      this.#asking = false
    })
    if (answer.taken) {
      const passage = this.#passage(answer.slot, tokens)
      this.#serve()
      return passage
    }
    this.#refuseLate(call, answer.waitMs)
    return this.#wait(call, tokens)
  }

  /** @throws MODEL_RATE_LIMITED for a call that must not wait, or not so long */
  #refuseLate({ model, isHedge }: GuardedCall, waitMs: number): void {
    if (!isHedge && waitMs <= (this.#policy.maxWaitMs ?? Number.POSITIVE_INFINITY)) return
    throw usedUp(model, waitMs)
  }

  #wait(call: GuardedCall, tokens: number): Promise<Passage> {
    if (call.isHedge) this.#refuseLate(call, 0)
    const { promise, resolve, reject } = Promise.withResolvers<Passage>()
    const { signal } = call
    const over = (): void => {
      this.#line.leave(waiter)
      waiter.refused(signal.reason)
    }
    const { maxWaitMs } = this.#policy
    const tooLate = (): void => {
      this.#line.leave(waiter)
      waiter.refused(usedUp(call.model, 0))
    }
    const forget = maxWaitMs === undefined ? undefined : this.#clock.alarm(this.#clock.now() + maxWaitMs, tooLate)
    const settled =
      <T>(settle: (value: T) => void) =>
      (value: T): void => {
        forget?.()
        signal.removeEventListener('abort', over)
        settle(value)
      }
    const waiter = { tenant: call.scope.tenant, run: call.run, tokens, admitted: settled(resolve), refused: settled(reject) }
    signal.addEventListener('abort', over, { once: true })
    this.#line.join(waiter)
    if (signal.aborted) over()
    this.#serve()
    return promise
  }

  /** Lets those through whose turn has come. One question to the book at a time, for whoever stands first. */
  #serve(): void {
    while (!this.#asking && !this.#forgetAlarm && this.#hasRoom) {
      const first = this.#line.first()
      if (!first) return
      const answer = this.#take(first.tokens)
      if (answer instanceof Promise) return this.#serveLater(answer, first)
      if (!this.#serveOne(answer, first)) return
    }
  }

  #serveLater(asked: Promise<LimitAnswer>, first: Waiter): void {
    this.#asking = true
    asked.then((answer) => {
      this.#asking = false
      this.#serveOne(answer, first)
      this.#serve()
    })
  }

  /** False when nobody's turn has come. */
  #serveOne(answer: LimitAnswer, asked: Waiter): boolean {
    if (!answer.taken) {
      this.#forgetAlarm = this.#clock.alarm(this.#clock.now() + answer.waitMs, () => {
        this.#forgetAlarm = undefined
        this.#serve()
      })
      return false
    }
    // Whoever it was asked for may be gone; the next may want more or less.
    const waiter = this.#line.served()
    const passage = this.#passage(answer.slot, asked.tokens)
    if (waiter) waiter.admitted(passage)
    else passage.done({ type: 'dropped', made: false })
    return true
  }

  #take(tokens: number): LimitAnswer | Promise<LimitAnswer> {
    const { requestsPerMinute: requests, tokensPerMinute } = this.#policy
    if (requests === undefined && tokensPerMinute === undefined) return { taken: true, slot: 0 }
    const ask = { name: this.#name, most: { requests, tokens: tokensPerMinute }, take: { requests: 1, tokens }, now: this.#clock.now() }
    const answer = this.#book.take(ask)
    // A store that cannot be written stops the run by itself; a limit is no reason to.
    return answer instanceof Promise ? answer.catch(() => this.#own.take(ask)) : answer
  }

  #passage(slot: number, reserved: number): Passage {
    this.#underWay++
    return {
      done: (outcome) => {
        this.#underWay--
        this.#correct(slot, reserved, outcome)
        this.#serve()
      },
    }
  }

  /** A failed call keeps what was taken for it: nobody knows what the provider counted. */
  #correct(slot: number, reserved: number, outcome: CallOutcome): void {
    if (outcome.type === 'answered') this.#answerTokens += LATEST * (outcome.used.outputTokens - this.#answerTokens)
    const isUnused = outcome.type === 'dropped' && !outcome.made
    const used = outcome.type === 'answered' ? outcome.used.inputTokens + outcome.used.outputTokens : isUnused ? 0 : reserved
    const by = { requests: isUnused ? -1 : 0, tokens: used - reserved }
    if (slot === 0 || (by.requests === 0 && by.tokens === 0)) return
    const changed = this.#book.change({ name: this.#name, slot, by })
    if (changed instanceof Promise) changed.catch(() => {})
  }

  #estimate({ hold, request }: GuardedCall): number {
    const most = request.settings?.maxOutputTokens ?? hold.outputTokens
    const tokens = Math.ceil(hold.inputTokens / BYTES_PER_TOKEN + Math.min(most, this.#answerTokens))
    // What is more than the whole limit goes through when nothing else does.
    return Math.min(tokens, this.#policy.tokensPerMinute ?? tokens)
  }
}

const usedUp = (model: string, retryAfterMs: number): TuttiError =>
  new TuttiError('MODEL_RATE_LIMITED', `our own limit of ${model} is used up`, { data: { model, retryAfterMs } })
