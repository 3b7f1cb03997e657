/** The alarms of one activation: the sleeps, the waits with a timeout and the deadlines that have not passed, and when those of the record were to pass. */
import type { Entry } from '../../journal/index.ts'
import { type Clock, SparseMap } from '../../primitives/index.ts'
import { DEADLINE_KEY } from '../deadline.ts'

export class Alarms {
  readonly #clock: Clock
  readonly #ring: (key: string) => void
  readonly #set = new SparseMap<string, { readonly at: number; readonly forget: () => void }>()
  #recorded: Map<string, number> | undefined
  readonly #isDeadlineOver: boolean

  constructor(clock: Clock, record: readonly Entry[], ring: (key: string) => void) {
    this.#clock = clock
    this.#ring = ring
    this.#isDeadlineOver = record.some((entry) => entry.type === 'timer.fired' && entry.key === DEADLINE_KEY)
    for (const entry of record) {
      if (entry.type === 'timer.set') this.#note(entry.key, entry.fireAt)
      if (entry.type === 'signal.awaited') this.#note(entry.key, entry.until ?? Number.POSITIVE_INFINITY)
    }
  }

  #note(key: string, at: number): void {
    this.#recorded = (this.#recorded ?? new Map()).set(key, at)
  }

  /** When the record says that it passes (epoch ms; infinite for a wait without a timeout); `undefined` for what the record does not hold. */
  recorded(key: string): number | undefined {
    return this.#recorded?.get(key)
  }

  set(key: string, at: number): void {
    this.forget(key)
    const forget = this.#clock.alarm(at, () => {
      this.#set.delete(key)
      this.#ring(key)
    })
    this.#set.set(key, { at, forget })
  }

  /** That of the run, unless the record says that it passed. @param at epoch ms */
  setDeadline(at: number | undefined): void {
    if (at !== undefined && !this.#isDeadlineOver) this.set(DEADLINE_KEY, at)
  }

  forget(key: string): void {
    this.#set.get(key)?.forget()
    this.#set.delete(key)
  }

  forgetAll(): void {
    for (const { forget } of this.#set.values()) forget()
    this.#set.clear()
  }

  get size(): number {
    return this.#set.size
  }

  /** Epoch ms. */
  get earliest(): number | undefined {
    let earliest: number | undefined
    for (const { at } of this.#set.values()) if (earliest === undefined || at < earliest) earliest = at
    return earliest
  }
}
