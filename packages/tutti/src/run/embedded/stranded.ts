/** Runs that have not ended and that nothing here can go on with: the code they are pinned to is gone (I9). */
import type { JournalStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import type { Registry } from './registry.ts'
import { pagesOfRuns } from './run-pages.ts'

export interface StrandedRun {
  readonly id: RunId
  readonly flow: string
  /** The one it began with, which is not registered. */
  readonly version: string
  readonly status: 'queued' | 'running' | 'waiting' | 'suspended'
  readonly startedAt: Date
  readonly labels: Readonly<Record<string, string>>
  /** The versions of this flow that are; none when the flow itself is gone. */
  readonly registered: readonly string[]
}

/** Newest first. */
export async function strandedRuns(store: JournalStore, registry: Registry): Promise<readonly StrandedRun[]> {
  const stranded: StrandedRun[] = []
  for await (const page of pagesOfRuns(store, ['queued', 'running', 'waiting', 'suspended']))
    for (const head of page) {
      if (registry.has(head) || head.damaged) continue
      const { run: id, flow, version, createdAt, labels } = head
      const registered = registry.versions(flow).map((of) => of.version)
      stranded.push({ id, flow, version, status: head.status as StrandedRun['status'], startedAt: new Date(createdAt), labels, registered })
    }
  return stranded
}
