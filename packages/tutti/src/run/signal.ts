import { TuttiError } from '../errors/index.ts'
import { checkValue, type InOf, is, type OutOf, type Schema, sayGiven } from '../primitives/index.ts'
import type { Signal } from './definition.port.ts'
import { checkName } from './flow.ts'

/**
 * Declares a message that a run may wait for: an approval, an answer, a webhook.
 * @throws CONFIG_INVALID without a schema
 * @example
 * const Approval = signal('approval', z.object({ ok: z.boolean() }))
 */
export function signal<S extends Schema>(name: string, schema: S): Signal<InOf<S>, OutOf<S>> {
  checkName(name, 'signal')
  checkValue(`the schema of the signal '${name}'`, 'schema', schema, is.schema)
  return { name, '~signal': { schema } } as unknown as Signal<InOf<S>, OutOf<S>>
}

/** @param what as it reads before "is" @throws CONFIG_INVALID for what `signal()` did not make */
export function checkSignal(what: string, given: unknown): void {
  if (typeof given === 'object' && given !== null && '~signal' in given) return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(given)}`, { hint: "Declare it: const Approval = signal('approval', schema)." })
}
