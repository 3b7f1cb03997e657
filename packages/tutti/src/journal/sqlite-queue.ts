/**
 * The queues of a journal file, inside the transaction of whoever writes it.
 *
 * Owns: the tables `queued`, `queue_lines`, `queue_held` and `queue_begun`. Does not own: the line of a run, its lease (the writer's).
 * What they hold of a run is put right when it is met: a run that is no longer queued leaves `queued`, one that nobody drives `queue_held`, an empty line
 * its place.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RunId } from '../primitives/index.ts'
import type { Held, Line, QueueFacts } from './admission.ts'
import type { AdmitJob } from './job.ts'
import type { AdmittedRun } from './store.port.ts'

/** How the leases of runs are changed. */
export interface QueueLeases {
  /** Of a run that nobody living drives. */
  take(run: RunId, job: AdmitJob): AdmittedRun | undefined
  /** It is nobody's any more. */
  letGo(run: RunId): void
}

/** With each that begins so many of before are forgotten, of whatever lane: more than come. */
const FORGOTTEN_AT_ONCE = 8

export class SqliteQueue implements QueueFacts {
  readonly #statements: ReturnType<typeof prepareAll>
  readonly #leases: QueueLeases

  constructor(db: DatabaseSync, leases: QueueLeases) {
    this.#statements = prepareAll(db)
    this.#leases = leases
  }

  /** @param id the number of the run */
  join(id: number, { flow, priority, tenant, version }: Omit<Line, 'turn'>): void {
    this.#statements.join.run(id, flow, priority, tenant, version)
    this.#statements.openLine.run({ flow, priority, tenant, version })
  }

  /** The run is taken, and need not stand in line. */
  leave(run: RunId): void {
    this.#statements.leaveByName.run(run)
  }

  held(flow: string, now: number): readonly Held[] {
    this.#statements.forgetHeld.run(flow)
    return this.#statements.held.all(flow, now) as unknown as readonly Held[]
  }

  tenantOf(run: RunId): { readonly tenant: string; readonly isQueued: boolean } | undefined {
    const row = this.#statements.tenantOf.get(run) as { tenant: string; status: string } | undefined
    return row && { tenant: row.tenant, isQueued: row.status === 'queued' }
  }

  lineAfter(flow: string, last: Line | undefined): Line | undefined {
    const { firstLine, lineAfter, lineBelow } = this.#statements
    if (!last) return firstLine.get(flow) as Line | undefined
    return (lineAfter.get(flow, last.priority, last.turn) ?? lineBelow.get(flow, last.priority)) as Line | undefined
  }

  front(line: Line): RunId | undefined {
    const { front, leave, closeLine } = this.#statements
    const { flow, priority, tenant, version } = line
    for (;;) {
      const row = front.get(flow, priority, tenant, version) as { id: number; run: RunId | null } | undefined
      if (!row) {
        closeLine.run(flow, priority, tenant, version)
        return undefined
      }
      if (row.run !== null) return row.run
      leave.run(row.id)
    }
  }

  served({ flow, priority, tenant, version }: Line): void {
    this.#statements.toTheEnd.run({ flow, priority, tenant, version })
  }

  take(run: RunId, job: AdmitJob): AdmittedRun | undefined {
    const taken = this.#leases.take(run, job)
    if (!taken) return undefined
    if (taken.isNew) this.leave(run)
    this.#statements.hold.run(job.flow, run)
    return taken
  }

