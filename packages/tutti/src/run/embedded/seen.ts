/**
 * What a watcher of a run has before it: what the feed shows in this process, and what others wrote and showed, which only the store tells.
 *
 * Every entry once and in order; a part stands after the entry after which it was shown, and before the outcome of its step.
 */
import type { Entry, PartReader, ShownPart } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import type { StreamPart } from '../effect.port.ts'
import type { Sighting } from '../engine.port.ts'
import type { RunEngine } from '../run-engine.port.ts'
import { VoidMarks } from './void-marks.ts'

export class Seen {
  readonly #engine: RunEngine
  readonly #run: RunId
  readonly #queue: Sighting[] = []
  readonly #unwatch: readonly (() => void)[]
  readonly #parts: PartReader | undefined
  readonly #marks: VoidMarks
  /** Parts that others showed, and that were not told yet. */
  #held: ShownPart[] = []
  /** The store may hold entries that the feed did not show. */
  #elsewhere = true
  /** Others may have shown parts. */
  #shownElsewhere = false
  #begun = false
  #wake: () => void = () => {}

  /** @param after the last entry that the watcher has seen before */
  constructor(engine: RunEngine, run: RunId, after: number) {
    this.#engine = engine
    this.#run = run
    this.#marks = new VoidMarks(after > 0 && engine.store.parts !== undefined)
    const see = (sighting: Sighting): void => {
      this.#queue.push(sighting)
      this.#wake()
    }
    const changed = (): void => {
      this.#elsewhere = true
      this.#wake()
    }
    this.#parts = engine.store.parts?.follow(run, () => {
      this.#shownElsewhere = true
      this.#wake()
    })
    this.#unwatch = [engine.feed.watch(run, see), engine.watchStanding(run, changed, { progress: true }), () => this.#parts?.close()]
  }

  /** What is next of what was shown here, as far as it is provisional: the common case of a stream, for which nothing is awaited. */
  *parts(): Iterable<Sighting> {
    if (!this.#begun) return
    for (let [next] = this.#queue; next?.type === 'part'; [next] = this.#queue) {
      this.#queue.shift()
      yield* this.#marks.of(next)
    }
  }

  /** Everything there is now after entry `after`, each entry once and in order. */
  async *since(after: number): AsyncIterable<Sighting> {
    let seq = after
    // What was shown here comes first, for parts of a step stand before its outcome; only the very first look goes to the store.
    if ((this.#elsewhere || this.#shownElsewhere) && (!this.#begun || this.#queue.length === 0)) {
      for await (const sighting of this.#look(seq)) {
        if (sighting.type === 'entry') seq = sighting.entry.seq
        yield sighting
      }
    }
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      for await (const sighting of this.#shownHere(next, seq)) {
        if (sighting.type === 'entry') seq = sighting.entry.seq
        yield sighting
      }
    }
  }

  #look(after: number): AsyncIterable<Sighting> {
    const isFirst = !this.#begun
    this.#elsewhere = false
    this.#shownElsewhere = false
    this.#begun = true
    return isFirst ? this.#history(after) : this.#news(after)
  }

  /** Before an entry that does not follow the last one stands what another process wrote. */
  async *#shownHere(sighting: Sighting, seq: number): AsyncIterable<Sighting> {
    if (sighting.type === 'part') yield* this.#marks.of(sighting)
    else if (sighting.entry.seq === seq + 1) yield this.#entry(sighting.entry)
    else if (sighting.entry.seq > seq) yield* this.#news(seq)
  }

  /** The store is known to hold more than was told of: the next look asks it. */
  lookElsewhere(): void {
    this.#elsewhere = true
  }

  /** Resolves when there may be more. */
  async more(): Promise<void> {
    if (this.#elsewhere || this.#shownElsewhere || this.#queue.length > 0) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch()
  }

  /** All that was recorded, and of the steps that are under way what is shown of them. */
  async *#history(after: number): AsyncIterable<Sighting> {
    const settledAt = new Map<string, number>()
    let seq = after
    for await (const entry of this.#engine.store.read(this.#run, { after })) {
      seq = entry.seq
      if (this.#parts && isOutcome(entry)) settledAt.set(entry.key, seq)
      yield this.#entry(entry)
    }
    await this.#fetchParts()
    this.#held = this.#held.filter((shown) => shown.after >= (settledAt.get(shown.key) ?? 0))
    yield* this.#shownBy(seq)
  }

  /** What came since: what was shown of a step can be read before its outcome can, so the parts are asked for when the entries are here. */
  async *#news(after: number): AsyncIterable<Sighting> {
    const entries: Entry[] = []
    for await (const entry of this.#engine.store.read(this.#run, { after })) entries.push(entry)
    await this.#fetchParts()
    for (const entry of entries) {
      yield* this.#shownBy(entry.seq - 1)
      yield this.#entry(entry)
    }
    yield* this.#shownBy(entries.at(-1)?.seq ?? after)
  }

  async #fetchParts(): Promise<void> {
    if (this.#parts) this.#held.push(...(await this.#parts.read()))
  }

  /** A part can be here before the entry after which it was shown: it waits for that. */
  *#shownBy(seq: number): Iterable<Sighting> {
    const end = this.#held.findIndex(({ after }) => after > seq)
    for (const { key, activation, attempt, part } of this.#held.splice(0, end < 0 ? this.#held.length : end))
      yield* this.#marks.of({ type: 'part', run: this.#run, key, activation, attempt, part: part as unknown as StreamPart })
  }

  #entry(entry: Entry): Extract<Sighting, { type: 'entry' }> {
    if (isOutcome(entry)) this.#marks.over(entry.key)
    return { type: 'entry', entry }
  }
}

const isOutcome = (entry: Entry): entry is Extract<Entry, { type: 'step.completed' | 'step.failed' }> =>
  entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final)
