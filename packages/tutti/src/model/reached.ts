import { type Message, textOf } from '../message/index.ts'
import type { Json } from '../primitives/index.ts'

/** What a run has reached with an answer: its text. One that only calls tools says nothing by itself; what a fork put in the place of an answer may be a text. */
export function textReached(answer: Json): Json | undefined {
  if (typeof answer === 'string') return answer
  const message = (answer as { readonly message?: Message } | null)?.message
  return (Array.isArray(message?.parts) && textOf(message as Message)) || undefined
}
