import type { JournalStore, RunFilter, RunHead } from './store.port.ts'

const PAGE = 500

/** Every run that a filter fits, newest first, however many there are; `limit` is that of one page. */
export async function* everyRun(store: JournalStore, filter: Omit<RunFilter, 'limit'> = {}): AsyncGenerator<RunHead> {
  let { before } = filter
  /** Of the last instant: a page may end amid runs that began in the same millisecond. */
  let seen = new Set<string>()
  for (let limit = PAGE; ; ) {
    const page = await store.list({ ...filter, before, limit })
    const fresh = page.filter(({ run }) => !seen.has(run))
    yield* fresh
    const last = page.at(-1)
    if (!last || page.length < limit) return
    seen = new Set(page.filter(({ createdAt }) => createdAt === last.createdAt).map(({ run }) => run))
    if (seen.size === page.length) limit *= 2
    before = last.createdAt + 1
  }
}
