/**
 * Which runs of a queue may be driven now, inside the transaction of whoever calls: one process at a time asks of a flow.
 *
 * What the decision (`admit` of tutti) needs is loaded first, and what it changed is written afterwards. Lines are loaded a page at a time: a queue in which many lines
 * are passed over, because their tenants are at their limit, is asked again with a longer page.
 */
import type { PoolClient } from 'pg'
import { type AdmitJob, type Admitted, type AdmittedRun, admit, type Held, type Line, type QueueFacts, type RunId } from 'tutti/store'
import { ask } from './database.ts'
import { type HeadRow, headColumns, headOf } from './head.ts'
import { queueLock } from './queue-lock.ts'

const FIRST_PAGE = 64
const NEXT_PAGE = 16
/** With each that begins so many of before are forgotten, of whatever lane: more than come. */
const FORGOTTEN_AT_ONCE = 8

export async function admitFromQueue(client: PoolClient, job: AdmitJob): Promise<Admitted> {
  await ask(client, { name: 'queue-lock', text: `SELECT pg_advisory_xact_lock(${queueLock('$1::text')})`, values: [job.flow] })
  for (let page = FIRST_PAGE; ; page *= NEXT_PAGE) {
    const queue = await loadQueue(client, job, page)
    try {
      const admitted = admit(queue, job)
      await queue.write(client, job)
      return admitted
    } catch (error) {
      if (!(error instanceof PageEnds)) throw error
    }
  }
}

/** There are more lines than were loaded. */
class PageEnds extends Error {}

interface LoadedLine extends Line {
  readonly runs: readonly HeadRow[]
}

interface Began {
  lane: string
  at: readonly number[]
}

async function loadQueue(client: PoolClient, job: AdmitJob, page: number): Promise<LoadedQueue> {
  const { flow, now, first, lines: takesFromLines, most, limits } = job
  const [held, named, lines] = [
    await ask<Held>(client, {
      name: 'queue-held',
      text: 'SELECT tenant, owner, count(*)::int AS runs FROM runs WHERE admitted AND flow = $1 AND owner IS NOT NULL AND lease_until > $2 GROUP BY tenant, owner',
      values: [flow, now],
    }),
    await ask<HeadRow>(client, {
      name: 'queue-first',
      text: `SELECT ${headColumns} FROM runs r WHERE r.run = ANY ($1) ORDER BY r.id FOR NO KEY UPDATE`,
      values: [first],
    }),
    takesFromLines ? await loadLines(client, flow, page, most) : [],
  ] as const
  const lanes = [laneOf(flow), ...new Set([...named.rows, ...lines].map(({ tenant }) => laneOf(flow, tenant)))]
  const began = await ask<Began>(client, {
    name: 'queue-begun',
    text: `
      SELECT l.lane, array_agg(b.at ORDER BY b.n) AS at FROM unnest($1::text[]) l(lane)
      CROSS JOIN LATERAL (SELECT n, at FROM queue_begun q WHERE q.lane = l.lane ORDER BY n DESC LIMIT $2) b GROUP BY l.lane`,
    values: [lanes, Math.max(limits.rate?.runs ?? 0, limits.ratePerTenant?.runs ?? 0)],
  })
  return new LoadedQueue({ held: held.rows, named: named.rows, lines, isWhole: lines.length < page, began: began.rows })
}

