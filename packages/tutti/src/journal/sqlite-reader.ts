/** Everything that is read from a journal file. Each method is one statement, or a page of one. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { AccountState } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { Json, RunId } from '../primitives/index.ts'
import { checkBlob, corruptEntry, parseEntry } from './codec.ts'
import type { Entry } from './entry.ts'
import { hasLabels } from './labels.ts'
import { openLetter } from './letter.ts'
import { LIST_LIMIT, READ_PAGE } from './page.ts'
import type { QueuePlace } from './queue.port.ts'
import { type LineLength, type LinePlace, placeAmong } from './queue-place.ts'
import { damagedRow, entryCheck, letterCheck } from './row-check.ts'
import type { ScheduleState } from './schedule.port.ts'
import { listAccounts } from './sqlite-accounts.ts'
import { asNumber, entryPlace, type HeadRow, headOf, listedHead, readColumns } from './sqlite-head.ts'
import { entryKey, RUN_SPAN } from './sqlite-schema.ts'
import type { AccountFilter } from './standing.port.ts'
import type { FlowVersion, InboxMessage, RunFilter, RunHead } from './store.port.ts'
import type { Vault } from './vault.ts'

type EntryRow = readonly [key: number, body: string | Uint8Array | null, crc: number]

/** Of a run in this file. */
export interface RunNumber {
  readonly id: number
  readonly key: number | null
  /** It holds so many entries at least. */
  readonly least: number
}
interface LetterRow {
  readonly number: number
  readonly key: number | null
  readonly id: string
  readonly n: number
  readonly body: string
  readonly crc: number
}

interface ScheduleRow {
  readonly name: string
  readonly considered: number
  readonly paused: number
  readonly run: RunId | null
  readonly spec: string | null
  /** The data key that `spec` is sealed with. */
  readonly key: number | null
}

/** `lastSeq` and `updatedAt` are those of the last entry, so that an append need not touch `runs`. */
const HEAD = `
  SELECT ${readColumns}, p.key AS last_key, ${asNumber('p.crc')} AS last_crc, e.body AS last_body FROM runs r
  LEFT JOIN places p ON p.key = (SELECT l.key FROM places l WHERE l.key > r.id * ${RUN_SPAN} AND l.key < (r.id + 1) * ${RUN_SPAN} ORDER BY l.key DESC LIMIT 1)
  LEFT JOIN entries e ON e.n = p.n`
const UNDRIVEN = `(r.lease_until IS NULL OR r.lease_until <= :now) 
  AND (r.flow, r.version) IN (SELECT value ->> 'flow', value ->> 'version' FROM json_each(:flows))`
const GOES_ON = `r.status IN ('running', 'waiting')`
const SAME_LINE = 'b.flow = q.flow AND b.priority = q.priority AND b.tenant = q.tenant AND b.version = q.version'

