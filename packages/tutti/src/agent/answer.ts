/** What an agent answers: the text, or the value of its output schema, checked; what is wrong with it is said so that the model can repair it. */
import { textOf } from '../message/index.ts'
import { type ModelAnswer, parseOutput } from '../model/index.ts'
import { type Complaint, check, type ModelSchema, sayComplaints } from '../primitives/index.ts'
import type { Passage } from '../retrieval/index.ts'
import type { Conversation } from './conversation.ts'

export type Answered = { readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly says: string }

/** A schema that checks an answer against what the agent has read (`cited`). */
interface Verifying {
  readonly '~verify'?: (
    value: never,
    passages: readonly Passage[],
  ) => { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly complaints: readonly Complaint[] }
}

export async function readAnswer(answer: ModelAnswer, schema: (ModelSchema & Verifying) | undefined, conversation: Conversation): Promise<Answered> {
  const text = answer.outputText ?? textOf(answer.message)
  if (!schema) return { ok: true, output: text }
  const parsed = parseOutput(text)
  if (!parsed.ok) return { ok: false, says: parsed.says }
  const checked = await check(schema, parsed.value)
  if (!checked.ok) return { ok: false, says: sayComplaints(checked.complaints) }
  const verified = schema['~verify']?.(checked.value as never, passagesRead(conversation))
  if (!verified) return { ok: true, output: checked.value }
  return verified.ok ? { ok: true, output: verified.value } : { ok: false, says: sayComplaints(verified.complaints) }
}

/** Every passage that a tool has given to the model in this conversation. */
function passagesRead(conversation: Conversation): readonly Passage[] {
  const passages: Passage[] = []
  for (const message of conversation.messages) {
    for (const part of message.parts) {
      if (part.type !== 'tool-result' || part.failed || !Array.isArray(part.output)) continue
      for (const item of part.output as readonly unknown[]) if (isPassage(item)) passages.push(item)
    }
  }
  return passages
}

function isPassage(item: unknown): item is Passage {
  const passage = item as Partial<Passage> | null
  return typeof passage?.text === 'string' && typeof passage.source === 'string' && typeof passage.start === 'number' && typeof passage.end === 'number'
}
