/** Where runs stand, as far as this process knows without reading their journals, and who wants to hear of it. */
import type { TuttiError } from '../../errors/index.ts'
import type { Entry, OpenWait } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { Watchers, type WatchOptions } from './watchers.ts'

export type Standing =
  | { readonly type: 'running' }
  | { readonly type: 'waiting'; readonly waits: readonly OpenWait[] }
  | { readonly type: 'ended'; readonly last: Entry | undefined }
  | { readonly type: 'stopped'; readonly error: TuttiError }

export class Standings {
  readonly #standings = new Map<RunId, Standing>()
  readonly #watchers = new Watchers()
  /** Of every run that is driven here. */
  watchAll: (run: RunId, standing: Standing | undefined) => void = () => {}

  of(run: RunId): Standing | undefined {
    return this.#standings.get(run)
  }

  set(run: RunId, standing: Standing): void {
    this.#standings.set(run, standing)
    this.watchAll(run, standing)
    this.#watchers.tell(run)
    if (standing.type === 'ended' && !this.#watchers.has(run)) this.#standings.delete(run)
  }

  /** Whoever drives it from now on, its head says where it stands. */
  leave(run: RunId): void {
    this.#standings.delete(run)
    this.watchAll(run, undefined)
    this.#watchers.tell(run)
  }

  /** Returns how to stop. */
  watch(run: RunId, changed: () => void, o?: WatchOptions): () => void {
    const unwatch = this.#watchers.add(run, changed, o)
    return () => {
      unwatch()
      if (!this.#watchers.has(run) && this.#standings.get(run)?.type === 'ended') this.#standings.delete(run)
    }
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0
  }

  /** Another process may have changed it. */
  lookAgain(run: RunId): void {
    this.#watchers.tell(run)
  }

  /** Another process drives it, and it got further. */
  progressed(run: RunId): void {
    this.#watchers.tellProgress(run)
  }

  /** Tells everyone to look again, but whoever watches one of these. */
  tell(but?: ReadonlyMap<RunId, unknown>): void {
    this.#watchers.tellAll(but)
  }
}
