/** Somebody who watches a run to its end, in whichever process lives, and goes on elsewhere with `after` when that one is gone. */
import type { RunId } from '../../src/primitives/index.ts'
import { type EmbeddedEngine, EmbeddedHandle, type RunEvent } from '../../src/run/index.ts'
import type { StoreProcess } from '../../src/testing/faulty-store.ts'
import { settled } from '../../src/testing/simulated-clock.ts'
import type { Truth } from './truth.ts'

interface Place {
  readonly process: StoreProcess
  readonly engine: EmbeddedEngine
}

export interface StreamReader {
  readonly run: RunId
  /** `seq type key` of what stands in the journal, in the order in which it was seen. */
  readonly events: readonly string[]
  readonly done: boolean
  stop(): void
}

export function readStream(run: RunId, place: () => Place | undefined, truth: Truth): StreamReader {
  const reader = new Reader(run, truth)
  void reader.follow(place)
  return reader
}

class Reader implements StreamReader {
  readonly run: RunId
  readonly events: string[] = []
  done = false
  readonly #truth: Truth
  readonly #texts = new Map<string, string>()
  #after = 0

  constructor(run: RunId, truth: Truth) {
    this.run = run
    this.#truth = truth
  }

  stop(): void {
    this.done = true
  }

  async follow(place: () => Place | undefined): Promise<void> {
    while (!this.done) {
      const here = place()
      // Whoever connects again knows that what was provisional is void.
      this.#texts.clear()
      if (here) await this.#watch(here).catch(() => {})
      // A run that is stopped here may be gone on with somewhere else.
      await settled(20)
    }
  }

  async #watch({ process, engine }: Place): Promise<void> {
    const events = new EmbeddedHandle(engine, this.run).events({ after: this.#after })[Symbol.asyncIterator]()
    for (;;) {
      const next = await Promise.race([events.next(), process.death])
      if (!next || next.done) return
      this.#see(next.value)
      if (this.done) return
    }
  }

  #see(event: RunEvent): void {
    if (event.type === 'text.delta' || event.type === 'text.reset') return this.#seeText(event)
    const key = 'key' in event ? event.key : ''
    const text = `${event.type} ${key}`.trimEnd()
    this.events.push(`${event.seq} ${text}`)
    this.#after = event.seq
    this.done = event.type === 'run.completed' || event.type === 'run.failed'
    if (event.type !== 'run.failed') this.#truth.promise(this.run, event.seq, text, 'a reader')
    if (event.type === 'step.completed' || event.type === 'step.failed') this.#texts.delete(key)
  }

  #seeText(event: Extract<RunEvent, { type: 'text.delta' | 'text.reset' }>): void {
    if (event.type === 'text.reset') {
      this.#texts.delete(event.key)
      return
    }
    const text = (this.#texts.get(event.key) ?? '') + event.text
    if (!'abc'.includes(text)) this.#truth.found(`R1: a reader of ${this.run} was shown '${text}' of ${event.key} with no mark between`)
    this.#texts.set(event.key, text)
  }
}
