/** Everything that is read from a journal file. Each method is one statement, or a page of one. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Json, RunId, Scope } from '../primitives/index.ts'
import { checkBlob, corruptEntry, parseEntry } from './codec.ts'
import type { Entry } from './entry.ts'
import { LIST_LIMIT, READ_PAGE } from './page.ts'
import type { QueuePlace } from './queue.port.ts'
import { type LineLength, type LinePlace, placeAmong } from './queue-place.ts'
import type { ScheduleState } from './schedule.port.ts'
import { entryKey, RUN_SPAN } from './sqlite-schema.ts'
import type { FlowVersion, InboxMessage, OpenWait, RunFilter, RunHead, RunStatus } from './store.port.ts'

interface HeadRow {
  readonly run: RunId
  readonly flow: string
  readonly version: string
  readonly scope: string
  readonly status: RunStatus
  readonly created_at: number
  readonly start_hash: string
  readonly labels: string
  readonly wake_at: number | null
  readonly waiting: string | null
  readonly stalls: number
  readonly epoch: number
  readonly owner: string | null
  readonly lease_until: number | null
  readonly last_key: number | null
  readonly last_time: number | null
}

interface ScheduleRow {
  readonly name: string
  readonly considered: number
  readonly paused: number
  readonly spec: string | null
}

/** `lastSeq` and `updatedAt` are those of the last entry, so that an append need not touch `runs`. */
const HEAD = `
  SELECT r.*, p.key AS last_key, e.body ->> '$.t' AS last_time FROM runs r
  LEFT JOIN places p ON p.key = (SELECT l.key FROM places l WHERE l.key > r.id * ${RUN_SPAN} AND l.key < (r.id + 1) * ${RUN_SPAN} ORDER BY l.key DESC LIMIT 1)
  LEFT JOIN entries e ON e.n = p.n`
const UNDRIVEN = `(r.lease_until IS NULL OR r.lease_until <= :now) 
  AND (r.flow, r.version) IN (SELECT value ->> 'flow', value ->> 'version' FROM json_each(:flows))`
const GOES_ON = `r.status IN ('running', 'waiting')`
const SAME_LINE = 'b.flow = q.flow AND b.priority = q.priority AND b.tenant = q.tenant AND b.version = q.version'

export class SqliteReader {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  head(run: RunId): RunHead | undefined {
    const row = this.#prepare(`${HEAD} WHERE r.run = ?`).get(run) as HeadRow | undefined
    return row && headOf(row)
  }

