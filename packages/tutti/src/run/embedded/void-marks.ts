/**
 * Which parts of steps a watcher may still be shown, and where what it was shown is void.
 *
 * A later attempt, and a later activation, makes void what was shown before of the same step; what an earlier one still says then is not shown any more, nor what comes
 * after the outcome. Whoever joins while a step is under way, and saw some of it before, is told so first.
 */
import type { Sighting } from '../engine.port.ts'

type Part = Extract<Sighting, { type: 'part' }>

interface Place {
  readonly activation: number
  readonly attempt: number
}

export class VoidMarks {
  /** Of steps that something was shown of; `over` once they have an outcome. */
  readonly #shown = new Map<string, Place | 'over'>()
  readonly #rejoins: boolean

  /** @param rejoins the watcher has seen the beginning of the run elsewhere, and perhaps parts of the step that is under way */
  constructor(rejoins: boolean) {
    this.#rejoins = rejoins
  }

  /** What to show for this part: nothing, or the part, or first a mark that what was shown of its step is void. */
  *of(part: Part): Iterable<Part> {
    const { key, attempt, activation = 0 } = part
    const before = this.#shown.get(key)
    if (before === 'over' || (before && isEarlier({ activation, attempt }, before))) return
    this.#shown.set(key, { activation, attempt })
    const isNew = before ? isEarlier(before, { activation, attempt }) : this.#rejoins
    if (isNew && part.part.type !== 'reset') yield { ...part, part: { type: 'reset' } }
    yield part
  }

  /** The step has its outcome. */
  over(key: string): void {
    if (this.#shown.has(key)) this.#shown.set(key, 'over')
  }
}

const isEarlier = (a: Place, b: Place): boolean => a.activation < b.activation || (a.activation === b.activation && a.attempt < b.attempt)
