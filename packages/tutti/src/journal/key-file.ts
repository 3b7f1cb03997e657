/**
 * The file beside an encrypted journal that holds its data keys, each wrapped by the master key: one for each tenant, and for each user that a scope names.
 *
 * A file of its own, because a key that is destroyed must be gone from backups of the journal too: they hold what it sealed, and not the key.
 * Owns: the keys. Does not own: what they seal. Numbers are never given again (AUTOINCREMENT).
 * A key is on disk before anything that it sealed. `retired`: an erasure of whose it was has begun; what comes from then on has another.
 * On a crash: a key that nothing was sealed with is left, and used by the next run of its scope.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import type { Subject } from './encryption.port.ts'
import { DataKey, KEY_BYTES, Seal } from './seal.ts'
import { sqliteOfNode } from './sqlite-connection.ts'
import { guarded } from './sqlite-fault.ts'

interface KeyRow {
  readonly id: number
  readonly tenant: string
  readonly user: string
  readonly wrapped: Uint8Array
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS proof (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, user TEXT NOT NULL, wrapped BLOB NOT NULL, retired INT NOT NULL) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS keys_in_use ON keys (tenant, user) WHERE retired = 0;`
const OF_SUBJECT = 'tenant = :tenant AND (:user IS NULL OR user = :user)'
const PROOF = 'the master key of a tutti journal'
const BUSY_MS = 5_000

export class KeyFile {
  readonly #db: DatabaseSync
  readonly #path: string
  #master: Seal

  private constructor(db: DatabaseSync, path: string, master: Uint8Array) {
    this.#db = db
    this.#path = path
    this.#master = new Seal(master)
  }

  /** @throws JOURNAL_KEY_WRONG; JOURNAL_KEY_NEEDED when it `mustExist` and does not */
  static open(path: string, master: Uint8Array, { mustExist }: { readonly mustExist: boolean }): KeyFile {
    if (mustExist && !existsSync(path))
      throw new TuttiError('JOURNAL_KEY_NEEDED', `the file with the keys of the journal, '${path}', is missing`, {
        data: { path },
        hint: 'Put it back where it was: without it nothing sealed can be read.',
      })
    const Database = sqliteOfNode()
    return guarded(path, () => {
      const db = new Database(path, { timeout: BUSY_MS })
      try {
        db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
        const file = new KeyFile(db, path, master)
        file.#prove()
        return file
      } catch (error) {
        db.close()
        throw error
      }
    })
  }

  /** The key that runs of this scope are sealed with; made when there is none. */
  forScope({ tenant, user = '' }: Subject): DataKey {
    return guarded(this.#path, () => {
      const found = this.#inUse(tenant, user)
      if (found) return this.#unwrap(found)
      const secret = randomBytes(KEY_BYTES)
      this.#db.prepare('INSERT OR IGNORE INTO keys (tenant, user, wrapped, retired) VALUES (?, ?, ?, 0)').run(tenant, user, this.#wrap(tenant, user, secret))
      return this.#unwrap(this.#inUse(tenant, user) as KeyRow)
    })
  }

  byId(id: number): DataKey | undefined {
    return guarded(this.#path, () => {
      const row = this.#db.prepare('SELECT id, tenant, user, wrapped FROM keys WHERE id = ?').get(id) as KeyRow | undefined
      return row && this.#unwrap(row)
    })
  }

  ids(): readonly number[] {
    return guarded(this.#path, () => (this.#db.prepare('SELECT id FROM keys').all() as unknown as readonly { id: number }[]).map(({ id }) => id))
  }

  /** What comes from now on of this subject is sealed with other keys. */
  retire({ tenant, user }: Subject): void {
    guarded(this.#path, () => this.#db.prepare(`UPDATE keys SET retired = 1 WHERE ${OF_SUBJECT}`).run({ tenant, user: user ?? null }))
  }

  /** The numbers of the retired keys of this subject. */
  retired({ tenant, user }: Subject): readonly number[] {
    const rows = guarded(this.#path, () => this.#db.prepare(`SELECT id FROM keys WHERE retired = 1 AND ${OF_SUBJECT}`).all({ tenant, user: user ?? null }))
    return (rows as unknown as readonly { id: number }[]).map(({ id }) => id)
  }

  destroy(id: number): void {
    guarded(this.#path, () => this.#db.prepare('DELETE FROM keys WHERE id = ?').run(id))
  }

  /** Wraps every key anew, in one transaction. */
  rewrap(master: Uint8Array): void {
    guarded(this.#path, () => {
      this.#db.exec('BEGIN IMMEDIATE')
      try {
        const rows = this.#db.prepare('SELECT id, tenant, user, wrapped FROM keys').all() as unknown as readonly KeyRow[]
        const secrets = rows.map((row) => ({ row, secret: this.#secretOf(row) }))
        this.#master = new Seal(master)
        for (const { row, secret } of secrets)
          this.#db.prepare('UPDATE keys SET wrapped = ? WHERE id = ?').run(this.#wrap(row.tenant, row.user, secret), row.id)
        this.#db.prepare('UPDATE proof SET sealed = ?').run(this.#master.seal('proof', PROOF))
        this.#db.exec('COMMIT')
      } catch (error) {
        this.#db.exec('ROLLBACK')
        throw error
      }
    })
  }

  close(): void {
    this.#db.close()
  }

  #prove(): void {
    const row = this.#proof()
    if (!row) {
      this.#db.exec(TABLES)
      this.#db.prepare('INSERT OR IGNORE INTO proof (id, sealed) VALUES (1, ?)').run(this.#master.seal('proof', PROOF))
    }
    const { sealed } = this.#proof() as { sealed: Uint8Array }
    if (this.#master.open('proof', sealed) === undefined) throw wrongKey(this.#path)
  }

  #proof(): { sealed: Uint8Array } | undefined {
    if (!this.#db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'proof'").get()) return undefined
    return this.#db.prepare('SELECT sealed FROM proof').get() as { sealed: Uint8Array } | undefined
  }

  #inUse(tenant: string, user: string): KeyRow | undefined {
    return this.#db.prepare('SELECT id, tenant, user, wrapped FROM keys WHERE tenant = ? AND user = ? AND retired = 0').get(tenant, user) as KeyRow | undefined
  }

  #wrap(tenant: string, user: string, secret: Uint8Array): Buffer {
    return this.#master.seal(JSON.stringify([tenant, user]), secret)
  }

  #unwrap(row: KeyRow): DataKey {
    return new DataKey(row.id, this.#secretOf(row))
  }

  #secretOf({ tenant, user, wrapped }: KeyRow): Uint8Array {
    const secret = this.#master.open(JSON.stringify([tenant, user]), wrapped)
    if (secret) return secret
    throw wrongKey(this.#path)
  }
}

const wrongKey = (path: string): TuttiError =>
  new TuttiError('JOURNAL_KEY_WRONG', `the key given is not the one that the journal was encrypted with ('${path}')`, { data: { path } })
