/** Who wants to hear of runs: when one rests, goes on or ends, or of every entry too. */
import type { RunId } from '../../primitives/index.ts'

export interface WatchOptions {
  /** Also when a run merely got further. Left out: only when it stands elsewhere than before. */
  readonly progress?: boolean | undefined
}

export class Watchers {
  /** By run: whom to call, and whether for progress too. */
  readonly #of = new Map<RunId, Map<() => void, boolean>>()

  get size(): number {
    return this.#of.size
  }

  has(run: RunId): boolean {
    return this.#of.has(run)
  }

  /** Returns how to stop. */
  add(run: RunId, changed: () => void, { progress = false }: WatchOptions = {}): () => void {
    const own = (): void => changed()
    const watchers = this.#of.get(run) ?? new Map()
    this.#of.set(run, watchers.set(own, progress))
    return () => {
      watchers.delete(own)
      if (watchers.size === 0 && this.#of.get(run) === watchers) this.#of.delete(run)
    }
  }

  /** The run may stand elsewhere than before. */
  tell(run: RunId): void {
    for (const changed of [...(this.#of.get(run)?.keys() ?? [])]) changed()
  }

  /** Any run may, but these. */
  tellAll(but?: ReadonlyMap<RunId, unknown>): void {
    for (const run of [...this.#of.keys()]) if (!but?.has(run)) this.tell(run)
  }

  /** The run got further. */
  tellProgress(run: RunId): void {
    for (const [changed, progress] of [...(this.#of.get(run) ?? [])]) if (progress) changed()
  }
}
