/**
 * How content is sealed: AES-256-GCM, under a key that is derived for one run, from the data key of whose run it is.
 *
 * A sealed text is a nonce (12 random bytes), the ciphertext and the tag (16 bytes). What it is (`place`: which entry, which column) is bound to it, and the run by its
 * key, so that none can be put in the place of another. A run holds at most 2^24 entries, so random nonces do not meet under one key (below 2^-48).
 * Blobs lie under a keyed hash of theirs: two data keys share no blob, and nobody without the key can tell what was stored by guessing at it.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import { TuttiError } from '../errors/index.ts'

const NONCE = 12
const TAG = 16
export const KEY_BYTES = 32

/** Random bytes in stock: asking for twelve at a time would cost as much as sealing with them. */
const stock = Buffer.alloc(NONCE * 512)
let used = stock.length

function newNonce(): Buffer {
  if (used === stock.length) {
    randomFillSync(stock)
    used = 0
  }
  used += NONCE
  return Buffer.from(stock.subarray(used - NONCE, used))
}

/** Seals and opens under one key. */
export class Seal {
  readonly #key: KeyObject

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  seal(place: string, text: string | Uint8Array): Buffer {
    const nonce = newNonce()
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG }).setAAD(Buffer.from(place))
    const body = typeof text === 'string' ? cipher.update(text, 'utf8') : cipher.update(text)
    return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()])
  }

  /** `undefined` when it was not sealed under this key, for this place, or was changed since. */
  open(place: string, sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < NONCE + TAG) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE), { authTagLength: TAG }).setAAD(Buffer.from(place))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
    try {
      return Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()])
    } catch {
      return undefined
    }
  }

  /** For columns of text. */
  sealText(place: string, text: string): string {
    return this.seal(place, text).toString('base64')
  }

  /** @throws JOURNAL_CORRUPT */
  openText(place: string, sealed: string | Uint8Array): string {
    const text = this.open(place, typeof sealed === 'string' ? Buffer.from(sealed, 'base64') : sealed)
    if (text) return text.toString('utf8')
    throw new TuttiError('JOURNAL_CORRUPT', `what is sealed as '${place}' cannot be opened: it was changed, or put in another's place`, { data: { place } })
  }
}

/** The key of one tenant, or of one user of a tenant. */
export class DataKey {
  readonly id: number
  readonly #secret: Uint8Array
  readonly #blobs: Seal

  constructor(id: number, secret: Uint8Array) {
    this.id = id
    this.#secret = secret
    this.#blobs = new Seal(this.#derive('blobs'))
  }

  ofRun(run: string): Seal {
    return new Seal(this.#derive(`run ${run}`))
  }

  ofSchedule(name: string): Seal {
    return new Seal(this.#derive(`schedule ${name}`))
  }

  ofAccount(id: string): Seal {
    return new Seal(this.#derive(`account ${id}`))
  }

  /** Where the blob with this hash lies. */
  addressOf(hash: string): Uint8Array {
    return this.#derive(`blob ${hash}`).subarray(0, 16)
  }

  sealBlob(hash: string, text: string): Buffer {
    return this.#blobs.seal(hash, text)
  }

  /** @throws JOURNAL_CORRUPT */
  openBlob(hash: string, sealed: Uint8Array): string {
    return this.#blobs.openText(hash, sealed)
  }

  #derive(what: string): Buffer {
    return createHmac('sha256', this.#secret).update(what).digest()
  }
}
