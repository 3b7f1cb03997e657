/** How a journal is encrypted, and whose data is sealed with one key. Types only. */
import type { Scope } from '../primitives/index.ts'

export interface EncryptionOptions {
  /** The master key: 32 bytes, or their text in base64 or hexadecimal, as `openssl rand -base64 32` prints them. It is not kept anywhere. */
  key: string | Uint8Array
  /** The file of the data keys. Default: beside the journal, with `.keys` behind its name. */
  keys?: string | undefined
}

/** Whose data it is: without a user, a tenant's and all its users'. */
export type Subject = Pick<Scope, 'tenant' | 'user'>
