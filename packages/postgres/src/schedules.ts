/** What is kept of schedules, and what goes when a tenant does. */
import type { PoolClient } from 'pg'
import type { KeepScheduleJob } from 'tutti/store'
import { ask } from './database.ts'

export async function keepSchedule(client: PoolClient, { name, change: { considered = 0, paused, run, spec } }: KeepScheduleJob): Promise<undefined> {
  await ask(client, {
    text: `
      INSERT INTO schedules AS s (name, considered, paused, run, spec) VALUES ($1, $2::bigint, coalesce($3::boolean, false), $4::text, $5::text)
      ON CONFLICT (name) DO UPDATE SET considered = greatest(s.considered, $2), paused = coalesce($3, s.paused), run = coalesce($4, s.run), spec = coalesce($5, s.spec)`,
    values: [name, considered, paused ?? null, run ?? null, spec === undefined ? null : JSON.stringify(spec)],
  })
}

export async function dropSchedule(client: PoolClient, name: string): Promise<boolean> {
  const { rowCount } = await ask(client, { text: 'DELETE FROM schedules WHERE name = $1', values: [name] })
  return (rowCount ?? 0) > 0
}

/** Nothing of this tenant is queued. */
export async function forgetTenant(client: PoolClient, tenant: string): Promise<void> {
  await ask(client, {
    text: `
      DELETE FROM queue_lines l WHERE tenant = $1 AND NOT EXISTS (
        SELECT 1 FROM runs r WHERE r.status = 'queued' AND r.flow = l.flow AND r.priority = l.priority AND r.tenant = $1 AND r.version = l.version)`,
    values: [tenant],
  })
  await ask(client, { text: 'DELETE FROM queue_begun WHERE lane::json ->> 1 = $1', values: [tenant] })
}
