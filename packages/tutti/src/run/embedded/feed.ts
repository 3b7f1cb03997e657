/** Who watches which run in this process: durable entries and provisional parts, as they come. Nobody watching costs nothing. */
import type { RunId } from '../../primitives/index.ts'
import type { Sighting } from '../engine.port.ts'

export class Feed {
  readonly #watchers = new Map<RunId, Set<(sighting: Sighting) => void>>()

  watch(run: RunId, see: (sighting: Sighting) => void): () => void {
    const watchers = this.#watchers.get(run) ?? new Set()
    this.#watchers.set(run, watchers.add(see))
    return () => {
      watchers.delete(see)
      if (watchers.size === 0) this.#watchers.delete(run)
    }
  }

  /** True when somebody saw it. */
  show(run: RunId, sighting: Sighting): boolean {
    const watchers = this.#watchers.get(run)
    if (!watchers) return false
    for (const see of watchers) see(sighting)
    return true
  }
}
