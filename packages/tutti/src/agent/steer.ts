/** Words of a person to agents at work: told at their next turn. */
import { userText } from '../message/index.ts'
import { encode, type Schema } from '../primitives/index.ts'
import { declaredSignal, ownSignal, type Run } from '../run/index.ts'
import type { Conversation } from './conversation.ts'

const text: Schema<string, string> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => (typeof value === 'string' && value.trim() !== '' ? { value } : { issues: [{ message: 'expected a text' }] }),
  },
}

/**
 * Sent to a run, it reaches the agent at work at its next turn, as a message of the user: recorded, in order, each once, also over a crash. One that has answered
 * meanwhile hears it before its answer counts. It is for the agents that the flow itself calls, not for those that an agent calls as tools; of agents beside one
 * another the first to come to a turn hears it. In a team, whoever speaks next hears it, and in a conversation of several all do.
 * @example await handle.send(steer, 'Only orders of this year, please.')
 */
export const steer = declaredSignal(ownSignal.steer, text)

/** What was sent under that name, whatever it is: from a terminal or another process nobody has checked it, and a wait that refuses it would hold the agent up. */
const sent = declaredSignal(steer.name, {
  '~standard': { version: 1, vendor: 'tutti', validate: (value: unknown) => ({ value }) },
} as Schema<unknown, unknown>)

/** Whether there is anything to be told. */
export const isSteered = (run: Run): boolean => run['~core'].isSent(sent)

/** The words that were sent meanwhile. What is no text is noted, and told to nobody. */
export async function wordsSent(run: Run): Promise<readonly string[]> {
  const words: string[] = []
  for (const each of await run['~core'].taken(sent)) {
    if (typeof each === 'string' && each.trim() !== '') words.push(each)
    else run.note(`something was sent as '${steer.name}' that is no text, so nobody was told of it`, { sent: encode(each) })
  }
  return words
}

/** Tells what was sent meanwhile; whether there was anything. */
export async function hearSteering(run: Run, conversation: Conversation): Promise<boolean> {
  const words = await wordsSent(run)
  for (const each of words) conversation.add(userText(each))
  return words.length > 0
}
