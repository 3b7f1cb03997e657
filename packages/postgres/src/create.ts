/** New runs as one statement: those whose id is free, and whose source is there. A queued one keeps its line from being closed until it stands in it. */
import { type CreateJob, type InboxMessage, isToBegin } from 'tutti/store'
import type { Statement } from './database.ts'
import { queueLock } from './queue-lock.ts'
import { columnsOf, unnested } from './unnest.ts'

const lineColumns = {
  run: 'text',
  flow: 'text',
  version: 'text',
  tenant: 'text',
  scope: 'text',
  status: 'text',
  created_at: 'bigint',
  updated_at: 'bigint',
  start_hash: 'text',
  labels: 'text',
  source: 'text',
  priority: 'int',
  wake_at: 'bigint',
  waiting: 'text',
  stalls: 'int',
  epoch: 'int',
  owner: 'text',
  lease_until: 'bigint',
  last_seq: 'int',
} as const
const names = Object.keys(lineColumns)
const after = names.length + 1
const entryColumns = { run: 'text', seq: 'int', body: 'line' } as const
const blobColumns = { run: 'text', hash: 'text', body: 'text' } as const
const useColumns = { run: 'text', hash: 'text' } as const
const letterColumns = { run: 'text', id: 'text', type: 'text', body: 'text' } as const
const sourceColumns = { source: 'text' } as const

/** @returns as rows `{ run }`: those that were made */
export function createStatement(jobs: readonly CreateJob[]): Statement {
  const lines = columnsOf(lineColumns)
  const entries = columnsOf(entryColumns)
  const blobs = columnsOf(blobColumns)
  const uses = columnsOf(useColumns)
  const letters = columnsOf(letterColumns)
  const sources = columnsOf(sourceColumns)
  for (const job of jobs) {
    const { run, head } = job
    lines.add({
      ...{ run, flow: head.flow, version: head.version, tenant: head.scope.tenant, scope: JSON.stringify(head.scope), status: head.status },
      ...{ created_at: head.createdAt, updated_at: head.updatedAt, start_hash: head.startHash, labels: JSON.stringify(head.labels) },
      ...{ source: job.source ?? null, priority: job.priority, wake_at: head.wakeAt ?? null, waiting: head.waiting ? JSON.stringify(head.waiting) : null },
      ...{ stalls: head.stalls, epoch: head.epoch, owner: head.owner ?? null, lease_until: head.leaseUntil ?? null, last_seq: head.lastSeq },
    })
    for (const [i, body] of job.bodies.entries()) entries.add({ run, seq: i + 1, body })
    for (const [hash, body] of job.blobs) blobs.add({ run, hash, body })
    for (const hash of job.uses) uses.add({ run, hash })
    for (const [id, body] of job.inbox) letters.add({ run, id, type: (JSON.parse(body) as InboxMessage).type, body })
    if (job.source !== undefined && isToBegin(head)) sources.add({ source: job.source })
  }
  return { name: 'create', text, values: [lines, entries, blobs, uses, letters, sources].flatMap(({ values }) => values) }
}

const [entriesAt, blobsAt, usesAt, lettersAt, sourcesAt] = [after, after + 3, after + 6, after + 8, after + 12]
const sql = names.join(', ')
const text = `
  WITH given AS (SELECT * FROM ${unnested(lineColumns, 1)} AS g(${sql})),
  sources AS (SELECT run FROM runs WHERE run = ANY ($${sourcesAt}::text[]) FOR KEY SHARE),
  made AS (
    INSERT INTO runs (${sql})
    SELECT ${sql} FROM given g WHERE g.source IS NULL OR g.source <> ALL ($${sourcesAt}) OR g.source IN (SELECT run FROM sources)
    ON CONFLICT (run) DO NOTHING
    RETURNING id, run, flow, priority, tenant, version, status),
  written AS (
    INSERT INTO entries (run, seq, body) SELECT m.id, e.seq, e.body FROM ${unnested(entryColumns, entriesAt)} AS e(run, seq, body) JOIN made m USING (run)),
  brought AS (
    INSERT INTO blobs (hash, body)
    SELECT DISTINCT ON (b.hash) b.hash, b.body FROM ${unnested(blobColumns, blobsAt)} AS b(run, hash, body) JOIN made m USING (run)
    ON CONFLICT DO NOTHING),
  used AS (
    INSERT INTO blob_uses (run, hash) SELECT DISTINCT m.id, u.hash FROM ${unnested(useColumns, usesAt)} AS u(run, hash) JOIN made m USING (run)
    WHERE u.hash = ANY ($${blobsAt + 1}) OR EXISTS (SELECT 1 FROM blobs b WHERE b.hash = u.hash)),
  posted AS (
    INSERT INTO inbox (run, id, type, body)
    SELECT m.id, l.id, l.type, l.body FROM ${unnested(letterColumns, lettersAt)} WITH ORDINALITY AS l(run, id, type, body, i) JOIN made m USING (run) ORDER BY l.i),
  locks AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(${queueLock('flow')}) FROM (SELECT DISTINCT flow FROM given WHERE status = 'queued' ORDER BY flow) q),
  lined AS (
    INSERT INTO queue_lines (flow, priority, tenant, version)
    SELECT DISTINCT flow, priority, tenant, version FROM made WHERE status = 'queued' AND (SELECT count(*) FROM locks) > 0 ON CONFLICT DO NOTHING)
  SELECT run FROM made`
