/** A message as it lies in the inbox of an encrypted run: its id and type can be read, because others act on them; the rest is sealed. */
import type { Seal } from './seal.ts'
import type { InboxMessage } from './store.port.ts'

interface SealedLetter extends Pick<InboxMessage, 'id' | 'type'> {
  readonly sealed: string
}

const place = (id: string): string => `message ${id}`

export function sealLetter(body: string, seal: Seal): string {
  const { id, type } = JSON.parse(body) as InboxMessage
  return JSON.stringify({ id, type, sealed: seal.sealText(place(id), body) } satisfies SealedLetter)
}

/** @throws JOURNAL_CORRUPT */
export function openLetter(body: string, seal: Seal | undefined): InboxMessage {
  const letter = JSON.parse(body) as InboxMessage | SealedLetter
  return (seal ? JSON.parse(seal.openText(place(letter.id), (letter as SealedLetter).sealed)) : letter) as InboxMessage
}
