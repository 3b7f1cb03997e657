/** The line of a run as it lies in Postgres, and the head it stands for. */
import type { Json, RunHead, RunId, RunStatus, Scope } from 'tutti/store'

export interface HeadRow {
  readonly id: number
  readonly run: RunId
  readonly flow: string
  readonly version: string
  readonly tenant: string
  readonly scope: string
  readonly status: RunStatus
  readonly created_at: number
  readonly updated_at: number
  readonly start_hash: string
  readonly labels: string
  readonly wake_at: number | null
  readonly waiting: string | null
  readonly stalls: number
  readonly epoch: number
  readonly owner: string | null
  readonly lease_until: number | null
  readonly last_seq: number
}

/** Of `runs r`. */
export const headColumns = [
  'id',
  'run',
  'flow',
  'version',
  'tenant',
  'scope',
  'status',
  'created_at',
  'updated_at',
  'start_hash',
  'labels',
  'wake_at',
  'waiting',
  'stalls',
  'epoch',
  'owner',
  'lease_until',
  'last_seq',
]
  .map((name) => `r.${name}`)
  .join(', ')

export function headOf(row: HeadRow): RunHead {
  return {
    run: row.run,
    flow: row.flow,
    version: row.version,
    scope: JSON.parse(row.scope) as Scope,
    status: row.status,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startHash: row.start_hash,
    labels: JSON.parse(row.labels) as Record<string, string>,
    lastSeq: row.last_seq,
    ...(row.wake_at !== null && { wakeAt: row.wake_at }),
    ...(row.waiting !== null && { waiting: JSON.parse(row.waiting) as NonNullable<RunHead['waiting']> & Json }),
    stalls: row.stalls,
    epoch: row.epoch,
    ...(row.owner !== null && { owner: row.owner }),
    ...(row.lease_until !== null && { leaseUntil: row.lease_until }),
  }
}
