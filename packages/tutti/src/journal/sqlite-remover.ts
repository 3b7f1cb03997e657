/**
 * Removes runs from a journal file, inside the transaction of whoever calls.
 *
 * Owns: the order of it. Does not own: the transaction. Cost: linear in what is removed, whatever else is in the file.
 * A blob goes with the last run that names it. A commit that names a blob brings its text, or names one of the run it was forked from, which is kept; so whichever
 * of the two transactions is first, the blob is there afterwards.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RunId } from '../primitives/index.ts'
import type { RemoveJob } from './job.ts'
import type { SqliteAccounts } from './sqlite-accounts.ts'
import { RUN_SPAN } from './sqlite-schema.ts'
import { hasEnded } from './status.ts'
import type { KeptRun, Removal, RunStatus } from './store.port.ts'

interface RunRow {
  readonly id: number
  readonly status: RunStatus
}

export class SqliteRemover {
  readonly #db: DatabaseSync
  readonly #accounts: SqliteAccounts
  #prepared: Statements | undefined

  constructor(db: DatabaseSync, accounts: SqliteAccounts) {
    this.#db = db
    this.#accounts = accounts
  }

  remove({ runs, dryRun, force }: RemoveJob): Removal {
    const removed: RunId[] = []
    const kept: KeptRun[] = []
    let entries = 0
    let bytes = 0
    if (dryRun) this.#db.exec('SAVEPOINT dry_run')
    for (const run of new Set(runs)) {
      const row = this.#statements.find.get(run) as RunRow | undefined
      const why = force && row ? undefined : this.#whyKept(run, row)
      if (why) kept.push(why)
      if (why || !row) continue
      // What it may still be calling is paid for.
      if (!dryRun) this.#accounts.change(row.id, { closes: true })
      const gone = this.#removeOne(row.id)
      removed.push(run)
      entries += gone.entries
      bytes += gone.bytes
    }
    if (dryRun) this.#db.exec('ROLLBACK TO dry_run; RELEASE dry_run')
    return { removed, kept, entries, bytes }
  }

  #whyKept(run: RunId, row: RunRow | undefined): KeptRun | undefined {
    if (!row) return { run, why: 'not-found' }
    if (!hasEnded(row.status)) return { run, why: 'not-ended' }
    const fork = this.#statements.openFork.get(run) as { run: RunId } | undefined
    return fork && { run, why: 'forked', by: fork.run }
  }

  #removeOne(id: number): { readonly entries: number; readonly bytes: number } {
    const { measure, messages, usesOf, dropEntries, dropPlaces, dropUses, dropBlob, dropInbox, dropQueued, dropHeld, dropRun } = this.#statements
    const { entries, bytes } = measure.get({ id }) as { entries: number; bytes: number }
    const inbox = messages.get(id) as { bytes: number }
    const used = usesOf.all(id) as unknown as readonly { blob: number }[]
    dropEntries.run({ id })
    dropPlaces.run({ id })
    dropUses.run(id)
    dropInbox.run(id)
    dropQueued.run(id)
    dropHeld.run({ id })
    dropRun.run(id)
    const blobs = used.map(({ blob }) => (dropBlob.get({ blob }) as { bytes: number } | undefined)?.bytes ?? 0)
    return { entries, bytes: blobs.reduce((total, each) => total + each, bytes + inbox.bytes) }
  }

  get #statements(): Statements {
    this.#prepared ??= prepareAll(this.#db)
    return this.#prepared
  }
}

type Statements = ReturnType<typeof prepareAll>

function prepareAll(db: DatabaseSync) {
  const prepare = (sql: string): StatementSync => db.prepare(sql)
  const ofRun = `key > :id * ${RUN_SPAN} AND key < (:id + 1) * ${RUN_SPAN}`
  return {
    find: prepare('SELECT id, status FROM runs WHERE run = ?'),
    openFork: prepare("SELECT run FROM runs WHERE source = ? AND status IN ('queued', 'running', 'waiting', 'suspended') LIMIT 1"),
    measure: prepare(`SELECT count(*) AS entries, coalesce(sum(octet_length(e.body)), 0) AS bytes FROM places p JOIN entries e ON e.n = p.n WHERE ${ofRun}`),
    messages: prepare('SELECT coalesce(sum(octet_length(body)), 0) AS bytes FROM inbox WHERE run = ?'),
    usesOf: prepare('SELECT blob FROM blob_uses WHERE run = ?'),
    dropEntries: prepare(`DELETE FROM entries WHERE n IN (SELECT n FROM places WHERE ${ofRun})`),
    dropPlaces: prepare(`DELETE FROM places WHERE ${ofRun}`),
    dropUses: prepare('DELETE FROM blob_uses WHERE run = ?'),
    dropBlob: prepare('DELETE FROM blobs WHERE id = :blob AND NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob = :blob) RETURNING octet_length(body) AS bytes'),
    dropInbox: prepare('DELETE FROM inbox WHERE run = ?'),
    dropQueued: prepare('DELETE FROM queued WHERE run = ?'),
    dropHeld: prepare('DELETE FROM queue_held WHERE run = :id AND flow = (SELECT flow FROM runs WHERE id = :id)'),
    dropRun: prepare('DELETE FROM runs WHERE id = ?'),
  }
}
