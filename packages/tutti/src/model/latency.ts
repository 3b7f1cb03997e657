/** How long models take to say something, as far as this process has seen: until the first part of a stream, or until a whole answer. */

/** So many answers are remembered of each model. */
const REMEMBERED = 256
/** Fewer say nothing of the slowest twentieth. */
const LEAST = 20
/** The percentile is computed again after so many answers. */
const EVERY = 16

export class Latency {
  readonly #seen: number[] = []
  #next = 0
  #p95: number | undefined
  /** It was computed after so many answers. */
  #computedAt = Number.NEGATIVE_INFINITY

  note(ms: number): void {
    this.#seen[this.#next % REMEMBERED] = ms
    this.#next++
  }

  /** In ms; `undefined` until enough was seen. Computed for whoever asks: most calls are not hedged. */
  get p95(): number | undefined {
    if (this.#next < LEAST || this.#next - this.#computedAt < EVERY) return this.#p95
    this.#computedAt = this.#next - (this.#next % EVERY)
    this.#p95 = percentile(this.#seen, 0.95)
    return this.#p95
  }
}

/** The smallest value that at least this share of all values does not pass. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}
