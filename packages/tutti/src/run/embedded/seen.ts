/** What a watcher of a run has before it: what the feed shows in this process, and what others wrote, which only the store tells. */
import type { RunId } from '../../primitives/index.ts'
import type { Sighting } from '../engine.port.ts'
import type { RunEngine } from '../run-engine.port.ts'

export class Seen {
  readonly #engine: RunEngine
  readonly #run: RunId
  readonly #queue: Sighting[] = []
  readonly #unwatch: readonly (() => void)[]
  /** The store may hold entries that the feed did not show. */
  #elsewhere = true
  #begun = false
  #wake: () => void = () => {}

  constructor(engine: RunEngine, run: RunId) {
    this.#engine = engine
    this.#run = run
    const see = (sighting: Sighting): void => {
      this.#queue.push(sighting)
      this.#wake()
    }
    const changed = (): void => {
      this.#elsewhere = true
      this.#wake()
    }
    this.#unwatch = [engine.feed.watch(run, see), engine.watchStanding(run, changed, { progress: true })]
  }

  /** Everything there is now after entry `after`, each entry once and in order. */
  async *since(after: number): AsyncIterable<Sighting> {
    let seq = after
    // What was shown here comes first, for parts of a step stand before its outcome; only the very first look goes to the store.
    if (this.#elsewhere && (!this.#begun || this.#queue.length === 0)) {
      this.#elsewhere = false
      this.#begun = true
      for await (const sighting of this.#written(seq)) {
        seq = sighting.entry.seq
        yield sighting
      }
    }
    for (let sighting = this.#queue.shift(); sighting; sighting = this.#queue.shift()) {
      if (sighting.type === 'part') yield sighting
      else if (sighting.entry.seq === seq + 1) {
        seq++
        yield sighting
      } else if (sighting.entry.seq > seq) {
        // Another process wrote what lies between.
        for await (const missed of this.#written(seq)) {
          seq = missed.entry.seq
          yield missed
        }
      }
    }
  }

  /** Resolves when there may be more. */
  async more(): Promise<void> {
    if (this.#elsewhere || this.#queue.length > 0) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch()
  }

  async *#written(after: number): AsyncIterable<Extract<Sighting, { type: 'entry' }>> {
    for await (const entry of this.#engine.store.read(this.#run, { after })) yield { type: 'entry', entry }
  }
}