async function loadLines(client: PoolClient, flow: string, page: number, most: number): Promise<readonly LoadedLine[]> {
  const lines = await ask<Line>(client, {
    name: 'queue-lines',
    text: 'SELECT flow, priority, tenant, version, turn FROM queue_lines WHERE flow = $1 ORDER BY priority DESC, turn LIMIT $2',
    values: [flow, page],
  })
  const runs = await ask<HeadRow & { line: number }>(client, {
    name: 'queue-fronts',
    text: `
      WITH front AS (
        SELECT l.i, f.id FROM unnest($2::int[], $3::text[], $4::text[]) WITH ORDINALITY AS l(priority, tenant, version, i)
        CROSS JOIN LATERAL (
          SELECT id FROM runs q WHERE q.status = 'queued' AND q.flow = $1 AND q.priority = l.priority AND q.tenant = l.tenant AND q.version = l.version
          ORDER BY id LIMIT $5) f)
      SELECT ${headColumns}, front.i::int - 1 AS line FROM runs r JOIN front ON front.id = r.id WHERE r.status = 'queued' ORDER BY r.id FOR NO KEY UPDATE OF r`,
    values: [flow, lines.rows.map(({ priority }) => priority), lines.rows.map(({ tenant }) => tenant), lines.rows.map(({ version }) => version), most],
  })
  const fronts = Map.groupBy(runs.rows, ({ line }) => line)
  return lines.rows.map((line, i) => ({ ...line, runs: fronts.get(i) ?? [] }))
}

interface Loaded {
  readonly held: readonly Held[]
  readonly named: readonly HeadRow[]
  readonly lines: readonly LoadedLine[]
  /** No line is missing. */
  readonly isWhole: boolean
  readonly began: readonly Began[]
}

interface OpenLine extends Line {
  turn: number
  readonly runs: HeadRow[]
}

class LoadedQueue implements QueueFacts {
  readonly #held: readonly Held[]
  readonly #named: ReadonlyMap<RunId, HeadRow>
  readonly #isWhole: boolean
  readonly #began: Map<string, number[]>
  #lines: OpenLine[]
  readonly #taken = new Map<RunId, AdmittedRun>()
  readonly #served = new Set<Line>()
  readonly #empty: Line[] = []
  readonly #begun: { lane: string; at: number; until: number }[] = []
  readonly #setBack = new Set<string>()
  #lapses = false
  #turn = 0

  constructor({ held, named, lines, isWhole, began }: Loaded) {
    this.#held = held
    this.#named = new Map(named.map((row) => [row.run, row]))
    this.#isWhole = isWhole
    this.#began = new Map(began.map(({ lane, at }) => [lane, at.map(Number)]))
    this.#lines = lines.map((line) => ({ ...line, runs: [...line.runs] }))
    this.#turn = Math.max(0, ...lines.map(({ turn }) => turn))
  }

  held(): readonly Held[] {
    return this.#held
  }

