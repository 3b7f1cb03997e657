/** Which runs a regression looks at: those named, or the last that ended. */
import { TuttiError } from '../errors/index.ts'
import type { JournalStore, RunHead } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'

export interface PastRuns {
  /** The newest so many, of those that completed or failed. Default 20. */
  readonly last?: number | undefined
  /** These and no others. */
  readonly runs?: readonly string[] | undefined
  /** Begun since then. */
  readonly since?: Date | undefined
  /** With all of these labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly tenant?: string | undefined
}

/** The label of the forks that a regression makes; they are no history themselves. */
export const REGRESS_LABEL = 'regress'

const PAGE = 200

/** Newest first. @throws RUN_NOT_FOUND | CONFIG_INVALID */
export async function choosePast(store: JournalStore, flow: string, o: PastRuns & { readonly before?: number | undefined }): Promise<readonly RunHead[]> {
  const { last = 20 } = o
  if (!Number.isInteger(last) || last < 1)
    throw new TuttiError('CONFIG_INVALID', `the last ${String(last)} runs cannot be looked at`, { hint: 'last is a whole number from 1.' })
  if (o.since !== undefined && !(o.since.getTime() <= Number.POSITIVE_INFINITY)) throw new TuttiError('CONFIG_INVALID', '`since` is no date')
  if (o.runs) return Promise.all(o.runs.map((run) => named(store, flow, run)))
  const chosen = new Map<RunId, RunHead>()
  for (let before = o.before, seen = -1; chosen.size !== seen; ) {
    seen = chosen.size
    const page = await store.list({ flow, tenant: o.tenant, status: ['completed', 'failed'], labels: o.labels, limit: PAGE, before })
    for (const head of page) if (chosen.size < last && isMeant(head, o)) chosen.set(head.run, head)
    const oldest = page.at(-1)?.createdAt
    if (page.length < PAGE || oldest === undefined || chosen.size >= last || oldest < (o.since?.getTime() ?? 0)) break
    if (before === oldest) break
    before = oldest
    seen = -1
  }
  if (chosen.size === 0)
    throw new TuttiError('RUN_NOT_FOUND', `no run of '${flow}' that is asked for has ended`, {
      hint: 'List the runs with `tutti runs --flow`.',
      data: { flow },
    })
  return [...chosen.values()]
}

async function named(store: JournalStore, flow: string, run: string): Promise<RunHead> {
  const head = await store.head(run as RunId)
  if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })
  if (head.flow !== flow) throw new TuttiError('CONFIG_INVALID', `the run '${run}' is of the flow '${head.flow}', not of '${flow}'`)
  return head
}

const isMeant = ({ labels, createdAt }: RunHead, o: PastRuns): boolean => !(REGRESS_LABEL in labels) && createdAt >= (o.since?.getTime() ?? 0)
