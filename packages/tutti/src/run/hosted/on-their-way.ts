/** What this process left for runs and was not taken yet, a message or that a person asks for it to go on: until then, a run that rests is about to go on. */
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
  /** Runs that were asked to go on, with the last entry that they stood at. */
  readonly #asked = new Map<RunId, { readonly lastSeq: number; forget(): void }>()

  constructor(store: JournalStore, arrived: (run: RunId) => void) {
    this.#store = store
    this.#arrived = arrived
  }

  has(run: RunId): boolean {
    return this.#sent.has(run) || this.#asked.has(run)
  }

  /**
   * It goes on as soon as a worker has it: where it stood is no answer any more, for a run that stood still however long that takes (`patient`); one that only waits may
   * find that nothing of what is there is for it.
   */
  ask(run: RunId, lastSeq: number, patient: boolean): void {
    this.#asked.get(run)?.forget()
    const forget = patient ? () => {} : this.#clock.alarm(this.#clock.now() + PATIENCE_MS, () => this.#answered(run))
    this.#asked.set(run, { lastSeq, forget })
    this.look(run)
  }

  #answered(run: RunId): void {
    this.#asked.get(run)?.forget()
    if (this.#asked.delete(run)) this.#arrived(run)
  }

  add(run: RunId, id: string): void {
    const forget = this.#clock.alarm(this.#clock.now() + PATIENCE_MS, () => this.#drop(run, id))
    this.#sent.set(run, (this.#sent.get(run) ?? new Map()).set(id, forget))
  }

  /** The store has changed, perhaps of this run. */
  look(run: RunId | undefined): void {
    for (const [asked, { lastSeq }] of this.#asked)
      if (run === undefined || run === asked)
        this.#store.head(asked).then(
          (head) => {
            if (head?.lastSeq !== lastSeq && this.#asked.get(asked)?.lastSeq === lastSeq) this.#answered(asked)
          },
          () => {},
        )
    for (const [sentTo, ids] of this.#sent) {
      if (run !== undefined && run !== sentTo) continue
      this.#open(sentTo).then(
        (open) => {
          for (const id of ids.keys()) if (!open.has(id)) this.#drop(sentTo, id)
        },
        () => {},
      )
    }
  }

  /** The messages of a run that could still move it: one that has come to stand still since takes none. */
  async #open(run: RunId): Promise<ReadonlySet<string>> {
    const open = await this.#store.inbox(run)
    const stands = open.length > 0 && (await this.#store.head(run))?.status === 'suspended'
    return new Set(stands ? [] : open.map(({ id }) => id))
  }

  close(): void {
    for (const ids of this.#sent.values()) for (const forget of ids.values()) forget()
    this.#sent.clear()
    for (const { forget } of this.#asked.values()) forget()
    this.#asked.clear()
  }

  #drop(run: RunId, id: string): void {
    const ids = this.#sent.get(run)
    ids?.get(id)?.()
    ids?.delete(id)
    if (ids?.size === 0) this.#sent.delete(run)
    this.#arrived(run)
  }
}
