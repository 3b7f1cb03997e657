/** What the parts of one embedded engine have in common. Types only. */
import type { JournalStore } from '../../journal/index.ts'
import type { Clock } from '../../primitives/index.ts'
import type { Registry } from './registry.ts'

export interface EngineParts {
  readonly store: JournalStore
  readonly clock: Clock
  readonly registry: Registry
  /** This process, as leases name it. */
  readonly owner: string
  readonly leaseMs: number
  /** False: only runs that this process started, or was told to go on with, are driven. */
  readonly resume: boolean
}
