/**
 * What an agent is shown of its conversation: its task, a message that stands for what left, and what came last. The conversation stays whole, and is not kept here.
 *
 * Owns: where the excerpt begins, what stands for what left, and how long all of it is. Does not own: that a compaction is recorded, and who is asked for summaries (the agent room).
 * Invariants: 1. a call and its results leave together or not at all; 2. the task, and instructions inside a conversation, stay word for word; 3. so does everything from the
 * last answer of the model on; 4. between two compactions what is shown only grows at its end; 5. every message is shown or counted as left, and only one of these; 6. what
 * decides are the messages and what is recorded, nothing else, so that a replay decides the same.
 */
import { TuttiError } from '../errors/index.ts'
import { chainFrom, emptyChain, extendChain, hashMessage, type Message, type TokenUsage } from '../message/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import type { Compaction, History } from './history.port.ts'
import type { MemoryPlan } from './memory.port.ts'
import { bytesOf, Gauge } from './size.ts'
import { standIn } from './stand-in.ts'
import type { Stretch, Summary } from './summary.ts'

/** What leaves together: a message; one with calls and the results of them. */
interface Unit {
  readonly from: number
  readonly isAnswer: boolean
  readonly stays: boolean
  bytes: number
}

/** What a compaction may leave for what stands for the rest, in parts of the window. */
const SUMMARY_PART = 4
/** A line that says how much left. */
const FRAME_BYTES = 160

export class Excerpt {
  readonly gauge = new Gauge()
  readonly #plan: MemoryPlan
  readonly #history: History
  #times = -1
  #task: Message | undefined
  #units: Unit[] = []
  #read = 0
  /** The first unit that has not left. */
  #first = 0
  #bytes = 0
  #staying = 0
  #left = 0
  #summaries: readonly Summary[] = []
  /** `undefined`: all of it. */
  #shown: Message[] | undefined
  #chained = 0
  #chain = emptyChain

  constructor(plan: MemoryPlan, history: History) {
    this.#plan = plan
    this.#history = history
  }

  get messages(): readonly Message[] {
    this.#follow()
    return this.#shown ?? this.#history.messages
  }