  tenantOf(run: RunId): { readonly tenant: string; readonly isQueued: boolean } | undefined {
    const row = this.#named.get(run)
    return row && { tenant: row.tenant, isQueued: row.status === 'queued' && !this.#taken.has(run) }
  }

  lineAfter(_flow: string, last: Line | undefined): Line | undefined {
    const line = this.#lines.find((each) => !last || byRank(each, last) > 0)
    if (!line && !this.#isWhole) throw new PageEnds()
    return line && { ...line }
  }

  front(of: Line): RunId | undefined {
    const line = this.#open(of)
    const run = line?.runs.find((each) => !this.#taken.has(each.run))
    if (run) return run.run
    if (line) this.#empty.push(line)
    this.#lines = this.#lines.filter((each) => each !== line)
    return undefined
  }

  served(of: Line): void {
    const line = this.#open(of)
    if (!line) return
    line.turn = ++this.#turn
    // Once more at the end: the order in which they were served last is the order of their turns.
    this.#served.delete(line)
    this.#served.add(line)
    this.#lines.sort(byRank)
  }

  take(run: RunId, { owner, now, until, gone }: AdmitJob): AdmittedRun | undefined {
    const row = this.#named.get(run) ?? this.#lines.flatMap(({ runs }) => runs).find((each) => each.run === run)
    if (!row || this.#taken.has(run) || row.status === 'completed' || row.status === 'failed' || row.status === 'cancelled') return undefined
    if (row.owner !== null && !gone.includes(row.owner) && (row.lease_until ?? 0) > now) return undefined
    const isNew = row.status === 'queued'
    const epoch = row.epoch + 1
    const head = headOf({ ...row, status: isNew ? 'running' : row.status, epoch, owner, lease_until: until })
    const taken = { lease: { run, epoch, until }, head, isNew }
    this.#taken.set(run, taken)
    return taken
  }

  lapse(): void {
    this.#lapses = true
  }

  beganAt(lane: string, n: number, now: number): number | undefined {
    const began = this.#began.get(lane)
    // A clock that was set back would otherwise hold everybody up until it stands again where it stood.
    if (began && (began.at(-1) ?? 0) > now) {
      this.#setBack.add(lane)
      this.#began.set(
        lane,
        began.map((at) => Math.min(at, now)),
      )
    }
    return this.#began.get(lane)?.at(-n)
  }

  begin(lane: string, now: number, keepMs: number): void {
    this.#began.set(lane, [...(this.#began.get(lane) ?? []), now])
    this.#begun.push({ lane, at: now, until: now + keepMs })
  }

  async write(client: PoolClient, { flow, owner, now, until }: AdmitJob): Promise<void> {
    const taken = [...this.#taken.keys()]
    if (taken.length > 0)
      await ask(client, {
        name: 'queue-take',
        text: `
          UPDATE runs SET status = CASE status WHEN 'queued' THEN 'running' ELSE status END, epoch = epoch + 1, owner = $2, lease_until = $3, admitted = true
          WHERE run = ANY ($1)`,
        values: [taken, owner, until],
      })
    for (const line of this.#served)
      await ask(client, { name: 'queue-served', text: `UPDATE queue_lines SET turn = nextval('queue_turns') WHERE ${isLine}`, values: placeOf(line) })
    for (const line of this.#empty)
      await ask(client, { name: 'queue-close', text: `DELETE FROM queue_lines WHERE ${isLine} AND ${isEmpty}`, values: placeOf(line) })
    if (this.#setBack.size > 0)
      await ask(client, {
        text: 'UPDATE queue_begun SET at = $2, until = $2 + until - at WHERE lane = ANY ($1) AND at > $2',
        values: [[...this.#setBack], now],
      })
    if (this.#begun.length > 0) await this.#writeBegun(client, now)
    if (this.#lapses)
      await ask(client, {
        name: 'queue-lapse',
        text: 'UPDATE runs SET owner = NULL, lease_until = NULL, admitted = false WHERE admitted AND flow = $1 AND owner IS NOT NULL AND lease_until <= $2',
        values: [flow, now],
      })
  }

  async #writeBegun(client: PoolClient, now: number): Promise<void> {
    const begun = this.#begun
    await ask(client, {
      name: 'queue-forget',
      text: 'DELETE FROM queue_begun WHERE n IN (SELECT n FROM queue_begun WHERE until <= $1 ORDER BY until, n LIMIT $2)',
      values: [now, FORGOTTEN_AT_ONCE * begun.length],
    })
    await ask(client, {
      name: 'queue-begin',
      text: 'INSERT INTO queue_begun (lane, at, until) SELECT lane, at, until FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY b(lane, at, until, i) ORDER BY i',
      values: [begun.map(({ lane }) => lane), begun.map(({ at }) => at), begun.map((each) => each.until)],
    })
  }

  #open(of: Line): OpenLine | undefined {
    return this.#lines.find((line) => line.priority === of.priority && line.tenant === of.tenant && line.version === of.version)
  }
}

const isLine = 'flow = $1 AND priority = $2 AND tenant = $3 AND version = $4'
const isEmpty = "NOT EXISTS (SELECT 1 FROM runs WHERE status = 'queued' AND flow = $1 AND priority = $2 AND tenant = $3 AND version = $4)"
const placeOf = ({ flow, priority, tenant, version }: Line) => [flow, priority, tenant, version]
const byRank = (a: Line, b: Line): number => b.priority - a.priority || a.turn - b.turn

/** As `admit` names whose beginnings are counted together. */
const laneOf = (...names: readonly string[]): string => JSON.stringify(names)
