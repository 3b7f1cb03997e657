/** What names a message on its way to a run. */
import { randomBytes } from 'node:crypto'
import { TuttiError } from '../errors/index.ts'

/** Begins the ids that tutti makes. One of these is posted once and by nobody else, so a store forgets it with its message; any other it remembers. */
const MADE = '~'

export const isMade = (id: string): boolean => id.startsWith(MADE)

/** The id that a sender gave, or one that nobody has (72 random bits). @throws CONFIG_INVALID when it could be one that was made here */
export function messageId(given?: string | undefined): string {
  if (given === undefined) return MADE + randomBytes(9).toString('base64url')
  if (!isMade(given)) return given
  throw new TuttiError('CONFIG_INVALID', `the id '${given}' begins with '${MADE}', as those that tutti makes do`, {
    hint: 'Give the message an id of your own, so that sending it again is a duplicate.',
  })
}
