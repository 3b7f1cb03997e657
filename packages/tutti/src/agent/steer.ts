/** Words of a person to agents at work: told at their next turn. */
import { userText } from '../message/index.ts'
import type { Schema } from '../primitives/index.ts'
import { type Run, signal } from '../run/index.ts'
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
export const steer = signal('tutti.steer', text)

/** Whether there is anything to be told. */
export const isSteered = (run: Run): boolean => run['~core'].isSent(steer)

/** Tells what was sent meanwhile; whether there was anything. */
export async function hearSteering(run: Run, conversation: Conversation): Promise<boolean> {
  const said = await run['~core'].taken(steer)
  for (const each of said) conversation.add(userText(each))
  return said.length > 0
}