  lapse(flow: string, now: number): void {
    for (const { run } of this.#statements.lapsed.all(flow, now) as unknown as readonly { run: RunId }[]) this.#leases.letGo(run)
  }

  beganAt(lane: string, n: number, now: number): number | undefined {
    const { beganAt, setBack } = this.#statements
    const last = beganAt.get({ lane, n: 1 }) as { at: number } | undefined
    // A clock that was set back would otherwise hold everybody up until it stands again where it stood.
    if (last && last.at > now) setBack.run({ lane, now })
    return (beganAt.get({ lane, n }) as { at: number } | undefined)?.at
  }

  begin(lane: string, now: number, keepMs: number): void {
    this.#statements.forgetBegun.run({ now })
    this.#statements.begin.run({ lane, now, until: now + keepMs })
  }

  /** Nothing of this tenant is queued. */
  forget(tenant: string): void {
    this.#statements.forgetLines.run({ tenant })
    this.#statements.forgetLanes.run({ tenant })
  }
}

function prepareAll(db: DatabaseSync) {
  const prepare = (sql: string): StatementSync => db.prepare(sql)
  const line = 'SELECT flow, priority, tenant, version, turn FROM queue_lines WHERE flow = ?'
  const nextTurn = '(SELECT coalesce(max(turn), 0) + 1 FROM queue_lines WHERE flow = :flow AND priority = :priority)'
  return {
    join: prepare('INSERT INTO queued (run, flow, priority, tenant, version) VALUES (?, ?, ?, ?, ?)'),
    leave: prepare('DELETE FROM queued WHERE run = ?'),
    leaveByName: prepare('DELETE FROM queued WHERE run = (SELECT id FROM runs WHERE run = ?)'),
    openLine: prepare(`INSERT OR IGNORE INTO queue_lines (flow, priority, tenant, version, turn) VALUES (:flow, :priority, :tenant, :version, ${nextTurn})`),
    toTheEnd: prepare(`
      UPDATE queue_lines SET turn = ${nextTurn} WHERE flow = :flow AND priority = :priority AND tenant = :tenant AND version = :version`),
    closeLine: prepare('DELETE FROM queue_lines WHERE flow = ? AND priority = ? AND tenant = ? AND version = ?'),
    firstLine: prepare(`${line} ORDER BY priority DESC, turn LIMIT 1`),
    lineAfter: prepare(`${line} AND priority = ? AND turn > ? ORDER BY turn LIMIT 1`),
    lineBelow: prepare(`${line} AND priority < ? ORDER BY priority DESC, turn LIMIT 1`),
    front: prepare(`
      SELECT q.run AS id, r.run FROM queued q LEFT JOIN runs r ON r.id = q.run AND r.status = 'queued'
      WHERE q.flow = ? AND q.priority = ? AND q.tenant = ? AND q.version = ? ORDER BY q.run LIMIT 1`),
    tenantOf: prepare('SELECT tenant, status FROM runs WHERE run = ?'),
    hold: prepare('INSERT OR IGNORE INTO queue_held (flow, run) SELECT ?, id FROM runs WHERE run = ?'),
    held: prepare(`
      SELECT r.tenant, r.owner, count(*) AS runs FROM queue_held h CROSS JOIN runs r ON r.id = h.run
      WHERE h.flow = ? AND r.owner IS NOT NULL AND r.lease_until > ? GROUP BY r.tenant, r.owner`),
    lapsed: prepare(`
      SELECT r.run FROM queue_held h CROSS JOIN runs r ON r.id = h.run WHERE h.flow = ? AND r.owner IS NOT NULL AND r.lease_until <= ?`),
    forgetHeld: prepare('DELETE FROM queue_held WHERE flow = ? AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = queue_held.run AND r.owner IS NOT NULL)'),
    beganAt: prepare('SELECT at FROM queue_begun WHERE lane = :lane AND n = (SELECT max(n) FROM queue_begun WHERE lane = :lane) + 1 - :n'),
    begin: prepare(`
      INSERT INTO queue_begun (lane, n, at, until) VALUES (:lane, (SELECT coalesce(max(n), 0) + 1 FROM queue_begun WHERE lane = :lane), :now, :until)`),
    forgetBegun: prepare(`
      DELETE FROM queue_begun WHERE (lane, n) IN (SELECT lane, n FROM queue_begun WHERE until <= :now ORDER BY until, lane, n LIMIT ${FORGOTTEN_AT_ONCE})`),
    setBack: prepare('UPDATE queue_begun SET at = :now, until = :now + until - at WHERE lane = :lane AND at > :now'),
    forgetLines: prepare(`
      DELETE FROM queue_lines WHERE tenant = :tenant AND NOT EXISTS (
        SELECT 1 FROM queued q WHERE q.flow = queue_lines.flow AND q.priority = queue_lines.priority AND q.tenant = :tenant AND q.version = queue_lines.version)`),
    forgetLanes: prepare("DELETE FROM queue_begun WHERE lane ->> '$[1]' = :tenant"),
  }
}