  /** The number of a run in this file. */
  numberOf(run: RunId): number | undefined {
    return (this.#prepare('SELECT id FROM runs WHERE run = ?').get(run) as { id: number } | undefined)?.id
  }

  /** The next entries after `after`, `READ_PAGE` of them or what there is. @throws JOURNAL_CORRUPT | JOURNAL_NEWER */
  page(run: RunId, number: number, after: number): Entry[] {
    const statement = this.#prepare('SELECT p.key, e.body FROM places p LEFT JOIN entries e ON e.n = p.n WHERE p.key > ? AND p.key < ? ORDER BY p.key LIMIT ?')
    // An object for each row would cost a tenth of what reading it does.
    statement.setReturnArrays(true)
    const rows = statement.all(entryKey(number, after), entryKey(number + 1, 0), READ_PAGE) as unknown as readonly [key: number, body: string | null][]
    return rows.map(([key, body], i) => {
      const seq = after + 1 + i
      if (key !== entryKey(number, seq) || body === null) throw corruptEntry(run, seq, 'is missing')
      return parseEntry(body, run, seq)
    })
  }

  blob(hash: string): string {
    const row = this.#prepare('SELECT body FROM blobs WHERE hash = ?').get(blobKey(hash)) as { body: string } | undefined
    return checkBlob(hash, row?.body)
  }

  list({ flow, tenant, status, limit = LIST_LIMIT, before }: RunFilter): RunHead[] {
    const statement = this.#prepare(`
      ${HEAD}
      WHERE r.created_at < coalesce(:before, 9e15) AND (:flow IS NULL OR r.flow = :flow) AND (:tenant IS NULL OR r.tenant = :tenant)
        AND (:status IS NULL OR r.status IN (SELECT value FROM json_each(:status)))
      ORDER BY r.created_at DESC, r.id DESC LIMIT :limit`)
    const rows = statement.all({ before: before ?? null, flow: flow ?? null, tenant: tenant ?? null, status: status ? JSON.stringify(status) : null, limit })
    return (rows as unknown as readonly HeadRow[]).map(headOf)
  }

  inbox(run: RunId): InboxMessage[] {
    const rows = this.#prepare('SELECT body FROM inbox WHERE run = (SELECT id FROM runs WHERE run = ?) AND body IS NOT NULL ORDER BY n').all(run)
    return (rows as unknown as readonly { body: string }[]).map(({ body }) => JSON.parse(body) as InboxMessage)
  }

  /** Indexed look-ups, so that runs at rest cost nothing until their time has come. */
  due(flows: readonly FlowVersion[], now: number, limit: number): RunHead[] {
    const statement = this.#prepare(`
      ${HEAD}
      WHERE r.id IN (
        SELECT id FROM (SELECT r.id FROM runs r WHERE r.status = 'running' AND ${UNDRIVEN} LIMIT :limit)
        UNION SELECT id FROM (SELECT r.id FROM runs r WHERE r.wake_at <= :now AND ${GOES_ON} AND ${UNDRIVEN} LIMIT :limit)
        UNION SELECT id FROM (
          SELECT r.id FROM (SELECT run, max(body ->> '$.type' = 'cancel') AS cancels FROM inbox WHERE body IS NOT NULL GROUP BY run) i CROSS JOIN runs r ON r.id = i.run
          WHERE (${GOES_ON} OR r.status = 'suspended' AND i.cancels) AND ${UNDRIVEN} LIMIT :limit
        )
        UNION SELECT (
          SELECT q.run FROM queue_lines l JOIN queued q USING (flow, priority, tenant, version)
          WHERE l.flow = f.value ->> 'flow' AND l.version = f.value ->> 'version' LIMIT 1
        ) FROM json_each(:flows) f
      )
      ORDER BY r.id LIMIT :limit`)
    return (statement.all({ flows: JSON.stringify(flows), now, limit }) as unknown as readonly HeadRow[]).map(headOf)
  }

  place(run: RunId): QueuePlace | undefined {
    const mine = this.#prepare(`
      SELECT q.flow, q.priority, l.turn, q.run AS id, (SELECT count(*) FROM queued b WHERE ${SAME_LINE} AND b.run < q.run) AS before
      FROM runs r JOIN queued q ON q.run = r.id JOIN queue_lines l USING (flow, priority, tenant, version) WHERE r.run = ? AND r.status = 'queued'`).get(run)
    if (!mine) return undefined
    const { flow, ...place } = mine as unknown as LinePlace & { flow: string }
    const lines = this.#prepare(`
      SELECT l.priority, l.turn, count(*) AS runs FROM queued q JOIN queue_lines l USING (flow, priority, tenant, version) WHERE q.flow = ?
      GROUP BY q.priority, q.tenant, q.version`).all(flow)
    return placeAmong(place, lines as unknown as readonly LineLength[])
  }

  schedules(): ScheduleState[] {
    const rows = this.#prepare('SELECT name, considered, paused, spec FROM schedules ORDER BY name').all() as unknown as readonly ScheduleRow[]
    return rows.map(({ name, considered, paused, spec }) => ({
      name,
      considered,
      paused: paused === 1,
      ...(spec !== null && { spec: JSON.parse(spec) as Json }),
    }))
  }

  /** Another number than last time: another connection has committed since. */
  dataVersion(): number {
    return (this.#prepare('PRAGMA data_version').get() as { data_version: number }).data_version
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** The 128 bits of a hash: half of what its hexadecimal text would take. */
export const blobKey = (hash: string): Uint8Array => Buffer.from(hash, 'base64url')

function headOf(row: HeadRow): RunHead {
  const { run, flow, version, status, created_at: createdAt, start_hash: startHash, stalls, epoch } = row
  return {
    run,
    flow,
    version,
    scope: JSON.parse(row.scope) as Scope,
    status,
    createdAt,
    updatedAt: row.last_time ?? createdAt,
    startHash,
    labels: JSON.parse(row.labels) as Record<string, string>,
    lastSeq: row.last_key === null ? 0 : row.last_key % RUN_SPAN,
    ...(row.wake_at !== null && { wakeAt: row.wake_at }),
    ...(row.waiting !== null && { waiting: JSON.parse(row.waiting) as (OpenWait & { data?: Json })[] }),
    stalls,
    epoch,
    ...(row.owner !== null && { owner: row.owner }),
    ...(row.lease_until !== null && { leaseUntil: row.lease_until }),
  }
}
