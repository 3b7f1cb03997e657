/** What `tutti doctor` finds of a journal in a database, and of an engine elsewhere. */
import { configuredEngine } from '../configured.ts'
import type { JournalStore } from '../journal/index.ts'
import type { Finding } from './finding.port.ts'
import { sayBytes } from './quantity.ts'
import type { Terminal } from './terminal.ts'

/** What the store of a satellite package tells of itself. */
interface DatabaseStats {
  readonly place: string
  readonly server: string
  readonly schema: string
  readonly schemaVersion: number
  readonly bytes: number
}

export async function databaseFindings(store: JournalStore & { stats?(): Promise<DatabaseStats> }): Promise<Finding[]> {
  const begun = performance.now()
  await store.head('no such run' as never)
  const ms = performance.now() - begun
  const stats = await store.stats?.()
  if (!stats) return []
  const { place, server, schema, schemaVersion, bytes } = stats
  return [
    { what: 'postgres', state: 'fine', says: `${server} at ${place}, a question takes ${ms.toFixed(1)} ms` },
    { what: 'store', state: 'fine', says: `schema '${schema}', version ${schemaVersion}: ${sayBytes(bytes)}` },
  ]
}

/** Nothing when this process drives the runs. */
export async function engineFindings(terminal: Terminal): Promise<Finding[]> {
  const engine = configuredEngine(terminal, false)
  const checks = (await engine?.check?.()) ?? []
  return checks.map(({ what, ok, says, next }) => ({ what, state: ok ? 'fine' : 'problem', says, ...(next !== undefined && { next }) }))
}
