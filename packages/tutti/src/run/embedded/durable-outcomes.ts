/** Outcomes that are durable and not yet delivered, in the order of the journal, and the pump that waits for the next one. */
import type { BlobRef, Blobs } from '../../journal/index.ts'
import type { Json } from '../../primitives/index.ts'
import type { Outcome, OutcomeTaker } from '../engine.port.ts'

export class DurableOutcomes {
  readonly #ready: Outcome[] = []
  /** What their blobs hold: it was just written, so it need not be read back. */
  #texts: Map<string, string> | undefined
  #taker: OutcomeTaker | undefined

  add(outcome: Outcome, blobs: Blobs | undefined): void {
    if (blobs) for (const [hash, text] of blobs) this.#texts = (this.#texts ?? new Map()).set(hash, text)
    const taker = this.#taker
    if (!taker) {
      this.#ready.push(outcome)
      return
    }
    this.#taker = undefined
    taker.take(outcome)
  }

  take(): Outcome | undefined {
    return this.#ready.shift()
  }

  /** Only when there is nothing to take. */
  wait(taker: OutcomeTaker): void {
    this.#taker = taker
  }

  /** Nothing is here, and the pump waits. */
  get awaited(): boolean {
    return this.#taker !== undefined
  }

  /** What lies in a blob: at once when it was just written, which is told once. */
  load({ '~blob': hash }: BlobRef, read: (hash: string) => Promise<string>): Json | Promise<Json> {
    const text = this.#texts?.get(hash)
    if (text === undefined) return read(hash).then((stored) => JSON.parse(stored) as Json)
    this.#texts?.delete(hash)
    return JSON.parse(text) as Json
  }

  /** There will be no more. */
  fail(error: unknown): void {
    const taker = this.#taker
    this.#taker = undefined
    taker?.fail(error)
  }
}