export class SqliteReader {
  readonly #db: DatabaseSync
  readonly #vault: Vault
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync, vault: Vault) {
    this.#db = db
    this.#vault = vault
  }

  head(run: RunId): RunHead | undefined {
    const row = this.#prepare(`${HEAD} WHERE r.run = ?`).get(run) as HeadRow | undefined
    return row && headOf(row, this.#vault)
  }

  /** @throws JOURNAL_CORRUPT */
  accounts(filter: AccountFilter): readonly AccountState[] {
    return listAccounts(this.#db, this.#vault, filter)
  }

  /** The number of a run in this file: never another run's, also when this one is removed. */
  numberOf(run: RunId): RunNumber | undefined {
    return this.#prepare('SELECT id, key_id AS key, last_seq AS least FROM runs WHERE run = ?').get(run) as RunNumber | undefined
  }

  /** The next entries after `after`, `READ_PAGE` of them or what there is. @throws JOURNAL_CORRUPT | JOURNAL_NEWER */
  page(run: RunId, { id, key: sealedWith }: Pick<RunNumber, 'id' | 'key'>, after: number): Entry[] {
    const statement = this.#prepare(
      'SELECT p.key, e.body, p.crc FROM places p LEFT JOIN entries e ON e.n = p.n WHERE p.key > ? AND p.key < ? ORDER BY p.key LIMIT ?',
    )
    // An object for each row would cost a tenth of what reading it does.
    statement.setReturnArrays(true)
    const rows = statement.all(entryKey(id, after), entryKey(id + 1, 0), READ_PAGE) as unknown as readonly EntryRow[]
    const seal = this.#vault.ofRun(sealedWith, run)
    return rows.map(([key, body, crc], i) => {
      const seq = after + 1 + i
      if (key !== entryKey(id, seq) || body === null) throw corruptEntry(run, seq, 'is missing')
      const isWhole = seal ? body instanceof Uint8Array : typeof body === 'string'
      if (!isWhole || entryCheck(id, seq, body) !== crc) throw corruptEntry(run, seq, 'does not hold what was written')
      return parseEntry(seal ? seal.openText(entryPlace(seq), body) : (body as string), run, seq)
    })
  }

  /** @param run whose blob it is; without it every key there is is tried */
  blob(hash: string, run?: RunId): string {
    const plain = this.#blobAt(blobKey(hash))
    return checkBlob(hash, typeof plain === 'string' ? plain : this.#sealedBlob(hash, run))
  }

  #sealedBlob(hash: string, run: RunId | undefined): string | undefined {
    const { key = null } = (run !== undefined && this.numberOf(run)) || {}
    for (const each of key === null ? this.#vault.all() : [this.#vault.byId(key)]) {
      const sealed = this.#blobAt(each.addressOf(hash))
      if (sealed instanceof Uint8Array) return each.openBlob(hash, sealed)
    }
    return undefined
  }

  #blobAt(address: Uint8Array): unknown {
    return (this.#prepare('SELECT body FROM blobs WHERE hash = ?').get(address) as { body: unknown } | undefined)?.body
  }

  list({ flow, tenant, status, labels, limit = LIST_LIMIT, before }: RunFilter): RunHead[] {
    const statement = this.#prepare(`
      ${HEAD}
      WHERE r.created_at < coalesce(:before, 9.3e18) AND (:flow IS NULL OR r.flow = :flow) AND (:tenant IS NULL OR r.tenant = :tenant)
        AND (:status IS NULL OR r.status IN (SELECT value FROM json_each(:status)))
        AND (:labels IS NULL OR r.key_id IS NOT NULL OR NOT EXISTS (
          SELECT 1 FROM json_each(:labels) w
          WHERE NOT EXISTS (SELECT 1 FROM json_each(iif(json_valid(r.labels), r.labels, '{}')) h WHERE h.key = w.key AND h.value = w.value)
        ))
      ORDER BY r.created_at DESC, r.id DESC LIMIT :limit`)
    const most = labels ? -1 : limit
    const rows = statement.iterate({
      before: before ?? null,
      flow: flow ?? null,
      tenant: tenant ?? null,
      status: status ? JSON.stringify(status) : null,
      labels: labels ? JSON.stringify(labels) : null,
      limit: most,
    })
    const heads: RunHead[] = []
    for (const row of rows as Iterable<unknown>) {
      if (heads.length >= limit) break
      const head = listedHead(row as HeadRow, this.#vault)
      if ((tenant !== undefined || labels) && head.damaged) continue
      // The statement cannot look into labels that are sealed.
      if (hasLabels(head.labels, labels)) heads.push(head)
    }
    return heads
  }

  inbox(run: RunId): InboxMessage[] {
    const statement = this.#prepare(`
      SELECT i.run AS number, (SELECT key_id FROM runs WHERE id = i.run) AS key, i.id, i.n, i.body, i.crc FROM inbox i WHERE i.run = (SELECT id FROM runs WHERE run = ?) AND i.body IS NOT NULL ORDER BY i.n`)
    return (statement.all(run) as unknown as readonly LetterRow[]).map(({ number, key, id, n, body, crc }) => {
      if (letterCheck(number, id, n, body) !== crc) throw damagedRow(run, 'inbox', `holds a message, '${id}', that is not what was sent`)
      return openLetter(body, this.#vault.ofRun(key, run))
    })
  }

  /** Indexed look-ups, so that runs at rest cost nothing until their time has come. */
  due(flows: readonly FlowVersion[], now: number, limit: number): RunHead[] {
    const statement = this.#prepare(`
      ${HEAD}
      WHERE r.id IN (
        SELECT id FROM (SELECT r.id FROM runs r WHERE r.status = 'running' AND ${UNDRIVEN} LIMIT :limit)
        UNION SELECT id FROM (SELECT r.id FROM runs r WHERE r.wake_at <= :now AND ${GOES_ON} AND ${UNDRIVEN} LIMIT :limit)
        UNION SELECT id FROM (
          SELECT r.id FROM (SELECT run, max(iif(json_valid(body), body ->> '$.type', NULL) = 'cancel') AS cancels FROM inbox WHERE body IS NOT NULL GROUP BY run) i CROSS JOIN runs r ON r.id = i.run
          WHERE (${GOES_ON} OR r.status = 'suspended' AND i.cancels) AND ${UNDRIVEN} LIMIT :limit
        )
        UNION SELECT (
          SELECT q.run FROM queue_lines l JOIN queued q USING (flow, priority, tenant, version)
          WHERE l.flow = f.value ->> 'flow' AND l.version = f.value ->> 'version' LIMIT 1
        ) FROM json_each(:flows) f
      )
      ORDER BY r.id LIMIT :limit`)
    return (statement.all({ flows: JSON.stringify(flows), now, limit }) as unknown as readonly HeadRow[])
      .map((row) => listedHead(row, this.#vault))
      .filter(({ damaged }) => !damaged)
  }

  unheard(flows: readonly string[], limit: number): RunHead[] {
    const statement = this.#prepare(`
      ${HEAD}
      WHERE r.id IN (SELECT DISTINCT run FROM inbox WHERE body IS NOT NULL) AND r.flow IN (SELECT value FROM json_each(?))
        AND r.status IN ('queued', 'running', 'waiting', 'suspended')
      ORDER BY r.id LIMIT ?`)
    return (statement.all(JSON.stringify(flows), limit) as unknown as readonly HeadRow[])
      .map((row) => listedHead(row, this.#vault))
      .filter(({ damaged }) => !damaged)
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
    const rows = this.#prepare(
      'SELECT name, considered, paused, run, spec, key_id AS key FROM schedules ORDER BY name',
    ).all() as unknown as readonly ScheduleRow[]
    return rows.map(({ name, considered, paused, run, spec, key }) => ({
      name,
      considered,
      paused: paused === 1,
      ...(run !== null && { run }),
      ...(spec !== null && specOf(() => (key === null ? spec : this.#vault.byId(key).ofSchedule(name).openText('spec', spec)))),
    }))
  }

  /** What SQLite finds wrong with the file itself, a few lines of it at most. */
  check(): string[] {
    const rows = this.#prepare('PRAGMA integrity_check(5)').all() as unknown as readonly { integrity_check: string }[]
    return rows.flatMap(({ integrity_check: says }) => (says === 'ok' ? [] : says.split('\n')))
  }

  /** Another number than last time: another connection has committed since. */
  dataVersion(): number {
    return (this.#prepare('PRAGMA data_version').get() as { data_version: number }).data_version
  }

  /** Pages of the file that hold nothing. */
  freePages(): number {
    return (this.#prepare('PRAGMA freelist_count').get() as { freelist_count: number }).freelist_count
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

/** One that cannot be read holds up no other. */
function specOf(open: () => string): Pick<ScheduleState, 'spec' | 'damaged'> {
  try {
    return { spec: JSON.parse(open()) as Json }
  } catch (error) {
    if (error instanceof SyntaxError || TuttiError.is(error, 'JOURNAL_CORRUPT')) return { damaged: true }
    throw error
  }
}

/** The 128 bits of a hash: half of what its hexadecimal text would take. */
export const blobKey = (hash: string): Uint8Array => Buffer.from(hash, 'base64url')
