import type { Scope } from '../primitives/index.ts'
import { type Flow, flow, type Run } from '../run/index.ts'
import type { IngestOptions, IngestReport } from './ingest.ts'
import { survey, takeIn, takeOut } from './ingest.ts'
import type { Partition } from './partition.ts'

export interface IngestInput {
  /** Files, folders, patterns, or folders of packages (`node_modules/zod`). */
  from: string | readonly string[]
}

/** Documents under way at once. Reading overlaps; splitting and writing do not. */
const CONCURRENCY = 4

/**
 * Ingestion as a flow: one recorded step a document, so that a killed run goes on where it was, and a finished one says what it did.
 * `open` gives the partition of a scope; `done` is told when the documents stand; `fill` embeds them, where that is a part of the run.
 */
export function ingestFlow(
  name: string,
  open: (scope: Readonly<Scope>) => Partition,
  done: (scope: Readonly<Scope>) => void,
  o: IngestOptions,
  fill?: (run: Run) => Promise<number>,
): Flow<IngestInput, IngestReport> {
  const options = { version: '1', description: `Takes documents into the index '${name}': what is new or changed, and out what is gone.` }
  return flow(`${name}.ingest`, options, async ({ from }: IngestInput, run) => {
    const places = typeof from === 'string' ? [from] : [...from]
    const found = await run.step('scan', places, (from, { scope }) => survey(open(scope), from, o))
    const due = found.files.filter(({ state }) => state !== 'unchanged')
    const settled = await run.map('document', due, (file, { scope }) => takeIn(open(scope), file, found.origins, o), {
      concurrency: CONCURRENCY,
      onError: 'collect',
    })
    const removed = await run.step('remove', { origins: found.origins }, (_, { scope }) => {
      const gone = takeOut(open(scope), found)
      done(scope)
      return gone
    })
    const report: IngestReport = { added: 0, changed: 0, removed, unchanged: found.files.length - due.length, skipped: [...found.skipped] }
    for (const [i, file] of due.entries()) {
      const item = settled[i]
      if (!item?.ok) report.skipped.push({ path: file.source, why: item?.error.message ?? 'it was not reached' })
      else if (item.output.skipped) report.skipped.push(item.output.skipped)
      else if (file.state === 'added') report.added++
      else report.changed++
    }
    if (fill) report.embedded = await fill(run)
    return report
  })
}
