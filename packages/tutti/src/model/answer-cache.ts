/**
 * A cache of answers: the same question of the same tenant is answered once, also when it is asked again while it is being answered; with `similar`, a question
 * much like one that was answered too.
 *
 * Owns: the answers, in memory: a file of them would have to be sealed, erased and pruned with every run that they are of.
 * Invariants: an answer never leaves its tenant (or user); only whole answers are kept; of the same question one is under way at a time in this process.
 * On a crash nothing is here to lose: who asks again pays again.
 */
import { TuttiError } from '../errors/index.ts'
import { chainOf, textOf } from '../message/index.ts'
import { type Clock, canonical, hash128, untilAborted } from '../primitives/index.ts'
import type { CachedAnswer, CallOutcome, Guard, GuardedCall, Passage } from './guard.port.ts'
import type { CachePolicy, ModelRequest, RawAnswer, TextEmbedder } from './model.port.ts'

interface Kept {
  readonly answer: RawAnswer
  readonly model: string
  readonly run: string
  readonly at: number
}

/** A question by its meaning, among those that are the same but for their last message. */
interface Meaning {
  readonly vector: Float32Array
  readonly key: string
}

export class AnswerCache implements Guard {
  readonly #policy: CachePolicy
  readonly #clock: Clock
  readonly #embedder: TextEmbedder | undefined
  /** In the order in which they were last of use. */
  readonly #kept = new Map<string, Kept>()
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #meanings = new Map<string, Meaning[]>()

  constructor(policy: CachePolicy, o: { clock: Clock; embedder: TextEmbedder | undefined }) {
    this.#policy = policy
    this.#clock = o.clock
    this.#embedder = o.embedder
  }

  admit(call: GuardedCall): Passage | CachedAnswer | Promise<Passage | CachedAnswer> {
    const key = this.#keyOf(call, call.request.thread)
    const kept = this.#recall(key)
    if (kept) return this.#hit(kept, 'the same question')
    const { similar } = this.#policy
    const underWay = this.#underWay.get(key)
    if (underWay === undefined && similar === undefined) return this.#pass(key, call)
    // A hedge is beside the very call it would wait for.
    if (underWay !== undefined && !call.isHedge) return untilAborted(underWay, call.signal).then(() => this.admit(call))
    return similar === undefined ? this.#pass(key, call) : this.#admitByMeaning(key, call, similar)
  }

  async #admitByMeaning(key: string, call: GuardedCall, similar: number): Promise<Passage | CachedAnswer> {
    const question = lastQuestion(call.request)
    if (question === undefined) return this.#pass(key, call)
    const group = this.#keyOf(call, { at: call.request.messages.length - 1, chain: chainOf(call.request.messages.slice(0, -1)) })
    const vector = await this.#embed(question)
    const nearest = this.#nearest(group, vector)
    if (nearest && nearest.score >= similar) return this.#hit(nearest.kept, `a question ${nearest.score.toFixed(3)} alike`)
    // Somebody may have asked the same meanwhile.
    if (this.#kept.has(key) || (this.#underWay.has(key) && !call.isHedge)) return this.admit(call)
    return this.#pass(key, call, { group, vector })
  }

  async #embed(text: string): Promise<Float32Array> {
    if (!this.#embedder) {
      throw new TuttiError('RETRIEVAL_EMBEDDER_MISSING', 'cache({ similar }) compares questions by meaning, and there is no embedding model')
    }
    const [vector] = await this.#embedder.embed([text])
    return vector as Float32Array
  }

  #nearest(group: string, vector: Float32Array): { readonly kept: Kept; readonly score: number } | undefined {
    let best: { readonly kept: Kept; readonly score: number } | undefined
    const live = (this.#meanings.get(group) ?? []).filter(({ key }) => this.#kept.has(key))
    if (live.length > 0) this.#meanings.set(group, live)
    else this.#meanings.delete(group)
    for (const meaning of live) {
      const score = dot(vector, meaning.vector)
      if (best && score <= best.score) continue
      const kept = this.#recall(meaning.key)
      if (kept) best = { kept, score }
    }
    return best
  }

  /** The call is made, and whoever asks the same meanwhile waits for it. */
  #pass(key: string, call: GuardedCall, meaning?: { readonly group: string; readonly vector: Float32Array }): Passage {
    const { promise, resolve } = Promise.withResolvers<void>()
    const isFirst = !this.#underWay.has(key)
    if (isFirst) this.#underWay.set(key, promise)
    return {
      done: (outcome) => {
        if (isFirst) this.#underWay.delete(key)
        this.#keep(key, call, outcome, meaning)
        resolve()
      },
    }
  }

  #keep(key: string, call: GuardedCall, outcome: CallOutcome, meaning: { readonly group: string; readonly vector: Float32Array } | undefined): void {
    if (outcome.type !== 'answered') return
    const { answer } = outcome
    // An answer that was cut short, or withheld, is not given twice.
    if (answer.finish !== 'stop' && answer.finish !== 'tool-calls') return
    this.#kept.set(key, { answer, model: call.model, run: call.run, at: this.#clock.now() })
    if (meaning) this.#meanings.set(meaning.group, [...(this.#meanings.get(meaning.group) ?? []), { vector: meaning.vector, key }])
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#policy.max) break
      this.#kept.delete(oldest)
    }
  }

  #recall(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    this.#kept.delete(key)
    if (this.#clock.now() - kept.at >= this.#policy.ttlMs) return undefined
    this.#kept.set(key, kept)
    return kept
  }

  #hit({ answer, model, run, at }: Kept, what: string): CachedAnswer {
    const seconds = Math.round((this.#clock.now() - at) / 1_000)
    return { cached: answer, model, why: `cached: ${what} was answered in ${run} ${seconds} s ago` }
  }

  /** All that the answer rests on, whose it is, and at which place of its thread it stands. */
  #keyOf({ scope, request }: GuardedCall, thread: ModelRequest['thread']): string {
    const { system, tools, output, toolChoice, settings = {} } = request
    const whose = this.#policy.per === 'user' ? [scope.tenant, scope.user ?? null] : [scope.tenant]
    const rest = JSON.stringify([whose, system ?? null, thread.at, thread.chain, toolChoice ?? null, hashOf(tools), hashOf(output)])
    return hash128(rest + canonical(settings))
  }
}

const hashes = new WeakMap<object, string>()

/** Tools and schemas are the same objects every turn. */
function hashOf(value: object | undefined): string | null {
  if (value === undefined) return null
  const known = hashes.get(value) ?? hash128(JSON.stringify(value))
  hashes.set(value, known)
  return known
}

/** What a person asked last, when it is text alone. */
function lastQuestion({ messages }: ModelRequest): string | undefined {
  const last = messages.at(-1)
  return last?.role === 'user' && last.parts.every(({ type }) => type === 'text') ? textOf(last) : undefined
}

/** Of unit vectors the cosine. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}
