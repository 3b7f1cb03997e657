/** Everything that is read of journals in Postgres. Each method is one statement, or a page of one. */
import {
  corruptEntry,
  type Entry,
  type FlowVersion,
  type InboxMessage,
  type Json,
  LIST_LIMIT,
  parseEntry,
  placeAmong,
  type QueuePlace,
  READ_PAGE,
  type RunFilter,
  type RunHead,
  type RunId,
  type ScheduleState,
  TuttiError,
} from 'tutti/store'
import type { Database } from './database.ts'
import { type HeadRow, headColumns, headOf } from './head.ts'

interface LineRow {
  readonly priority: number
  readonly turn: number
  readonly runs: number
  /** Of the run that is asked for, when it stands in this line: how many came before it. */
  readonly before: number | null
}

export class Reader {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async head(run: RunId): Promise<RunHead | undefined> {
    const [row] = await this.#database.rows<HeadRow>({ name: 'head', text: `SELECT ${headColumns} FROM runs r WHERE run = $1`, values: [run] })
    return row && headOf(row)
  }

  /** The number of a run, and how many entries it holds at least. */
  async numberOf(run: RunId): Promise<{ readonly id: number; readonly least: number } | undefined> {
    const [row] = await this.#database.rows<{ id: number; least: number }>({
      name: 'number',
      text: 'SELECT id, last_seq AS least FROM runs WHERE run = $1',
      values: [run],
    })
    return row
  }

  /** The next entries after `after`, `READ_PAGE` of them or what there is. @throws JOURNAL_CORRUPT | JOURNAL_NEWER */
  async page(run: RunId, id: number, after: number): Promise<readonly Entry[]> {
    const rows = await this.#database.rows<{ seq: number; body: string }>({
      name: 'page',
      text: 'SELECT seq, body FROM entries WHERE run = $1 AND seq > $2 ORDER BY seq LIMIT $3',
      values: [id, after, READ_PAGE],
    })
    return rows.map(({ seq, body }, i) => {
      if (seq !== after + 1 + i) throw corruptEntry(run, after + 1 + i, 'is missing')
      return parseEntry(body, run, seq)
    })
  }

  async blob(hash: string): Promise<string | undefined> {
    const [row] = await this.#database.rows<{ body: string }>({ name: 'blob', text: 'SELECT body FROM blobs WHERE hash = $1', values: [hash] })
    return row?.body
  }

  async list({ flow, tenant, status, labels, limit = LIST_LIMIT, before }: RunFilter): Promise<readonly RunHead[]> {
    const rows = await this.#database.rows<HeadRow>({
      text: `
        SELECT ${headColumns} FROM runs r
        WHERE ($1::bigint IS NULL OR created_at < $1) AND ($2::text IS NULL OR flow = $2) AND ($3::text IS NULL OR tenant = $3)
          AND ($4::text[] IS NULL OR status = ANY ($4))
          AND NOT EXISTS (SELECT 1 FROM unnest($5::text[], $6::text[]) w(name, value) WHERE (labels::json ->> w.name) IS DISTINCT FROM w.value)
        ORDER BY created_at DESC, id DESC LIMIT $7`,
      values: [before ?? null, flow ?? null, tenant ?? null, status ?? null, Object.keys(labels ?? {}), Object.values(labels ?? {}), limit],
    })
    return rows.map(headOf)
  }

  async inbox(run: RunId): Promise<readonly InboxMessage[]> {
    const rows = await this.#database.rows<{ body: string }>({
      name: 'inbox',
      text: 'SELECT m.body FROM inbox m JOIN runs r ON r.id = m.run WHERE r.run = $1 AND m.body IS NOT NULL ORDER BY m.n',
      values: [run],
    })
    return rows.map(({ body }) => letterOf(run, body))
  }

  async due(flows: readonly FlowVersion[], now: number, limit: number): Promise<readonly RunHead[]> {
    const rows = await this.#database.rows<HeadRow>({
      name: 'due',
      text: `
        WITH known AS (SELECT * FROM unnest($2::text[], $3::text[]) AS k(flow, version)),
        found AS (
          (SELECT r.id FROM runs r JOIN known USING (flow, version) WHERE r.status = 'running' AND ${undriven} LIMIT $4)
          UNION
          (SELECT r.id FROM runs r JOIN known USING (flow, version) WHERE r.status = 'waiting' AND r.wake_at <= $1 AND ${undriven} LIMIT $4)
          UNION
          (SELECT r.id FROM inbox m JOIN runs r ON r.id = m.run JOIN known USING (flow, version)
            WHERE m.body IS NOT NULL AND (r.status = 'waiting' OR r.status = 'suspended' AND m.type = 'cancel') AND ${undriven} LIMIT $4)
          UNION
          (SELECT q.id FROM known k CROSS JOIN LATERAL (SELECT id FROM runs WHERE status = 'queued' AND flow = k.flow AND version = k.version LIMIT 1) q))
        SELECT ${headColumns} FROM runs r WHERE r.id IN (SELECT id FROM found) ORDER BY r.status = 'queued', r.id LIMIT $4`,
      values: [now, flows.map(({ flow }) => flow), flows.map(({ version }) => version), limit],
    })
    return rows.map(headOf)
  }

  async unheard(flows: readonly string[], limit: number): Promise<readonly RunHead[]> {
    const rows = await this.#database.rows<HeadRow>({
      name: 'unheard',
      text: `
        SELECT ${headColumns} FROM runs r
        WHERE r.id IN (SELECT run FROM inbox WHERE body IS NOT NULL) AND r.flow = ANY ($1) AND r.status NOT IN ('completed', 'failed', 'cancelled')
        ORDER BY r.id LIMIT $2`,
      values: [flows, limit],
    })
    return rows.map(headOf)
  }

  async place(run: RunId): Promise<QueuePlace | undefined> {
    const rows = await this.#database.rows<LineRow>({
      text: `
        WITH mine AS (SELECT id, flow, priority, tenant, version FROM runs WHERE run = $1 AND status = 'queued')
        SELECT l.priority, l.turn, count(*)::int AS runs,
          CASE WHEN bool_or(q.id = m.id) THEN (count(*) FILTER (WHERE q.id < m.id))::int END AS before
        FROM mine m JOIN queue_lines l ON l.flow = m.flow
        JOIN runs q ON q.status = 'queued' AND q.flow = l.flow AND q.priority = l.priority AND q.tenant = l.tenant AND q.version = l.version
        GROUP BY l.priority, l.turn`,
      values: [run],
    })
    const mine = rows.find(({ before }) => before !== null)
    return mine && placeAmong({ ...mine, before: mine.before ?? 0 }, rows)
  }

  async schedules(): Promise<readonly ScheduleState[]> {
    const rows = await this.#database.rows<{ name: string; considered: number; paused: boolean; run: RunId | null; spec: string | null }>({
      text: 'SELECT name, considered, paused, run, spec FROM schedules ORDER BY name',
    })
    return rows.map(({ name, considered, paused, run, spec }) => ({
      ...{ name, considered, paused },
      ...(run !== null && { run }),
      ...(spec !== null && specOf(spec)),
    }))
  }
}

const undriven = '(r.owner IS NULL OR r.lease_until IS NULL OR r.lease_until <= $1)'

function letterOf(run: RunId, body: string): InboxMessage {
  try {
    return JSON.parse(body) as InboxMessage
  } catch (cause) {
    throw new TuttiError('JOURNAL_CORRUPT', `the inbox of run '${run}' holds a message that is not JSON`, { data: { run }, cause })
  }
}

/** One that cannot be read holds up no other. */
function specOf(text: string): Pick<ScheduleState, 'spec' | 'damaged'> {
  try {
    return { spec: JSON.parse(text) as Json }
  } catch {
    return { damaged: true }
  }
}
