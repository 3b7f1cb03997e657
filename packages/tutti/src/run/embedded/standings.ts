/** Where runs stand, as far as this process knows without reading their journals, and who wants to hear of it. */
import type { TuttiError } from '../../errors/index.ts'
import type { Entry, OpenWait } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'

export type Standing =
  | { readonly type: 'running' }
  | { readonly type: 'waiting'; readonly waits: readonly OpenWait[] }
  | { readonly type: 'ended'; readonly last: Entry | undefined }
  | { readonly type: 'stopped'; readonly error: TuttiError }

export class Standings {
  readonly #standings = new Map<RunId, Standing>()
  readonly #watchers = new Map<RunId, Set<() => void>>()
  /** Of every run that is driven here. */
  watchAll: (run: RunId, standing: Standing | undefined) => void = () => {}

  of(run: RunId): Standing | undefined {
    return this.#standings.get(run)
  }

  set(run: RunId, standing: Standing): void {
    this.#standings.set(run, standing)
    this.watchAll(run, standing)
    const watchers = this.#watchers.get(run)
    if (watchers) for (const changed of watchers) changed()
    if (standing.type === 'ended' && !watchers) this.#standings.delete(run)
  }

  /** Whoever drives it from now on, its head says where it stands. */
  leave(run: RunId): void {
    this.#standings.delete(run)
    this.watchAll(run, undefined)
    for (const changed of this.#watchers.get(run) ?? []) changed()
  }

  /** Returns how to stop. */
  watch(run: RunId, changed: () => void): () => void {
    const watchers = this.#watchers.get(run) ?? new Set()
    this.#watchers.set(run, watchers.add(changed))
    return () => {
      watchers.delete(changed)
      if (watchers.size > 0) return
      this.#watchers.delete(run)
      if (this.#standings.get(run)?.type === 'ended') this.#standings.delete(run)
    }
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0
  }

  /** Tells everyone to look again, but whoever watches one of these. */
  tell(but?: ReadonlyMap<RunId, unknown>): void {
    for (const [run, watchers] of this.#watchers) if (!but?.has(run)) for (const changed of watchers) changed()
  }
}
