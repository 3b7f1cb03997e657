/** Who drives which run, and what others have to say to it: statements over many runs at once. */
import type { AcquireJob, InboxMessage, PostJob, RenewJob } from 'tutti/store'
import type { Statement } from './database.ts'
import { columnsOf, unnested } from './unnest.ts'

const acquireColumns = { run: 'text', owner: 'text', now: 'bigint', until: 'bigint' } as const

/** @returns as rows the leases that were taken */
export function acquireStatement(jobs: readonly AcquireJob[]): Statement {
  const columns = columnsOf(acquireColumns)
  for (const job of jobs) columns.add(job)
  return { name: 'acquire', text: acquireText, values: columns.values }
}

const acquireText = `
  UPDATE runs r SET status = CASE r.status WHEN 'queued' THEN 'running' ELSE r.status END, epoch = r.epoch + 1, owner = g.owner, lease_until = g.until
  FROM ${unnested(acquireColumns, 1)} AS g(run, owner, now, until)
  WHERE r.run = g.run AND r.status NOT IN ('completed', 'failed', 'cancelled')
    AND (r.owner IS NULL OR r.owner = g.owner OR r.lease_until IS NULL OR r.lease_until <= g.now)
  RETURNING r.run, r.epoch, r.lease_until AS until, r.last_seq AS "lastSeq"`

const leaseColumns = { run: 'text', epoch: 'int' } as const

/** @returns as rows `{ run }`: those that are still held */
export function renewStatement({ leases, until }: RenewJob): Statement {
  const columns = columnsOf(leaseColumns)
  for (const lease of leases) columns.add(lease)
  return { name: 'renew', text: renewText, values: [...columns.values, until] }
}

const renewText = `
  UPDATE runs r SET lease_until = $3::bigint FROM ${unnested(leaseColumns, 1)} AS g(run, epoch)
  WHERE r.run = g.run AND r.epoch = g.epoch AND r.owner IS NOT NULL
  RETURNING r.run`

const letterColumns = { run: 'text', id: 'text', type: 'text', body: 'text' } as const

/** @returns as rows `{ run, ids }`: of each run that is there, the messages that were not known */
export function letterStatement(jobs: readonly PostJob[]): Statement {
  const columns = columnsOf(letterColumns)
  for (const { run, id, body } of jobs) columns.add({ run, id, type: (JSON.parse(body) as InboxMessage).type, body })
  return { name: 'post', text: letterText, values: columns.values }
}

const letterText = `
  WITH there AS (SELECT id, run FROM runs WHERE run = ANY ($1) FOR KEY SHARE),
  posted AS (
    INSERT INTO inbox (run, id, type, body)
    SELECT t.id, l.id, l.type, l.body FROM ${unnested(letterColumns, 1)} WITH ORDINALITY AS l(run, id, type, body, i) JOIN there t USING (run) ORDER BY l.i
    ON CONFLICT DO NOTHING
    RETURNING run, id)
  SELECT t.run, (SELECT array_agg(p.id) FROM posted p WHERE p.run = t.id) AS ids FROM there t`
