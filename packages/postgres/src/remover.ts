/**
 * Removes runs, inside the transaction of whoever calls. Cost: linear in what is removed.
 *
 * A blob goes with the last run that names it. Whoever names it meanwhile holds its row; then the removal is refused by Postgres (a foreign key), and done again.
 */
import type { PoolClient } from 'pg'
import { hasEnded, type KeptRun, type Removal, type RemoveJob, type RunId, type RunStatus } from 'tutti/store'
import { Accounts } from './accounts.ts'
import { ask } from './database.ts'

interface RunRow {
  readonly id: number
  readonly run: RunId
  readonly status: RunStatus
}

export async function removeRuns(client: PoolClient, { runs, dryRun, force }: RemoveJob): Promise<Removal> {
  const named = [...new Set(runs)]
  const { rows } = await ask<RunRow>(client, { text: 'SELECT id, run, status FROM runs WHERE run = ANY ($1) ORDER BY id FOR UPDATE', values: [named] })
  const found = new Map(rows.map((row) => [row.run, row]))
  const forks = force ? new Map<RunId, RunId>() : await openForks(client, named)
  const removed: RunId[] = []
  const kept: KeptRun[] = []
  for (const run of named) {
    const why = whyKept(run, found.get(run), forks.get(run), force)
    if (why) kept.push(why)
    else removed.push(run)
  }
  if (!dryRun) await closeHolds(client, removed)
  const ids = removed.map((run) => (found.get(run) as RunRow).id)
  if (dryRun) await ask(client, { text: 'SAVEPOINT dry_run' })
  const gone = await drop(client, ids)
  await ask(client, { text: 'DELETE FROM parts WHERE run = ANY ($1)', values: [removed] })
  if (dryRun) await ask(client, { text: 'ROLLBACK TO dry_run' })
  return { removed, kept, ...gone }
}

/** What they may still be calling is paid for. */
async function closeHolds(client: PoolClient, runs: readonly RunId[]): Promise<void> {
  const asking = runs.map((run) => ({ run, standing: { closes: true } }))
  const accounts = await Accounts.lock(client, asking)
  for (const one of asking) accounts.change(one)
  for (const statement of accounts.writes()) await ask(client, statement)
}

/** By source: a fork that reads its record. */
async function openForks(client: PoolClient, runs: readonly RunId[]): Promise<ReadonlyMap<RunId, RunId>> {
  const { rows } = await ask<{ source: RunId; run: RunId }>(client, {
    text: `SELECT source, min(run) AS run FROM runs WHERE source = ANY ($1) AND status NOT IN ('completed', 'failed', 'cancelled') GROUP BY source`,
    values: [runs],
  })
  return new Map(rows.map(({ source, run }) => [source, run]))
}

function whyKept(run: RunId, row: RunRow | undefined, fork: RunId | undefined, force: boolean): KeptRun | undefined {
  if (!row) return { run, why: 'not-found' }
  if (force) return undefined
  if (!hasEnded(row.status)) return { run, why: 'not-ended' }
  return fork === undefined ? undefined : { run, why: 'forked', by: fork }
}

async function drop(client: PoolClient, ids: readonly number[]): Promise<Pick<Removal, 'entries' | 'bytes'>> {
  if (ids.length === 0) return { entries: 0, bytes: 0 }
  const counted = async (text: string, values: readonly unknown[]): Promise<{ entries: number; bytes: number }> => {
    const { rows } = await ask<{ entries: number; bytes: number }>(client, {
      text: `WITH gone AS (${text} RETURNING *) SELECT count(*) AS entries, coalesce(sum(octet_length(body)), 0)::bigint AS bytes FROM gone`,
      values,
    })
    return rows[0] as { entries: number; bytes: number }
  }
  const entries = await counted('DELETE FROM entries WHERE run = ANY ($1)', [ids])
  const letters = await counted('DELETE FROM inbox WHERE run = ANY ($1)', [ids])
  const { rows: uses } = await ask<{ hash: string }>(client, { text: 'DELETE FROM blob_uses WHERE run = ANY ($1) RETURNING hash', values: [ids] })
  await ask(client, { text: 'DELETE FROM runs WHERE id = ANY ($1)', values: [ids] })
  const blobs = await counted('DELETE FROM blobs b WHERE hash = ANY ($1) AND NOT EXISTS (SELECT 1 FROM blob_uses u WHERE u.hash = b.hash)', [
    [...new Set(uses.map(({ hash }) => hash))],
  ])
  return { entries: entries.entries, bytes: entries.bytes + letters.bytes + blobs.bytes }
}
