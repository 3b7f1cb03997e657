/** What an activation needs of where its run is written: a store of journals, or what stands before the log of an engine elsewhere. Types only. */
import type { JournalStore } from '../../journal/index.ts'

export type RunStore = Pick<JournalStore, 'append' | 'blob' | 'inbox' | 'read' | 'renew'>
