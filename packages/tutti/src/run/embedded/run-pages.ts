/** All runs that stand in one of these ways, newest first, page by page; a run that comes to stand so meanwhile may be missing. */
import type { JournalStore, RunHead, RunStatus } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'

const PAGE = 200

export async function* pagesOfRuns(store: JournalStore, status: readonly RunStatus[]): AsyncIterable<readonly RunHead[]> {
  const seen = new Set<RunId>()
  let before: number | undefined
  for (let limit = PAGE; ; ) {
    const page = await store.list({ status, limit, before })
    const fresh = page.filter(({ run }) => !seen.has(run))
    for (const { run } of fresh) seen.add(run)
    yield fresh
    if (page.length < limit) return
    // Runs that began in the same millisecond as the last one may not all have been on its page.
    if (fresh.length === 0) limit *= 2
    before = (page.at(-1)?.createdAt ?? 0) + 1
  }
}
