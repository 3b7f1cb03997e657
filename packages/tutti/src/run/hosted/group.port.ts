/** What the log of an outside engine holds of a run: one group for each commit, as plain JSON; `group-text.ts` writes it. Types only. */
import type { BlobPair, Entry, HeadChange } from '../../journal/index.ts'

/** As `HeadChange`; `null` clears. */
export type LoggedHead = { readonly [name in keyof HeadChange]?: HeadChange[name] | null }

export interface Group {
  readonly entries: readonly Entry[]
  /** The same as a journal keeps them, where somebody has written them already. */
  readonly lines?: readonly string[] | undefined
  readonly blobs?: readonly BlobPair[] | undefined
  /** Messages that these entries answer. */
  readonly taken?: readonly string[] | undefined
  readonly head?: LoggedHead | undefined
  /** Nothing follows but what a timer or a message brings: the run need not be kept in memory. `wakeAt` is epoch ms, `now` the moment it was said. */
  readonly rest?: { readonly wakeAt?: number | undefined; readonly now: number } | undefined
  /** The run has ended, or stands still until a person says otherwise. */
  readonly over?: 'ended' | 'still' | undefined
}

/** Why a run at rest is called for: something is in its inbox, or a person asks for it to go on. */
export type Told = 'message' | 'resume'
