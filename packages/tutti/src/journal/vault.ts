/**
 * The keys of an encrypted journal, as one connection knows them.
 *
 * Owns: the key file, opened when the first key is needed; what it remembers of it. Does not own: what is sealed with them.
 * `application_id` of the journal says that something in it is sealed, so that a journal is not opened without its key by mistake.
 * Which key is in use is asked inside a transaction of the journal; a key is retired and destroyed inside one too. So none is destroyed while a run is begun with it.
 */
import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import { checkOptions, checkValue, is, type RunId, type Scope } from '../primitives/index.ts'
import type { EncryptionOptions, Subject } from './encryption.port.ts'
import { KeyFile } from './key-file.ts'
import { type DataKey, KEY_BYTES, type Seal } from './seal.ts'

/** 'tuts', for `PRAGMA application_id`. */
const SEALED = 0x74757473
const MOST_SEALS = 5_000

export class Vault {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #master: Uint8Array | undefined
  #file: KeyFile | undefined
  readonly #keys = new Map<number, DataKey>()
  readonly #seals = new Map<string, Seal>()
  /** Which key a scope has, while no other connection has written to the journal. */
  readonly #inUse = new Map<string, DataKey>()

  /** @throws CONFIG_INVALID | JOURNAL_KEY_NEEDED | JOURNAL_KEY_WRONG */
  constructor(db: DatabaseSync, journal: string, encryption: EncryptionOptions | undefined) {
    this.#db = db
    this.#path = encryption?.keys ?? `${journal}.keys`
    this.#master = encryption && masterKey(encryption.key)
    if (this.#isSealed() || (this.#master && existsSync(this.#path))) this.#opened()
  }

  /** Whether what is written from now on is sealed. */
  get seals(): boolean {
    return this.#master !== undefined
  }

  /** The key that a new run of this scope is sealed with. */
  forScope({ tenant, user }: Scope): DataKey {
    const name = JSON.stringify([tenant, user])
    let key = this.#inUse.get(name)
    if (!key) {
      key = this.#opened().forScope({ tenant, user })
      if (!this.#isSealed()) this.#mark()
      this.#inUse.set(name, key)
      this.#keys.set(key.id, key)
    }
    return key
  }

  /** @throws JOURNAL_CORRUPT when the key is not there */
  byId(id: number): DataKey {
    const key = this.#keys.get(id) ?? this.#opened().byId(id)
    if (!key)
      throw new TuttiError('JOURNAL_CORRUPT', `key ${id} is not in '${this.#path}'`, { data: { key: id }, hint: 'It was destroyed, or this is another file.' })
    this.#keys.set(id, key)
    return key
  }

  /** What content of this run is sealed with; `undefined`: with nothing. */
  ofRun(key: number | null, run: RunId): Seal | undefined {
    if (key === null) return undefined
    const name = `${key} ${run}`
    const known = this.#seals.get(name)
    if (known) return known
    if (this.#seals.size >= MOST_SEALS) this.#seals.clear()
    const seal = this.byId(key).ofRun(run)
    this.#seals.set(name, seal)
    return seal
  }

  /** Every key there is: for a blob of which nobody says whose it is. */
  all(): readonly DataKey[] {
    return this.#isSealed()
      ? this.#opened()
          .ids()
          .map((id) => this.byId(id))
      : []
  }

  retire(subject: Subject): void {
    if (!this.#isSealed()) return
    this.#opened().retire(subject)
    this.#inUse.clear()
    // As it was; but the journal is written to, which is what tells the others to ask again.
    this.#mark()
  }

  /** Destroys the retired keys of a subject: how many. What is still sealed with them is lost. */
  destroy(subject: Subject): number {
    if (!this.#isSealed()) return 0
    const retired = this.#opened().retired(subject)

    for (const id of retired) this.#opened().destroy(id)
    this.#keys.clear()
    this.#seals.clear()
    return retired.length
  }

  /** Another connection has written. */
  forget(): void {
    this.#inUse.clear()
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #mark(): void {
    this.#db.exec(`PRAGMA application_id = ${SEALED}`)
  }

  #isSealed(): boolean {
    return (this.#db.prepare('PRAGMA application_id').get() as { application_id: number }).application_id === SEALED
  }

  #opened(): KeyFile {
    if (!this.#master) throw new TuttiError('JOURNAL_KEY_NEEDED', `the journal is encrypted, and no key was given`, { data: { keys: this.#path } })
    this.#file ??= KeyFile.open(this.#path, this.#master, { mustExist: this.#isSealed() })
    return this.#file
  }
}

/** Wraps the data keys of a journal with another master key, all or none. Close what else uses the journal first. @throws CONFIG_INVALID | JOURNAL_KEY_WRONG | JOURNAL_KEY_NEEDED */
export function rotateKey(journal: string, from: EncryptionOptions, to: Pick<EncryptionOptions, 'key'>): void {
  checkValue('the path of the journal that rotateKey() was given', 'journal', journal, is.line)
  checkOptions<EncryptionOptions>('the first key of rotateKey()', from, { key: true, keys: is.line })
  checkOptions<Pick<EncryptionOptions, 'key'>>('the next key of rotateKey()', to, { key: true })
  const next = masterKey(to.key)
  const file = KeyFile.open(from.keys ?? `${journal}.keys`, masterKey(from.key), { mustExist: true })
  try {
    file.rewrap(next)
  } finally {
    file.close()
  }
}

/** @throws CONFIG_INVALID, without a word of what was given */
function masterKey(key: string | Uint8Array): Uint8Array {
  const bytes = typeof key === 'string' ? Buffer.from(key.trim(), /^[0-9a-f]{64}$/i.test(key.trim()) ? 'hex' : 'base64') : key
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return bytes
  throw new TuttiError('CONFIG_INVALID', `the master key of a journal is ${KEY_BYTES} bytes; the one given is not`, {
    hint: 'Make one: openssl rand -base64 32',
  })
}
