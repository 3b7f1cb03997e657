import { requestOf } from './corpus.ts'
import { CorpusProgress } from './corpus-progress.ts'
import { drive } from './drive.ts'
import { finish, footer } from './finish.ts'
import { commandFlows, type Ingested } from './flows.ts'
import { homeOf } from './home.ts'
import type { CommonOptions, CorpusOptions } from './options.ts'
import { inOneLine, paintFor } from './paint.ts'
import { plural } from './quantity.ts'
import { openSession } from './session.ts'
import { printLine, type Terminal } from './terminal.ts'

export interface IngestOptions extends CommonOptions, CorpusOptions {
  readonly embed?: boolean | undefined
}

const SHOWN_SKIPPED = 10

/** `tutti ingest`: looks at every file, whatever the mark says, and takes in what is new or changed. */
export async function ingest(terminal: Terminal, o: IngestOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const request = requestOf(terminal.cwd, o)
  const flows = commandFlows(home)
  const engine = openSession(terminal, home, { flows: [flows.ingest] })
  const progress = new CorpusProgress(engine.store)
  try {
    const run = await engine.start(flows.ingest, { ...request, fresh: true, embed: o.embed === true, words: false })
    const driven = await drive<Ingested>(engine, run, terminal, { quiet: o.json, ...progress })
    return finish(terminal, home, driven, {
      json: o.json,
      print: (ingested) => {
        for (const line of ingestedLines(ingested)) printLine(terminal.out, line)
        printLine(terminal.err, paintFor(terminal.err)('dim', footer(driven.picture)))
      },
    })
  } finally {
    await engine.close({ graceMs: 0 })
    await flows.close()
  }
}

export function ingestedLines({ corpus, report, embedded }: Ingested): string[] {
  const of = corpus.packages.length > 0 ? `${plural(corpus.packages.length, 'package')}` : corpus.origins.join(', ')
  if (!report) return [`${of}: nothing has changed.`]
  const { added, changed, removed, unchanged, skipped } = report
  const lines = [`${of}: ${plural(added, 'document')} added, ${changed} changed, ${removed} removed, ${unchanged} as they were.`]
  for (const { path, why } of skipped.slice(0, SHOWN_SKIPPED)) lines.push(`  left out: ${inOneLine(path)}: ${inOneLine(why)}`)
  if (skipped.length > SHOWN_SKIPPED) lines.push(`  and ${skipped.length - SHOWN_SKIPPED} more were left out.`)
  lines.push(
    embedded === undefined
      ? 'It can be asked now; what is found by meaning grows with the questions, or at once with --embed.'
      : `${plural(embedded, 'passage')} embedded.`,
  )
  return lines
}
