import { TuttiError } from '../errors/index.ts'
import type { ModelAnswer } from './model.port.ts'

/**
 * An answer as it is recorded, or the text that a fork put in its place.
 * @throws CONFIG_INVALID for what is neither
 */
export function givenAnswer(key: string, given: ModelAnswer | string): ModelAnswer {
  if (typeof given === 'string')
    return {
      message: { role: 'assistant', parts: [{ type: 'text', text: given }] },
      finish: 'stop',
      usage: {},
      model: { id: 'given', why: 'given by the fork' },
    }
  if (Array.isArray((given as Partial<ModelAnswer> | null)?.message?.parts)) return given
  throw new TuttiError('CONFIG_INVALID', `'${key}' is the answer of a model, and was given something else: ${JSON.stringify(given)?.slice(0, 100)}`, {
    hint: 'Give its text, or the whole of it: { "message": { "role": "assistant", "parts": [{ "type": "text", "text": "…" }] }, "finish": "stop", "usage": {}, "model": { "id": "…", "why": "…" } }.',
  })
}
