/** Messages that this process left for runs and that were not taken yet: until then, a run that rests is about to go on. */
import type { JournalStore } from '../../journal/index.ts'
import { type Clock, type RunId, systemClock } from '../../primitives/index.ts'

/** A run that nobody takes up stands where it stood. */
const PATIENCE_MS = 10_000

export class OnTheirWay {
  readonly #store: JournalStore
  readonly #clock: Clock = systemClock
  /** Called when a message is on its way no longer. */
  readonly #arrived: (run: RunId) => void
  readonly #sent = new Map<RunId, Map<string, () => void>>()

  constructor(store: JournalStore, arrived: (run: RunId) => void) {
    this.#store = store
    this.#arrived = arrived
  }

  has(run: RunId): boolean {
    return this.#sent.has(run)
  }

  add(run: RunId, id: string): void {
    const forget = this.#clock.alarm(this.#clock.now() + PATIENCE_MS, () => this.#drop(run, id))
    this.#sent.set(run, (this.#sent.get(run) ?? new Map()).set(id, forget))
  }

  /** The store has changed, perhaps of this run. */
  look(run: RunId | undefined): void {
    for (const [sentTo, ids] of this.#sent) {
      if (run !== undefined && run !== sentTo) continue
      this.#store.inbox(sentTo).then(
        (open) => {
          for (const id of ids.keys()) if (!open.some((message) => message.id === id)) this.#drop(sentTo, id)
        },
        () => {},
      )
    }
  }

  close(): void {
    for (const ids of this.#sent.values()) for (const forget of ids.values()) forget()
    this.#sent.clear()
  }

  #drop(run: RunId, id: string): void {
    const ids = this.#sent.get(run)
    ids?.get(id)?.()
    ids?.delete(id)
    if (ids?.size === 0) this.#sent.delete(run)
    this.#arrived(run)
  }
}
