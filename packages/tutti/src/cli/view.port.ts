/** What shows the progress of a run. Types only. */
import type { Sighting } from '../run/index.ts'

export interface View {
  /** The picture has taken it already. */
  see(sighting: Sighting): void
  /** A line that stays. */
  say(text: string): void
  /** Leaves the terminal as it was. */
  close(): void
}

export interface ViewOptions {
  readonly quiet?: boolean | undefined
  /** How many items a map will have in all, where that is known. */
  readonly expected?: ((mapKey: string) => number | undefined) | undefined
}