  get thread(): History['thread'] {
    this.#follow()
    if (!this.#shown) return this.#history.thread
    this.#chain = chainFrom(this.#shown, this.#chained, this.#chain)
    this.#chained = this.#shown.length
    return { at: this.#shown.length, chain: this.#chain }
  }

  /** What the messages shown weigh. */
  get bytes(): number {
    this.#follow()
    return this.#bytes
  }

  /** What the provider reported of this answer. @param tools so many were shown with it */
  learn({ model, usage }: { readonly model: { readonly id: string }; readonly usage: TokenUsage }, tools: number): void {
    this.gauge.report(`${model.id} ${tools}`, usage.inputTokens, this.bytes)
  }

  /** What the agent is there for: it never leaves, so whoever is to summarize what does has not read it. */
  get task(): Message | undefined {
    this.#follow()
    return this.#task
  }

  /** Those that stand for what left, oldest first. */
  get summaries(): readonly Summary[] {
    return this.#summaries
  }

  /** More is shown than the window has room for. */
  get isFull(): boolean {
    return this.gauge.tokens(this.bytes) > this.#plan.window
  }

  /** What is to leave now, if anything. @param beside bytes that are to be said beside the rest */
  choose(beside = 0): Compaction | undefined {
    if (!this.isFull) return undefined
    const { window, summarize } = this.#plan
    const newest = this.#newest()
    const standing = beside + FRAME_BYTES + (summarize ? this.gauge.bytes(window / SUMMARY_PART) : 0)
    const last = this.#weigh(newest, this.#units.length)
    const must = this.#staying + last + standing
    // What can never fit is not compacted anew at every turn for the little that came since.
    if (must > this.gauge.bytes(window) && this.gauge.tokens(this.#weigh(this.#first, newest)) < window / SUMMARY_PART) return undefined
    const at = this.#cut(newest, must, this.gauge.bytes(window / 2))
    const left = this.#leaving(at).reduce((sum, { from, to }) => sum + to - from, 0)
    if (left === 0) return undefined
    const keptTokens = this.gauge.tokens(this.#staying + this.#weigh(at, this.#units.length))
    return { how: summarize ?? 'window', window, tokens: this.gauge.tokens(this.#bytes), keptTokens, left, before: (this.#units[at] as Unit).from }
  }

  /** What leaves, in stretches that a model can be shown at once: none is longer than the window, but for one that cannot be taken apart. */
  stretches({ before }: Compaction): readonly Stretch[] {
    const most = this.gauge.bytes(this.#plan.window)
    const stretches: Message[][] = []
    let bytes = Number.POSITIVE_INFINITY
    for (const { from, to, weighs } of this.#leaving(this.#unitAt(before))) {
      if (bytes + weighs > most) {
        stretches.push([])
        bytes = 0
      }
      bytes += weighs
      stretches.at(-1)?.push(...this.#history.messages.slice(from, to))
    }
    return stretches
  }

  /** It has left. @param beside is said beside what stands for it */
  leave(compaction: Compaction, summaries: readonly Summary[], beside = ''): void {
    const at = this.#unitAt(compaction.before)
    const { messages } = this.#history
    this.#left += this.#leaving(at).reduce((sum, { from, to }) => sum + to - from, 0)
    const stay = this.#units.slice(0, at).filter(({ stays }) => stays)
    const stand = standIn(this.#left, summaries, beside)
    this.#first = at
    this.#summaries = summaries
    this.#shown = [...stay.map(({ from }) => messages[from] as Message), stand, ...messages.slice(compaction.before)]
    this.#bytes = [...stay, ...this.#units.slice(at)].reduce((sum, unit) => sum + unit.bytes, bytesOf(stand))
    // A new chain, of what leaves and what stands for it: not of the words in which that is said, which another version of tutti may choose otherwise.
    const stands = hash128(canonical([this.#left, summaries.map(({ text }) => text), beside]))
    this.#chain = extendChain(chainFrom(this.#shown.slice(0, stay.length), 0, emptyChain), stands)
    this.#chained = stay.length + 1
  }

  #follow(): void {
    const { messages, began } = this.#history
    if (began.times !== this.#times) this.#begin()
    for (; this.#read < messages.length; this.#read++) {
      const message = messages[this.#read] as Message
      const bytes = bytesOf(message)
      const last = this.#units.at(-1)
      this.#bytes += bytes
      if (message.role === 'tool' && last) last.bytes += bytes
      else this.#open(message, bytes)
      this.#shown?.push(message)
    }
  }

  #open(message: Message, bytes: number): void {
    const stays = message === this.#task || message.role === 'system'
    if (stays) this.#staying += bytes
    this.#units.push({ from: this.#read, isAnswer: message.role === 'assistant', stays, bytes })
  }

  /** The conversation is another one: it is shown whole. */
  #begin(): void {
    this.#task = taskIn(this.#history, this.#task)
    this.#times = this.#history.began.times
    this.#units = []
    this.#shown = undefined
    this.#summaries = []
    this.#read = this.#first = this.#bytes = this.#staying = this.#left = 0
  }

  /** The unit of the last answer; where there is none, the last. */
  #newest(): number {
    const answer = this.#units.findLastIndex(({ isAnswer }) => isAnswer)
    return Math.max(this.#first, answer >= 0 ? answer : this.#units.length - 1)
  }

  /** From the newest back, as many as there is room for. */
  #cut(newest: number, must: number, room: number): number {
    let [at, bytes] = [newest, must]
    for (; at > this.#first; at--) {
      const unit = this.#units[at - 1] as Unit
      if (!unit.stays) bytes += unit.bytes
      if (bytes > room) break
    }
    return at
  }

  #weigh(from: number, to: number): number {
    return this.#units.slice(from, to).reduce((sum, { stays, bytes }) => (stays ? sum : sum + bytes), 0)
  }

  #leaving(at: number): readonly { readonly from: number; readonly to: number; readonly weighs: number }[] {
    const { length } = this.#history.messages
    return this.#units.slice(this.#first, at).flatMap(({ from, stays, bytes }, i) => {
      const to = this.#units[this.#first + i + 1]?.from ?? length
      return stays ? [] : [{ from, to, weighs: bytes }]
    })
  }

  /** @throws CONFIG_INVALID for a place that a fork made up */
  #unitAt(before: number): number {
    this.#follow()
    const at = this.#units.findIndex(({ from }) => from === before)
    if (at >= this.#first && at <= this.#newest()) return at
    throw new TuttiError('CONFIG_INVALID', `what left is said to end before message ${before} of the conversation, and cannot`, {
      hint: 'A fork that says what leaves may not take a call from its result, nor what came last.',
    })
  }
}

/** The last that a user said before anyone was asked. In a conversation that a hook wrote anew: where it stood, if it still does. */
function taskIn({ messages, began }: History, before: Message | undefined): Message | undefined {
  if (!before) return messages.slice(0, began.count).findLast(({ role }) => role === 'user')
  const hash = hashMessage(before)
  return messages.find((message) => hashMessage(message) === hash) ?? messages.find(({ role }) => role === 'user')
}
